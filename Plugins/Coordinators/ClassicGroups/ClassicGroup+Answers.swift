import KafkaWire
import NIOCore

// Answers to who waits.
extension ClassicGroup {
    /// Answers the member's JoinGroup, if one waits.
    mutating func answerJoin(of memberID: String, _ response: JoinGroupResponse, _ work: inout GroupWork) {
        guard let join = members[memberID]?.join else { return }
        members[memberID]?.join = nil
        joiningCount -= 1
        work.answer(join.ticket, .join(response))
    }

    /// Answers the member's SyncGroup, if one waits.
    mutating func answerSync(of memberID: String, _ response: SyncGroupResponse, _ work: inout GroupWork) {
        guard let sync = members[memberID]?.sync else { return }
        members[memberID]?.sync = nil
        work.answer(sync, .sync(response))
    }

    /// The member waits for the others. A JoinGroup that it sent before has nobody who reads its answer any more.
    mutating func hold(join ticket: Ticket, of memberID: String, _ origin: RequestOrigin, _ work: inout GroupWork) {
        answerJoin(of: memberID, .failure(.rebalanceInProgress, memberID: memberID), &work)
        members[memberID]?.join = ClassicMember.WaitingJoin(ticket: ticket, version: origin.version)
        joiningCount += 1
    }

    /// The member waits for the leader.
    mutating func hold(sync ticket: Ticket, of memberID: String, _ work: inout GroupWork) {
        answerSync(of: memberID, .failure(.rebalanceInProgress), &work)
        members[memberID]?.sync = ticket
    }

    /// What the member is told of this generation; the leader, of its members too.
    func joined(_ memberID: String) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.generationId = generation
        response.protocolType = protocolType
        response.protocolName = protocolName ?? ""
        response.leader = leader ?? ""
        response.memberId = memberID
        if memberID == leader { response.members = joinedMembers }
        return response
    }

    /// The members as the leader learns of them.
    var joinedMembers: [JoinGroupResponse.JoinGroupResponseMember] {
        membersInOrder.map { member in
            var joined = JoinGroupResponse.JoinGroupResponseMember()
            joined.memberId = member.id
            joined.groupInstanceId = member.instanceID
            joined.metadata = member.metadata(for: protocolName)
            return joined
        }
    }

    /// What the member is told of its assignment.
    func synced(_ memberID: String) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.assignment = members[memberID]?.assignment ?? ByteBuffer()
        return response
    }

    /// The group as DescribeGroups shows it.
    var described: DescribeGroupsResponse.DescribedGroup {
        var described = DescribeGroupsResponse.DescribedGroup()
        described.groupId = id
        described.groupState = state.rawValue
        described.protocolType = protocolType ?? ""
        // While members change, there is no common protocol, and nobody has an assignment.
        if state == .stable { described.protocolData = protocolName ?? "" }
        described.members = membersInOrder.map { member in
            var shown = DescribeGroupsResponse.DescribedGroupMember()
            shown.memberId = member.id
            shown.groupInstanceId = member.instanceID
            shown.clientId = member.clientID
            shown.clientHost = member.clientHost
            if state == .stable {
                shown.memberMetadata = member.metadata(for: protocolName)
                shown.memberAssignment = member.assignment
            }
            return shown
        }
        return described
    }
}

extension JoinGroupResponse {
    /// A refusal.
    static func failure(_ code: ErrorCode, memberID: String) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.errorCode = code
        response.memberId = memberID
        return response
    }
}

extension SyncGroupResponse {
    /// A refusal.
    static func failure(_ code: ErrorCode) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.errorCode = code
        return response
    }
}

extension HeartbeatResponse {
    /// An answer with this code.
    init(_ code: ErrorCode) {
        self.init()
        errorCode = code
    }
}

extension LeaveGroupResponse {
    /// The answer for a group that does not know any of them.
    init(unknownMembersOf request: LeaveGroupRequest) {
        self.init()
        members = request.members.map { MemberResponse($0, .unknownMemberId) }
    }
}

extension LeaveGroupResponse.MemberResponse {
    /// What became of one member.
    init(_ member: LeaveGroupRequest.MemberIdentity, _ code: ErrorCode) {
        self.init()
        memberId = member.memberId
        groupInstanceId = member.groupInstanceId
        errorCode = code
    }
}
