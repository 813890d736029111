import KafkaWire

/// Who may commit and fetch offsets (KIP-848: fenced by the member's epoch).
extension ConsumerGroup {
    /// Why a commit is refused; nil: it is not.
    func refusal(of claim: CommitClaim) -> ErrorCode? {
        // An admin client, or a consumer that manages its partitions itself: welcome where nobody else is.
        if claim.generation < 0 && members.isEmpty { return nil }
        // Producers that know nothing of KIP-447 say no more than the group, whatever its protocol (KAFKA-18060).
        if claim.isTransactionalOnly { return nil }
        guard let member = members[claim.memberID] else { return .unknownMemberId }
        let isClassic = member.metadata.classicMemberMetadata != nil
        // Before version 9 the field is a generation, whose refusal such a member would not understand.
        if claim.scope == .standalone && !isClassic && claim.version < 9 { return .unsupportedVersion }
        return refusal(of: claim.generation, member)
    }

    /// Why a fetch of offsets is refused; nil: it is not.
    func fetchRefusal(memberID: String?, memberEpoch: Int32) -> ErrorCode? {
        if memberID == nil && memberEpoch < 0 { return nil }
        guard let memberID, let member = members[memberID] else { return .unknownMemberId }
        return refusal(of: memberEpoch, member)
    }

    private func refusal(of epoch: Int32, _ member: Member) -> ErrorCode? {
        guard epoch != member.current.epoch else { return nil }
        return member.metadata.classicMemberMetadata == nil ? .staleMemberEpoch : .illegalGeneration
    }

    /// Whether a member wants the topic.
    func isSubscribed(to topic: String) -> Bool {
        subscriberCounts[topic] != nil || patterns.match(topic)
    }

    /// When offsets of the group expire: as they are committed, where no member wants their topics.
    var offsetExpiration: OffsetExpiration { .afterCommit }
}
