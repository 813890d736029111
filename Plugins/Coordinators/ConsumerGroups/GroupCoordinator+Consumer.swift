import KafkaWire
import NIOCore

/// Where the coordinator meets the protocol of KIP-848.
extension GroupCoordinator {
    /// ConsumerGroupHeartbeat.
    mutating func consumerHeartbeat(
        _ request: ConsumerGroupHeartbeatRequest, _ origin: RequestOrigin, memberID: String, _ ticket: Ticket
    ) {
        var response: ConsumerGroupHeartbeatResponse
        do throws(GroupRefusal) {
            try request.validate(version: origin.version, work.settings)
            if request.memberEpoch < 0 {
                response = try leaveConsumer(request)
            } else {
                let memberID = request.memberId.isEmpty ? memberID : request.memberId
                response = try beatConsumer(request, origin, memberID)
            }
        } catch {
            response = ConsumerGroupHeartbeatResponse()
            response.errorCode = error.code
            response.errorMessage = error.message
        }
        work.answer(ticket, .consumerHeartbeat(response))
    }

    private mutating func beatConsumer(
        _ request: ConsumerGroupHeartbeatRequest, _ origin: RequestOrigin, _ memberID: String
    ) throws(GroupRefusal) -> ConsumerGroupHeartbeatResponse {
        let id = request.groupId
        let response = try changeConsumer(id) { group, work throws(GroupRefusal) in
            group.beat(try group.admit(request, from: origin, memberID: memberID, work.settings), &work)
        }
        if let response { return response }
        guard request.memberEpoch == 0 else { throw GroupRefusal(.groupIdNotFound, "Group \(id) not found.") }
        var group = ConsumerGroup(id: id)
        var changes: [ConsumerGroupChange] = []
        if case .classic(let classic)? = groups[id], !classic.members.isEmpty {
            changes = try upgrade(of: classic)
            changes.forEach { group.apply($0) }
        }
        // Only what is let in changes anything: a refused heartbeat leaves the group what it was.
        let heartbeat = try group.admit(request, from: origin, memberID: memberID, settings)
        endClassic(id)
        for change in changes { work.append(change.record(of: id)) }
        group.begin(&work)
        defer { groups[id] = .consumer(group) }
        return group.beat(heartbeat, &work)
    }

    private mutating func leaveConsumer(
        _ request: ConsumerGroupHeartbeatRequest
    ) throws(GroupRefusal) -> ConsumerGroupHeartbeatResponse {
        let id = request.groupId
        let isForAWhile = request.instanceId != nil && request.memberEpoch == CurrentAssignment.leftForAWhile
        let memberID = try changeConsumer(id) { group, work throws(GroupRefusal) in
            let memberID = try group.leaving(request)
            if isForAWhile { group.leaveForAWhile(memberID, &work) }
            return memberID
        }
        guard let memberID else { throw GroupRefusal(.groupIdNotFound, "Group \(id) not found.") }
        if !isForAWhile { removeConsumer([memberID], from: id) }
        var response = ConsumerGroupHeartbeatResponse()
        response.memberId = request.memberId
        response.memberEpoch = request.memberEpoch
        return response
    }

    /// Members of a group go for good. A group whose last member of KIP-848 goes is a classic one again.
    mutating func removeConsumer(_ members: [String], from id: String) {
        if case .consumer(let group)? = groups[id], members.count == 1,
            group.isDowngradable(without: members[0], settings)
        {
            return downgrade(group, without: members[0])
        }
        changeConsumer(id) { group, work in group.remove(members, &work) }
    }

    /// Changes a group of KIP-848 in place; nil where there is none.
    @discardableResult
    mutating func changeConsumer<Result, Failure: Error>(
        _ id: String, _ change: (inout ConsumerGroup, inout GroupWork) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard case .consumer(var group)? = takeConsumer(id) else { return nil }
        defer { groups[id] = .consumer(group) }
        return try change(&group, &work)
    }

    /// Takes a group out while it changes: with two owners, every change would copy its members.
    private mutating func takeConsumer(_ id: String) -> Group? {
        guard case .consumer? = groups[id] else { return nil }
        return groups.removeValue(forKey: id)
    }

    /// ConsumerGroupDescribe.
    mutating func describeConsumer(_ id: String, _ ticket: Ticket) {
        guard case .consumer(let group)? = groups[id] else {
            var described = ConsumerGroupDescribeResponse.DescribedGroup()
            described.groupId = id
            described.errorCode = .groupIdNotFound
            described.errorMessage =
                groups[id] == nil && !offsets.hasGroup(id)
                ? "Group \(id.shortened) not found." : "Group \(id.shortened) is not a consumer group."
            return work.answer(ticket, .describeConsumer(described))
        }
        work.answer(ticket, .describeConsumer(group.described(work)))
    }

