import KafkaWire
import NIOCore

/// Where the coordinator meets the protocol of KIP-848.
extension GroupCoordinator {
    /// ConsumerGroupHeartbeat.
    mutating func consumerHeartbeat(
        _ request: ConsumerGroupHeartbeatRequest, _ origin: RequestOrigin, memberID: String, _ ticket: Ticket
    ) {
        var response = ConsumerGroupHeartbeatResponse()
        response.errorCode = .unsupportedVersion
        work.answer(ticket, .consumerHeartbeat(response))
    }

    /// ConsumerGroupDescribe.
    mutating func describeConsumer(_ id: String, _ ticket: Ticket) {
        var described = ConsumerGroupDescribeResponse.DescribedGroup()
        described.groupId = id
        described.errorCode = .groupIdNotFound
        described.errorMessage = "Group \(id) not found."
        work.answer(ticket, .describeConsumer(described))
    }

    /// JoinGroup to a group of KIP-848 (KIP-848, online migration).
    mutating func joinConsumer(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, memberID: String, _ ticket: Ticket
    ) {
        var response = JoinGroupResponse()
        response.errorCode = .inconsistentGroupProtocol
        work.answer(ticket, .join(response))
    }

    /// SyncGroup to a group of KIP-848.
    mutating func syncConsumer(_ request: SyncGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        var response = SyncGroupResponse()
        response.errorCode = .unknownMemberId
        work.answer(ticket, .sync(response))
    }

    /// Heartbeat to a group of KIP-848.
    mutating func heartbeatConsumer(_ request: HeartbeatRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        var response = HeartbeatResponse()
        response.errorCode = .unknownMemberId
        work.answer(ticket, .heartbeat(response))
    }

    /// LeaveGroup to a group of KIP-848.
    mutating func leaveConsumer(_ request: LeaveGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        work.answer(ticket, .leave(LeaveGroupResponse(unknownMembersOf: request)))
    }

    /// Takes in a record of a group of KIP-848; `key` and the version are behind the key's version.
    mutating func replayConsumer(_ keyVersion: Int16, key: inout ByteBuffer, value: ByteBuffer?) throws(WireError) {}

    /// A group of KIP-848 was replayed whole: its sessions count from now.
    mutating func beginConsumer(_ id: String) {}

    /// Something that a group of KIP-848 waited for is due.
    mutating func consumerDeadlineCame(_ deadline: ConsumerDeadline) {}

    /// Topics came, went or grew: `work.topics` is what there is now.
    mutating func consumerTopicsChanged(from old: TopicsImage) {}

    /// The settings changed: `work.settings` are those of now.
    mutating func consumerSettingsChanged(from old: GroupSettings) {}
}
