import KafkaWire
import NIOCore

/// Where members of both protocols meet (KIP-848, online migration).
extension GroupCoordinator {
    /// What makes a group of KIP-848 of a classic one, whose members stay in it; or why it stays what it is.
    ///
    /// Each member has in the new group what it was assigned last in the old one.
    func upgrade(of classic: ClassicGroup) throws(GroupRefusal) -> [ConsumerGroupChange] {
        let cannot = "Cannot upgrade classic group \(classic.id) to consumer group because"
        guard settings.migrationPolicy == .upgrade || settings.migrationPolicy == .bidirectional else {
            throw GroupRefusal(.groupIdNotFound, "\(cannot) online upgrade is disabled.")
        }
        guard classic.protocolType == ConsumerProtocol.type else {
            throw GroupRefusal(.groupIdNotFound, "\(cannot) the group does not use the consumer embedded protocol.")
        }
        guard classic.members.count <= Int(settings.consumerGroupSizeMax) else {
            throw GroupRefusal(
                .groupIdNotFound, "\(cannot) the group size exceeds the consumer group maximum size.")
        }
        do throws(WireError) {
            return try ConsumerGroupChange.upgrade(of: classic, topics)
        } catch {
            throw GroupRefusal(
                .groupIdNotFound, "\(cannot) the embedded consumer protocol is malformed: \(error.detail).")
        }
    }

    /// Ends a classic group, if there is one: whoever waits in it is to join again.
    mutating func endClassic(_ id: String) {
        guard case .classic(var classic)? = groups[id] else { return }
        groups[id] = nil
        for member in classic.membersInOrder {
            classic.answerJoin(of: member.id, .failure(.rebalanceInProgress, memberID: member.id), &work)
            classic.answerSync(of: member.id, .failure(.rebalanceInProgress), &work)
        }
        for memberID in classic.pendingJoins.union(classic.members.keys) {
            work.deadlines.cancel(.session(group: id, member: memberID))
        }
        work.deadlines.cancel(.join(group: id))
        work.deadlines.cancel(.sync(group: id))
        classic.tombstones.forEach { work.append($0) }
    }

    /// Makes a classic group of one that has but members of that protocol left, once `memberID` is gone.
    ///
    /// They rebalance, unless each has what it is to have. A group whose record names no leader is one that nobody
    /// assigned: if the coordinator moves before the rebalance ends, the next one begins it again.
    mutating func downgrade(_ group: ConsumerGroup, without memberID: String?) {
        end(group)
        var classic = ClassicGroup(group, without: memberID, work)
        for member in classic.membersInOrder { classic.restartSession(of: member.id, &work) }
        let isSettled = memberID == nil && group.stateName == "Stable"
        if !isSettled { classic.leader = nil }
        work.append(classic.record())
        if !isSettled { classic.prepareRebalance(&work) }
        groups[group.id] = .classic(classic)
    }

    private mutating func end(_ group: ConsumerGroup) {
        groups[group.id] = nil
        for memberID in group.members.keys {
            for deadline in ConsumerDeadline.all(ofMember: memberID, in: group.id) {
                work.deadlines.cancel(.consumer(deadline))
            }
        }
        group.tombstones.forEach { work.append($0) }
    }
}

/// What members of the classic protocol ask of a group of KIP-848.
extension GroupCoordinator {
    /// JoinGroup.
    mutating func joinConsumer(
        _ request: JoinGroupRequest, _ origin: RequestOrigin, memberID: String, _ ticket: Ticket
    ) {
        let id = request.groupId
        do throws(GroupRefusal) {
            let response = try changeConsumer(id) { group, work throws(GroupRefusal) in
                try group.join(request, from: origin, freshID: memberID, &work)
            }
            guard let response else { throw GroupRefusal(.unknownMemberId, "Group \(id) not found.") }
            work.answer(ticket, .join(response))
        } catch {
            let given = error.code == .memberIdRequired ? memberID : request.memberId
            return work.answer(ticket, .join(.failure(error.code, memberID: given)))
        }
        // A static member of the classic protocol may have taken the place of the last member of the other one.
        if case .consumer(let group)? = groups[id], group.isDowngradable(without: nil, settings) {
            downgrade(group, without: nil)
        }
    }

    /// SyncGroup.
    mutating func syncConsumer(_ request: SyncGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        guard case .consumer(let group)? = groups[request.groupId] else {
            return work.answer(ticket, .sync(.failure(.unknownMemberId)))
        }
        do throws(GroupRefusal) {
            let response = try group.sync(request, &work)
            work.answer(ticket, .sync(response))
        } catch {
            work.answer(ticket, .sync(.failure(error.code)))
        }
    }

    /// Heartbeat.
    mutating func heartbeatConsumer(_ request: HeartbeatRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        guard case .consumer(let group)? = groups[request.groupId] else {
            return work.answer(ticket, .heartbeat(HeartbeatResponse(.unknownMemberId)))
        }
        do throws(GroupRefusal) {
            try group.heartbeat(request, &work)
            work.answer(ticket, .heartbeat(HeartbeatResponse(.none)))
        } catch {
            work.answer(ticket, .heartbeat(HeartbeatResponse(error.code)))
        }
    }

    /// LeaveGroup: the epoch is raised once for all who go.
    mutating func leaveConsumer(_ request: LeaveGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        guard case .consumer(let group)? = groups[request.groupId] else {
            return work.answer(ticket, .leave(LeaveGroupResponse(unknownMembersOf: request)))
        }
        var gone: [String] = []
        var response = LeaveGroupResponse()
        response.members = request.members.map { identity in
            do throws(GroupRefusal) {
                let memberID = try group.leaving(identity)
                guard !gone.contains(memberID) else {
                    return LeaveGroupResponse.MemberResponse(identity, .unknownMemberId)
                }
                gone.append(memberID)
                return LeaveGroupResponse.MemberResponse(identity, .none)
            } catch {
                return LeaveGroupResponse.MemberResponse(identity, error.code)
            }
        }
        work.answer(ticket, .leave(response))
        removeConsumer(gone, from: request.groupId)
    }
}