    /// Takes in a record of a group of KIP-848; `key` stands behind the version in front.
    mutating func replayConsumer(
        _ keyVersion: Int16, key: inout ByteBuffer, value: ByteBuffer?
    ) throws(WireError) {
        guard let (id, change) = try ConsumerGroupChange.read(keyVersion, key: &key, value: value) else { return }
        guard case .consumer(var group)? = takeConsumer(id) else {
            // A tombstone alone makes no group, and ends none of the other protocol.
            guard !change.isTombstone else { return }
            var group = ConsumerGroup(id: id)
            group.apply(change)
            groups[id] = .consumer(group)
            return
        }
        group.apply(change)
        if change != .groupEpoch(nil) { groups[id] = .consumer(group) }
    }

    /// A group of KIP-848 was replayed whole: its sessions count from now.
    mutating func beginConsumer(_ id: String) {
        changeConsumer(id) { group, work in
            group.topicsAreStale = true
            group.begin(&work)
        }
    }

    /// Something that a group of KIP-848 waited for is due.
    mutating func consumerDeadlineCame(_ deadline: ConsumerDeadline) {
        switch deadline {
        case .session(let id, let member), .join(let id, let member), .sync(let id, let member),
            .revocation(let id, let member):
            guard case .consumer(let group)? = groups[id], group.members[member] != nil else { return }
            removeConsumer([member], from: id)
        }
    }

    /// Topics came, went or grew: each group looks at them with its next heartbeat.
    mutating func consumerTopicsChanged(from old: TopicsImage) {
        for id in groups.keys { changeConsumer(id) { group, _ in group.topicsAreStale = true } }
    }

    /// The settings changed: they hold from the next heartbeat on.
    mutating func consumerSettingsChanged(from old: GroupSettings) {}
}

extension ConsumerGroupHeartbeatRequest {
    /// Refuses what makes no sense whatever the group is.
    fileprivate func validate(version: Int16, _ settings: GroupSettings) throws(GroupRefusal) {
        try Self.requireText(groupId, "GroupId can't be empty.")
        try Self.requireText(instanceId, "InstanceId can't be empty.")
        try Self.requireText(rackId, "RackId can't be empty.")
        // From version 1 on, members name themselves (KIP-1082).
        if version >= 1 || memberEpoch != 0 { try Self.requireText(memberId, "MemberId can't be empty.") }
        switch memberEpoch {
        case 1...: break
        case 0:
            guard rebalanceTimeoutMs != -1 else {
                throw GroupRefusal(.invalidRequest, "RebalanceTimeoutMs must be provided in first request.")
            }
            guard topicPartitions?.isEmpty == true else {
                throw GroupRefusal(.invalidRequest, "TopicPartitions must be empty when (re-)joining.")
            }
            guard subscribedTopicNames != nil || subscribedTopicRegex != nil else {
                throw GroupRefusal(
                    .invalidRequest,
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
            }
        case -1: break
        case CurrentAssignment.leftForAWhile:
            guard instanceId != nil else { throw GroupRefusal(.invalidRequest, "InstanceId can't be null.") }
        default: throw GroupRefusal(.invalidRequest, "MemberEpoch is invalid.")
        }
        // A record has to hold it.
        let names = (subscribedTopicNames ?? []).reduce(0) { $0 + $1.utf8.count }
        guard names <= GroupRecords.sizeBytesMax else {
            throw GroupRefusal(
                .invalidRequest, "SubscribedTopicNames has \(names) bytes, more than \(GroupRecords.sizeBytesMax).")
        }
        let known = settings.consumerAssignors
        if let assignor = serverAssignor, !known.contains(assignor) || ConsumerAssignor(rawValue: assignor) == nil {
            throw GroupRefusal(
                .unsupportedAssignor,
                "ServerAssignor \(assignor) is not supported. Supported assignors: \(known.joined(separator: ", ")).")
        }
    }

    private static func requireText(_ text: String?, _ message: String) throws(GroupRefusal) {
        guard let text, text.allSatisfy(\.isWhitespace) else { return }
        throw GroupRefusal(.invalidRequest, message)
    }
}

extension ConsumerGroupChange {
    /// Whether what the record names is gone.
    fileprivate var isTombstone: Bool {
        switch self {
        case .groupEpoch(let epoch), .targetEpoch(let epoch): epoch == nil
        case .subscribedTopics(let topics): topics.isEmpty
        case .member(_, let value): value == nil
        case .target(_, let value): value == nil
        case .current(_, let value): value == nil
        }
    }
}
