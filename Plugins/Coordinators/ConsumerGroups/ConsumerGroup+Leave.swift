import KafkaWire
import WeirRuntime

/// How members go.
extension ConsumerGroup {
    /// Who is to leave by this heartbeat of epoch -1 or -2.
    func leaving(_ request: ConsumerGroupHeartbeatRequest) throws(GroupRefusal) -> String {
        guard let instance = request.instanceId else {
            guard members[request.memberId] != nil else { throw unknownMember(request.memberId) }
            return request.memberId
        }
        guard let owner = staticMembers[instance] else {
            throw GroupRefusal(.unknownMemberId, "Instance id \(instance) is unknown.")
        }
        try requireInstance(instance, of: owner, is: request.memberId)
        return owner
    }

    /// A static member leaves, and will be back: what it owns stays its own until its session ends.
    mutating func leaveForAWhile(_ memberID: String, _ work: inout GroupWork) {
        guard var current = members[memberID]?.current else { return }
        current.epoch = CurrentAssignment.leftForAWhile
        current.pendingRevocation = TopicPartitionSet()
        if current.state == .unrevokedPartitions { current.state = .unreleasedPartitions }
        record(.current(memberID, current), &work)
        scheduleRevocation(memberID, &work)
    }

    /// Members go for good; those that stay get what they had.
    mutating func remove(_ gone: [String], _ work: inout GroupWork) {
        guard !gone.isEmpty else { return }
        for memberID in gone { erase(memberID, &work) }
        _ = refreshTopics(&work)
        raiseEpoch(&work)
    }

    /// A static member comes back under another id: it has what the one before had, and that one is no more.
    mutating func replace(_ predecessor: String, by memberID: String, _ work: inout GroupWork) {
        guard let member = members[predecessor] else { return }
        let target = targets[predecessor] ?? TopicPartitionSet()
        erase(predecessor, &work)
        var current = member.current
        current.epoch = 0
        current.previousEpoch = 0
        record(.member(memberID, member.metadata), &work)
        record(.target(memberID, target), &work)
        record(.current(memberID, current), &work)
    }

    private mutating func erase(_ memberID: String, _ work: inout GroupWork) {
        record(.current(memberID, nil), &work)
        record(.target(memberID, nil), &work)
        record(.member(memberID, nil), &work)
        for deadline in ConsumerDeadline.all(ofMember: memberID, in: id) {
            work.deadlines.cancel(.consumer(deadline))
        }
    }

    /// The changes that leave nothing of the group.
    var tombstones: [CoordinatorRecord] {
        let ids = members.keys.sorted()
        var changes: [ConsumerGroupChange] = ids.map { .current($0, nil) }
        changes += targets.keys.sorted().map { .target($0, nil) }
        changes.append(.targetEpoch(nil))
        changes += ids.map { .member($0, nil) }
        changes.append(.subscribedTopics([]))
        changes.append(.groupEpoch(nil))
        return changes.map { $0.record(of: id) }
    }
}

/// What groups of KIP-848 wait for.
enum ConsumerDeadline: Hashable, Sendable {
    /// A member's session.
    case session(group: String, member: String)
    /// A member that has partitions to give up.
    case revocation(group: String, member: String)
    /// A member of the classic protocol that was told to join again (KIP-848, online migration).
    case join(group: String, member: String)
    /// A member of the classic protocol that has joined, and is to fetch its assignment.
    case sync(group: String, member: String)

    /// All that can be waited for from a member.
    static func all(ofMember member: String, in group: String) -> [ConsumerDeadline] {
        [
            .session(group: group, member: member), .revocation(group: group, member: member),
            .join(group: group, member: member), .sync(group: group, member: member),
        ]
    }
}
