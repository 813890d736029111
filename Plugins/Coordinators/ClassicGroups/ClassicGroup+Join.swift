import KafkaWire
import NIOCore

// JoinGroup.
extension ClassicGroup {
    /// How long a member is waited for that was never in a generation. It cannot send heartbeats, and one whose client
    /// went away and came again would otherwise be there as often as it came.
    static let newMemberMilliseconds: Int64 = 5 * 60_000

    /// Takes in a JoinGroup; `freshID` is what a member without an id is called from now on.
    mutating func join(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, freshID: String, _ ticket: Ticket, _ work: inout GroupWork
    ) {
        let memberID = request.memberId
        guard hasRoom(for: request, work) else {
            work.answer(ticket, .join(.failure(.groupMaxSizeReached, memberID: "")))
            // A member that is one too many when it comes again is put out.
            remove(memberID, &work)
            return completeIfAllJoined(&work)
        }
        guard supports(type: request.protocolType, request.protocols) else {
            return work.answer(ticket, .join(.failure(.inconsistentGroupProtocol, memberID: memberID)))
        }
        if memberID.isEmpty {
            joinWithoutID(request, origin, freshID: freshID, ticket, &work)
        } else if pendingJoins.contains(memberID) {
            guard request.groupInstanceId == nil else {
                // Static members get no id in advance: this one has somebody else's.
                return work.answer(ticket, .join(.failure(.unknownMemberId, memberID: memberID)))
            }
            addMember(memberID, request, origin, ticket, &work)
        } else {
            joinAgain(request, origin, ticket, &work)
        }
    }

    private func hasRoom(for request: JoinGroupRequest, _ work: GroupWork) -> Bool {
        let countMax = Int(work.settings.groupSizeMax)
        // A static member that is back takes its own place; Kafka would keep it out of a full group.
        let memberID =
            request.memberId.isEmpty ? request.groupInstanceId.flatMap { staticMembers[$0] } ?? "" : request.memberId
        switch state {
        case .empty: return true
        case .preparingRebalance:
            // Those who wait are counted, not the members: where the limit was lowered, the last to come again go.
            return members[memberID]?.join != nil || joiningCount < countMax
        case .completingRebalance, .stable: return members[memberID] != nil || members.count < countMax
        }
    }

    private mutating func joinWithoutID(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, freshID: String, _ ticket: Ticket, _ work: inout GroupWork
    ) {
        if let instanceID = request.groupInstanceId {
            guard staticMembers[instanceID] != nil else {
                return addMember(freshID, request, origin, ticket, &work)
            }
            return replaceStaticMember(instanceID, by: freshID, request, origin, ticket, &work)
        }
        guard origin.version >= 4 else { return addMember(freshID, request, origin, ticket, &work) }
        // KIP-394: a client must come again with its id, so that one that gives up leaves no member behind.
        pendingJoins.insert(freshID)
        work.schedule(
            .session(group: id, member: freshID), afterMilliseconds: Int64(request.sessionTimeoutMs))
        work.answer(ticket, .join(.failure(.memberIdRequired, memberID: freshID)))
    }

    private mutating func addMember(
        _ memberID: String, _ request: JoinGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket,
        _ work: inout GroupWork
    ) {
        var member = ClassicMember(
            id: memberID, serial: takeSerial(), instanceID: request.groupInstanceId, clientID: origin.clientID,
            clientHost: origin.clientHost,
            rebalanceMilliseconds: request.rebalanceMilliseconds(version: origin.version),
            sessionMilliseconds: request.sessionTimeoutMs, protocols: request.ownedProtocols)
        member.isNew = true
        initialRebalance?.sawNewMember = true
        add(member, type: request.protocolType)
        hold(join: ticket, of: memberID, origin, &work)
        work.schedule(.session(group: id, member: memberID), afterMilliseconds: Self.newMemberMilliseconds)
        rebalanceOrComplete(&work)
    }

    private mutating func joinAgain(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket, _ work: inout GroupWork
    ) {
        let memberID = request.memberId
        if let code = refusal(ofMember: memberID, instanceID: request.groupInstanceId) {
            return work.answer(ticket, .join(.failure(code, memberID: memberID)))
        }
        let isUnchanged = members[memberID]?.matches(request.protocols) ?? false
        switch state {
        case .empty:
            work.answer(ticket, .join(.failure(.unknownMemberId, memberID: memberID)))
        case .completingRebalance where isUnchanged:
            // The answer to its first JoinGroup was lost, perhaps: this generation is its own.
            work.answer(ticket, .join(joined(memberID)))
        case .stable where isUnchanged && memberID != leader:
            // A leader that joins again has seen a change of topics, which its metadata does not show.
            work.answer(ticket, .join(joined(memberID)))
        case .preparingRebalance, .completingRebalance, .stable:
            update(memberID, with: request, origin)
            hold(join: ticket, of: memberID, origin, &work)
            rebalanceOrComplete(&work)
        }
    }

    /// A static member is back without its id (KIP-345).
    private mutating func replaceStaticMember(
        _ instanceID: String, by memberID: String, _ request: JoinGroupRequest, _ origin: RequestOrigin,
        _ ticket: Ticket, _ work: inout GroupWork
    ) {
        let formerLeader = leader
        replaceStatic(instanceID, by: memberID, origin, &work)
        update(memberID, with: request, origin)
        work.schedule(.session(group: id, member: memberID), afterMilliseconds: Int64(request.sessionTimeoutMs))
        switch state {
        case .stable where electedProtocol() == protocolName && recordSizeBytes <= GroupRecords.sizeBytesMax:
            // Nothing changes but the id, which has to be remembered: no rebalance.
            subscribedTopics = computeSubscribedTopics()
            work.append(record())
            var response = joined(memberID)
            if origin.version >= 9 {
                // KIP-814: the leader learns of its members again, but nobody wants it to assign.
                response.skipAssignment = memberID == leader
            } else {
                // Who believes to be the leader would assign anew; so a member before version 9 is told of the old one.
                response.leader = formerLeader ?? ""
                response.members = []
            }
            work.answer(ticket, .join(response))
        case .stable, .completingRebalance:
            // In the second half the leader may be at assigning to the old id: the new one would get nothing.
            hold(join: ticket, of: memberID, origin, &work)
            prepareRebalance(&work)
        case .preparingRebalance:
            hold(join: ticket, of: memberID, origin, &work)
            completeIfAllJoined(&work)
        case .empty:
            preconditionFailure("an empty group has no static members")
        }
    }
}
