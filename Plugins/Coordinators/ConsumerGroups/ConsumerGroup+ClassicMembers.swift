import KafkaWire
import NIOCore

/// Members that speak the classic protocol in a group of KIP-848 (online migration).
///
/// They are reconciled as the others are, but by JoinGroup and SyncGroup: what a heartbeat would be answered, they
/// learn by REBALANCE_IN_PROGRESS and joining again. A generation is to them what the member's epoch is to others.
extension ConsumerGroup {
    /// A JoinGroup, which is answered at once: the group waits for nobody.
    mutating func join(
        _ request: JoinGroupRequest, from origin: RequestOrigin, freshID: String, _ work: inout GroupWork
    ) throws(GroupRefusal) -> JoinGroupResponse {
        let memberID = request.memberId.isEmpty ? freshID : request.memberId
        let predecessor = try admit(request, origin, memberID, work.settings)
        guard let first = request.protocols.first, let subscription = try? ConsumerProtocol.subscription(first.metadata)
        else {
            throw GroupRefusal(.inconsistentGroupProtocol, "Member \(memberID)'s subscription is malformed.")
        }
        let metadata = updatedMetadata(request, origin, subscription, of: predecessor ?? memberID)
        let reported = ConsumerProtocol.ownedPartitions(subscription, work.topics)

        if let predecessor { replace(predecessor, by: memberID, &work) }
        update(memberID, metadata, &work)
        if epoch > targetEpoch { retarget(&work) }
        reconcile(memberID, reported: reported, &work)
        work.deadlines.cancel(.consumer(.join(group: id, member: memberID)))
        restartSession(ofClassic: memberID, &work)
        work.schedule(
            .consumer(.sync(group: id, member: memberID)), afterMilliseconds: Int64(metadata.rebalanceTimeoutMs))

        var response = JoinGroupResponse()
        response.memberId = memberID
        response.generationId = members[memberID]?.current.epoch ?? 0
        response.protocolType = ConsumerProtocol.type
        response.protocolName = first.name
        return response
    }

    /// A SyncGroup: the member fetches what it may own.
    func sync(_ request: SyncGroupRequest, _ work: inout GroupWork) throws(GroupRefusal) -> SyncGroupResponse {
        let memberID = request.memberId
        let (member, classic) = try classicMember(memberID, instanceID: request.groupInstanceId)
        try require(generation: request.generationId, of: member)
        let known = classic.supportedProtocols.first
        if let type = request.protocolType, type != ConsumerProtocol.type {
            throw GroupRefusal(.inconsistentGroupProtocol, "The group's protocol type is not \(type).")
        }
        if let name = request.protocolName, name != known?.name {
            throw GroupRefusal(.inconsistentGroupProtocol, "Member \(memberID) joined with another protocol.")
        }
        // Whoever has to give up partitions first learns of that by this answer, and joins again when it has.
        if epoch > member.current.epoch && member.current.state != .unrevokedPartitions {
            expectJoin(memberID, member, &work)
            throw GroupRefusal(.rebalanceInProgress, "The group has a new epoch.")
        }
        work.deadlines.cancel(.consumer(.sync(group: id, member: memberID)))
        restartSession(ofClassic: memberID, &work)
        var response = SyncGroupResponse()
        response.protocolType = request.protocolType
        response.protocolName = request.protocolName
        response.assignment = ConsumerProtocol.bytes(
            member.current.assigned, answering: known?.metadata ?? ByteBuffer(), work.topics)
        return response
    }

    /// A Heartbeat; REBALANCE_IN_PROGRESS where joining again would change what the member may own.
    func heartbeat(_ request: HeartbeatRequest, _ work: inout GroupWork) throws(GroupRefusal) {
        let memberID = request.memberId
        let (member, _) = try classicMember(memberID, instanceID: request.groupInstanceId)
        try require(generation: request.generationId, of: member)
        restartSession(ofClassic: memberID, &work)
        let hasNews =
            switch member.current.state {
            case .stable: member.current.epoch < epoch
            case .unrevokedPartitions: true
            case .unreleasedPartitions: member.current.epoch < epoch || isEverythingFree(for: memberID, member)
            }
        guard hasNews else { return }
        expectJoin(memberID, member, &work)
        throw GroupRefusal(.rebalanceInProgress, "Member \(memberID) is to join again.")
    }

    /// Who is to leave by one entry of a LeaveGroup: of either protocol, as an administrator may put out anybody.
    func leaving(_ identity: LeaveGroupRequest.MemberIdentity) throws(GroupRefusal) -> String {
        // A static member may be named by its owner's name alone.
        let owner = identity.memberId.isEmpty ? identity.groupInstanceId.flatMap { staticMembers[$0] } : nil
        let memberID = owner ?? identity.memberId
        _ = try self.member(memberID, instanceID: identity.groupInstanceId)
        return memberID
    }