extension ConsumerGroupChange {
    /// What makes a group of KIP-848 of a classic one.
    fileprivate static func upgrade(
        of classic: ClassicGroup, _ topics: TopicsImage
    ) throws(WireError) -> [ConsumerGroupChange] {
        let subscriptions = try classic.membersInOrder.map { member throws(WireError) in
            // Before the first rebalance ends there is no common protocol yet; each begins with the subscription.
            let chosen = member.protocols.first { $0.name == classic.protocolName } ?? member.protocols.first
            return try ConsumerProtocol.subscription(chosen?.metadata ?? ByteBuffer())
        }
        let owned = try ownedPartitions(of: classic.membersInOrder, subscriptions, topics)
        var metadata: [ConsumerGroupChange] = []
        var targets: [ConsumerGroupChange] = []
        var currents: [ConsumerGroupChange] = []
        for (index, member) in classic.membersInOrder.enumerated() {
            metadata.append(.member(member.id, ConsumerGroupMemberMetadataValue(member, subscriptions[index])))
            var current = CurrentAssignment()
            current.epoch = classic.generation
            current.previousEpoch = classic.generation
            current.assigned = owned[index]
            targets.append(.target(member.id, current.assigned))
            currents.append(.current(member.id, current))
        }
        return metadata + [.groupEpoch(classic.generation)] + targets + [.targetEpoch(classic.generation)] + currents
    }

    /// What each member may be at work on: what it was assigned last, and what it owned when it joined.
    ///
    /// A cooperative member that was assigned less may not have given up the rest yet. Nothing has two owners, whatever
    /// a faulty assignor of a client gave out.
    private static func ownedPartitions(
        of members: [ClassicMember], _ subscriptions: [ConsumerProtocolSubscription], _ topics: TopicsImage
    ) throws(WireError) -> [TopicPartitionSet] {
        var given = TopicPartitionSet()
        var result: [TopicPartitionSet] = []
        for member in members {
            let assigned = try ConsumerProtocol.assignment(member.assignment, topics).subtracting(given)
            given = given.union(assigned)
            result.append(assigned)
        }
        for (index, subscription) in subscriptions.enumerated() {
            let owned = ConsumerProtocol.ownedPartitions(subscription, topics).subtracting(given)
            given = given.union(owned)
            result[index] = result[index].union(owned)
        }
        return result
    }
}

extension ConsumerGroupMemberMetadataValue {
    /// What a member of a classic group has said of itself.
    fileprivate init(_ member: ClassicMember, _ subscription: ConsumerProtocolSubscription) {
        self = .blank
        instanceId = member.instanceID
        rackId = subscription.rackId
        clientId = member.clientID
        clientHost = member.clientHost
        subscribedTopicNames = Set(subscription.topics).sorted()
        rebalanceTimeoutMs = member.rebalanceMilliseconds
        var classic = ClassicMemberMetadata()
        classic.sessionTimeoutMs = member.sessionMilliseconds
        classic.supportedProtocols = member.protocols.map {
            var item = ClassicProtocol()
            item.name = $0.name
            item.metadata = $0.metadata
            return item
        }
        classicMemberMetadata = classic
    }
}

extension ConsumerGroup {
    /// Whether the group may be a classic one, once the member is gone that is the last of the other protocol.
    ///
    /// - Parameter memberID: Who goes; nil: nobody.
    func isDowngradable(without memberID: String?, _ settings: GroupSettings) -> Bool {
        if let memberID { guard members[memberID]?.metadata.classicMemberMetadata == nil else { return false } }
        let left = members.count - (memberID == nil ? 0 : 1)
        guard left > 0, classicMemberCount == left, left <= Int(settings.groupSizeMax) else { return false }
        guard settings.migrationPolicy == .downgrade || settings.migrationPolicy == .bidirectional else { return false }
        return commonProtocols()?.isEmpty == false
    }
}

extension ClassicGroup {
    /// A stable classic group of the members that speak its protocol; each has what nobody else may have yet.
    fileprivate init(_ group: ConsumerGroup, without goneID: String?, _ work: GroupWork) {
        self.init(id: group.id, wallMilliseconds: work.time.wallMilliseconds)
        generation = group.epoch
        for (memberID, member) in group.members.sorted(by: { $0.key < $1.key }) where memberID != goneID {
            guard let classic = member.metadata.classicMemberMetadata else { continue }
            let protocols = classic.supportedProtocols.map {
                var item = JoinGroupRequest.JoinGroupRequestProtocol()
                item.name = $0.name
                item.metadata = $0.metadata
                return item
            }
            var added = ClassicMember(
                id: memberID, serial: takeSerial(), instanceID: member.metadata.instanceId,
                clientID: member.metadata.clientId, clientHost: member.metadata.clientHost,
                rebalanceMilliseconds: member.metadata.rebalanceTimeoutMs,
                sessionMilliseconds: classic.sessionTimeoutMs, protocols: protocols)
            added.assignment = ConsumerProtocol.bytes(
                member.current.owned, answering: protocols.first?.metadata ?? ByteBuffer(),
                work.topics)
            add(added, type: ConsumerProtocol.type)
        }
        state = .stable
        protocolName = electedProtocol()
        subscribedTopics = computeSubscribedTopics()
    }
}
