import KafkaWire

/// A group whose members speak the protocol of KIP-848.
struct ConsumerGroup: Sendable {
    /// The group's id.
    let id: String

    /// A group without members.
    init(id: String) { self.id = id }

    /// The state's name, as Kafka shows it.
    var stateName: String { "Empty" }

    /// Whether the group has no members.
    var isEmpty: Bool { true }

    /// Why a commit is refused; nil: it is not.
    func refusal(of claim: CommitClaim) -> ErrorCode? { claim.generation < 0 ? nil : .unknownMemberId }

    /// Why a fetch of offsets is refused; nil: it is not.
    func fetchRefusal(memberID: String?, memberEpoch: Int32) -> ErrorCode? { nil }

    /// Whether a member wants the topic.
    func isSubscribed(to topic: String) -> Bool { false }

    /// When offsets of the group expire.
    var offsetExpiration: OffsetExpiration { .afterCommit }

    /// The records that say that the group is gone.
    var tombstones: [CoordinatorRecord] { [] }
}

/// What groups of KIP-848 wait for.
enum ConsumerDeadline: Hashable, Sendable {
    /// A member's session.
    case session(group: String, member: String)
}