    /// The member may be silent anew for as long as its session is.
    func restartSession(ofClassic memberID: String, _ work: inout GroupWork) {
        guard let classic = members[memberID]?.metadata.classicMemberMetadata else { return }
        work.schedule(
            .consumer(.session(group: id, member: memberID)), afterMilliseconds: Int64(classic.sessionTimeoutMs))
    }
}

extension ConsumerGroup {
    /// Lets a JoinGroup in, or says why not.
    ///
    /// - Returns: The static member that the sender takes the place of; nil: of none.
    private func admit(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, _ memberID: String, _ settings: GroupSettings
    ) throws(GroupRefusal) -> String? {
        let owner = request.groupInstanceId.flatMap { staticMembers[$0] }
        if members[memberID] == nil && owner == nil { try requireRoom(settings) }
        let names = Set(request.protocols.map(\.name))
        let common = commonProtocols(except: [memberID, owner])?.intersection(names) ?? names
        guard request.protocolType == ConsumerProtocol.type, !common.isEmpty else {
            throw GroupRefusal(.inconsistentGroupProtocol, "Member \(memberID)'s protocols are not supported.")
        }
        guard let instance = request.groupInstanceId else {
            if request.memberId.isEmpty && origin.version >= 4 {
                throw GroupRefusal(.memberIdRequired, "The member is to join with the id that it is given.")
            }
            return nil
        }
        guard request.memberId.isEmpty else {
            guard let owner else { throw GroupRefusal(.unknownMemberId, "Instance id \(instance) is unknown.") }
            try requireInstance(instance, of: owner, is: memberID)
            return nil
        }
        return owner
    }

    /// The protocols that every member of the classic protocol can do; nil: there is no such member.
    func commonProtocols(except left: Set<String?> = []) -> Set<String>? {
        var common: Set<String>?
        for (memberID, member) in members where !left.contains(memberID) {
            guard let classic = member.metadata.classicMemberMetadata else { continue }
            let names = Set(classic.supportedProtocols.map(\.name))
            common = common?.intersection(names) ?? names
        }
        return common
    }

    private func updatedMetadata(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, _ subscription: ConsumerProtocolSubscription,
        of memberID: String
    ) -> ConsumerGroupMemberMetadataValue {
        var metadata = members[memberID]?.metadata ?? .blank
        if let instance = request.groupInstanceId { metadata.instanceId = instance }
        if let rack = subscription.rackId { metadata.rackId = rack }
        metadata.rebalanceTimeoutMs = request.rebalanceMilliseconds(version: origin.version)
        metadata.subscribedTopicNames = Set(subscription.topics).sorted()
        metadata.subscribedTopicRegex = nil
        metadata.clientId = origin.clientID
        metadata.clientHost = origin.clientHost
        var classic = ConsumerGroupMemberMetadataValue.ClassicMemberMetadata()
        classic.sessionTimeoutMs = request.sessionTimeoutMs
        classic.supportedProtocols = request.ownedProtocols.map {
            var item = ConsumerGroupMemberMetadataValue.ClassicProtocol()
            item.name = $0.name
            item.metadata = $0.metadata
            return item
        }
        metadata.classicMemberMetadata = classic
        return metadata
    }

    /// The member, if it is who it says.
    private func member(_ memberID: String, instanceID: String?) throws(GroupRefusal) -> Member {
        if let instanceID {
            guard let owner = staticMembers[instanceID] else {
                throw GroupRefusal(.unknownMemberId, "Instance id \(instanceID) is unknown.")
            }
            try requireInstance(instanceID, of: owner, is: memberID)
        }
        guard let member = members[memberID] else { throw unknownMember(memberID) }
        return member
    }

    /// The member, if it is who it says and speaks the classic protocol.
    private func classicMember(
        _ memberID: String, instanceID: String?
    ) throws(GroupRefusal) -> (Member, ConsumerGroupMemberMetadataValue.ClassicMemberMetadata) {
        let member = try self.member(memberID, instanceID: instanceID)
        guard let classic = member.metadata.classicMemberMetadata else {
            throw GroupRefusal(.unknownMemberId, "Member \(memberID) does not use the classic protocol.")
        }
        return (member, classic)
    }

    private func require(generation: Int32, of member: Member) throws(GroupRefusal) {
        guard generation != member.current.epoch else { return }
        throw GroupRefusal(
            .illegalGeneration, "The generation \(generation) is not the member's, which is \(member.current.epoch).")
    }

    /// Whether all that the member waits for is free.
    private func isEverythingFree(for memberID: String, _ member: Member) -> Bool {
        let waited = (targets[memberID] ?? TopicPartitionSet()).subtracting(member.current.assigned)
        return waited.filter { !isFree($0, $1, for: memberID) }.isEmpty
    }

    /// The member was told to join again, and has the time of a rebalance for it.
    private func expectJoin(_ memberID: String, _ member: Member, _ work: inout GroupWork) {
        let deadline = GroupDeadline.consumer(.join(group: id, member: memberID))
        guard work.deadlines[deadline] == nil else { return }
        work.schedule(deadline, afterMilliseconds: Int64(member.metadata.rebalanceTimeoutMs))
    }
}
