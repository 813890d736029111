import KafkaWire
import NIOCore

// SyncGroup, Heartbeat, LeaveGroup, and what commits ask.
extension ClassicGroup {
    /// Takes in a SyncGroup. The leader's has the assignment, which is recorded before anybody gets it.
    mutating func sync(_ request: SyncGroupRequest, _ ticket: Ticket, _ work: inout GroupWork) {
        let memberID = request.memberId
        if let code = refusal(of: request) { return work.answer(ticket, .sync(.failure(code))) }
        switch state {
        case .empty:
            work.answer(ticket, .sync(.failure(.unknownMemberId)))
        case .preparingRebalance:
            work.answer(ticket, .sync(.failure(.rebalanceInProgress)))
        case .completingRebalance:
            hold(sync: ticket, of: memberID, &work)
            fetched(memberID, &work)
            if memberID == leader { assign(request.assignments, &work) }
        case .stable:
            fetched(memberID, &work)
            work.answer(ticket, .sync(synced(memberID)))
        }
    }

    private func refusal(of request: SyncGroupRequest) -> ErrorCode? {
        if let code = refusal(ofMember: request.memberId, instanceID: request.groupInstanceId) { return code }
        if request.generationId != generation { return .illegalGeneration }
        // KIP-559: what the member believes to be in, if it says so.
        if let type = request.protocolType, let known = protocolType, type != known {
            return .inconsistentGroupProtocol
        }
        if let name = request.protocolName, let known = protocolName, name != known {
            return .inconsistentGroupProtocol
        }
        return nil
    }

    private mutating func fetched(_ memberID: String, _ work: inout GroupWork) {
        pendingSyncs.remove(memberID)
        if pendingSyncs.isEmpty { work.deadlines.cancel(.sync(group: id)) }
    }

    private mutating func assign(_ assignments: [SyncGroupRequest.SyncGroupRequestAssignment], _ work: inout GroupWork)
    {
        // Who is not named gets nothing, and has nothing left of the generation before.
        for memberID in members.keys { members[memberID]?.assignment.clear() }
        for assignment in assignments { members[assignment.memberId]?.assignment = assignment.assignment.owned }
        guard recordSizeBytes <= GroupRecords.sizeBytesMax else { return refuseAssignment(&work) }
        become(.stable, work)
        work.append(record())
        for member in membersInOrder where member.sync != nil {
            answerSync(of: member.id, synced(member.id), &work)
            restartSession(of: member.id, &work)
        }
    }

    /// No record holds the generation, so that nobody gets it; as Kafka does where its log does not take the record.
    private mutating func refuseAssignment(_ work: inout GroupWork) {
        for member in membersInOrder where member.sync != nil {
            answerSync(of: member.id, .failure(.unknownServerError), &work)
            restartSession(of: member.id, &work)
        }
        prepareRebalance(&work)
    }

    /// What a Heartbeat is answered; the session begins anew where the member is one. O(1), and changes nothing else.
    func heartbeat(_ request: HeartbeatRequest, _ work: inout GroupWork) -> ErrorCode {
        if let code = refusal(ofMember: request.memberId, instanceID: request.groupInstanceId) { return code }
        if request.generationId != generation { return .illegalGeneration }
        switch state {
        case .empty: return .unknownMemberId
        case .preparingRebalance:
            restartSession(of: request.memberId, &work)
            return .rebalanceInProgress
        case .completingRebalance, .stable:
            restartSession(of: request.memberId, &work)
            return .none
        }
    }

    /// Takes in a LeaveGroup of any number of members; one rebalance for all of them.
    mutating func leave(_ request: LeaveGroupRequest, _ ticket: Ticket, _ work: inout GroupWork) {
        var response = LeaveGroupResponse()
        response.members = request.members.map { member in
            LeaveGroupResponse.MemberResponse(member, leave(member, &work))
        }
        work.answer(ticket, .leave(response))
        guard response.members.contains(where: { $0.errorCode == .none }) else { return }
        switch state {
        case .stable, .completingRebalance: prepareRebalance(&work)
        case .preparingRebalance: completeIfAllJoined(&work)
        case .empty: break
        }
    }

    private mutating func leave(_ member: LeaveGroupRequest.MemberIdentity, _ work: inout GroupWork) -> ErrorCode {
        if member.memberId.isEmpty {
            // An administrator puts out a static member by its owner's name for it.
            guard let instanceID = member.groupInstanceId, let memberID = staticMembers[instanceID] else {
                return .unknownMemberId
            }
            remove(memberID, &work)
            return .none
        }
        if !pendingJoins.contains(member.memberId),
            let code = refusal(ofMember: member.memberId, instanceID: member.groupInstanceId)
        {
            return code
        }
        remove(member.memberId, &work)
        return .none
    }

    /// Why a commit is refused; nil: it is not.
    func refusal(of claim: CommitClaim) -> ErrorCode? {
        // Tools, and consumers that use no group: they may while nobody else could be told of it.
        if claim.generation < 0, state == .empty { return nil }
        if claim.generation >= 0 || !claim.memberID.isEmpty || claim.instanceID != nil {
            if let code = refusal(ofMember: claim.memberID, instanceID: claim.instanceID) { return code }
            if claim.generation != generation { return .illegalGeneration }
        } else if claim.scope == .standalone {
            return .unknownMemberId
        }
        // The member has the new generation, but not its partitions: it has to come again after SyncGroup.
        // A transaction is fenced by its producer, and before version 3 does not name a member at all.
        return claim.scope == .standalone && state == .completingRebalance ? .rebalanceInProgress : nil
    }

    /// A commit of a member shows that it lives.
    func committed(by memberID: String, _ work: inout GroupWork) {
        guard state == .stable || state == .preparingRebalance else { return }
        restartSession(of: memberID, &work)
    }

    /// Whether a member wants the topic; where it is not known of consumers, they might.
    func isSubscribed(to topic: String) -> Bool {
        guard let subscribedTopics else { return protocolType == Self.consumerProtocolType }
        return subscribedTopics.contains(topic)
    }

    /// When offsets of the group expire.
    var offsetExpiration: OffsetExpiration {
        guard protocolType != nil else { return .afterCommit }
        if state == .empty {
            return stateMilliseconds.map { .after(wallMilliseconds: $0) } ?? .afterCommit
        }
        let knowsTopics = protocolType == Self.consumerProtocolType && subscribedTopics != nil
        return knowsTopics && state == .stable ? .afterCommit : .never
    }

    /// Why offsets may not be deleted; nil: they may.
    var offsetDeleteRefusal: ErrorCode? {
        state == .empty || protocolType == Self.consumerProtocolType ? nil : .nonEmptyGroup
    }
}
