import KafkaWire
import WeirRuntime

/// Why a request to a group is refused: a code for the client, a sentence for people.
struct GroupRefusal: Error, Equatable {
    /// The code.
    let code: ErrorCode
    /// What is wrong.
    let message: String

    /// A refusal.
    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message.shortened
    }
}

extension String {
    /// What of it a message can repeat: clients may call things by thirty thousand characters, an answer holds no more.
    var shortened: String {
        let start = unicodeScalars.prefix(Self.messageCountMax)
        return start.endIndex == endIndex ? self : String(start) + "…"
    }

    private static let messageCountMax = 1_000
}

/// A heartbeat that was let in: what it is to change.
struct AdmittedHeartbeat: Sendable {
    /// Who sends it.
    fileprivate var memberID: String
    /// The static member that the sender takes the place of; nil: of none.
    fileprivate var predecessor: String?
    /// What the sender says of itself.
    fileprivate var metadata: ConsumerGroupMemberMetadataValue
    /// What the sender says that it owns; nil: it says nothing.
    fileprivate var reported: TopicPartitionSet?
    /// Whether the sender says all of itself, and wants to know all.
    fileprivate var isFull: Bool
}

extension ConsumerGroup {
    /// Lets a heartbeat in that joins (epoch 0) or goes on, or says why not. Changes nothing. O(1).
    ///
    /// - Parameter memberID: Who it is: the request's member, or a new id where the request has none.
    func admit(
        _ request: ConsumerGroupHeartbeatRequest, from origin: RequestOrigin, memberID: String,
        _ settings: GroupSettings
    ) throws(GroupRefusal) -> AdmittedHeartbeat {
        let reported = request.topicPartitions.map { TopicPartitionSet($0.map { ($0.topicId, $0.partitions) }) }
        let predecessor = try admit(request, memberID, reported, settings)
        return AdmittedHeartbeat(
            memberID: memberID, predecessor: predecessor,
            metadata: try updatedMetadata(request, origin, of: predecessor ?? memberID), reported: reported,
            isFull: request.isFull)
    }

    /// Takes in a heartbeat that was let in.
    ///
    /// One that changes nothing is O(1). One that raises the epoch makes the new target assignment too.
    mutating func beat(
        _ heartbeat: AdmittedHeartbeat, _ work: inout GroupWork
    ) -> ConsumerGroupHeartbeatResponse {
        let memberID = heartbeat.memberID
        if let predecessor = heartbeat.predecessor { replace(predecessor, by: memberID, &work) }
        let assignedBefore = members[memberID]?.current.assigned ?? TopicPartitionSet()
        update(memberID, heartbeat.metadata, &work)
        if epoch > targetEpoch { retarget(&work) }
        reconcile(memberID, reported: heartbeat.reported, &work)
        work.schedule(
            .consumer(.session(group: id, member: memberID)),
            afterMilliseconds: Int64(work.settings.consumerSessionMilliseconds(of: id)))

        let current = members[memberID]?.current ?? CurrentAssignment()
        var response = ConsumerGroupHeartbeatResponse()
        response.memberId = memberID
        response.memberEpoch = current.epoch
        response.heartbeatIntervalMs = heartbeatMilliseconds(of: current, work)
        if heartbeat.isFull || current.assigned != assignedBefore {
            response.assignment = ConsumerGroupHeartbeatResponse.Assignment(current.assigned)
        }
        return response
    }

    /// When a member is to be heard next.
    ///
    /// Sooner where it waits for partitions or gives some up, and while members come and go: so a rebalance takes as
    /// long as its members need, and not some heartbeats. Kafka has one interval for all.
    private func heartbeatMilliseconds(of current: CurrentAssignment, _ work: GroupWork) -> Int32 {
        let steady = work.settings.consumerHeartbeatMilliseconds(of: id)
        if current.isReconciled(to: targetEpoch), work.time.now >= restlessUntil { return steady }
        return min(steady, work.settings.reconcilingHeartbeatMilliseconds)
    }

    /// Begins a new epoch: who is in the group, or what they want, has changed.
    mutating func raiseEpoch(_ work: inout GroupWork) {
        record(.groupEpoch(epoch + 1), &work)
        let steady = work.settings.consumerHeartbeatMilliseconds(of: id)
        restlessUntil = work.time.now + .milliseconds(Int64(steady))
    }

    /// - Returns: The static member that the sender takes the place of; nil: of none.
    private func admit(
        _ request: ConsumerGroupHeartbeatRequest, _ memberID: String, _ reported: TopicPartitionSet?,
        _ settings: GroupSettings
    ) throws(GroupRefusal) -> String? {
        let joins = request.memberEpoch == 0
        guard let instance = request.instanceId else {
            if let member = members[memberID] {
                try fence(member.current, request.memberEpoch, reported)
            } else {
                guard joins else { throw unknownMember(memberID) }
                try requireRoom(settings)
            }
            return nil
        }
        guard let owner = staticMembers[instance], let member = members[owner] else {
            guard joins else { throw GroupRefusal(.unknownMemberId, "Instance id \(instance) is unknown.") }
            if members[memberID] == nil { try requireRoom(settings) }
            return nil
        }
        guard joins else {
            try requireInstance(instance, of: owner, is: memberID)
            try fence(member.current, request.memberEpoch, reported)
            return nil
        }
        // A static member that is still there keeps its name until it leaves or its session ends; but a member that
        // speaks the classic protocol is replaced at once, as that protocol does.
        let leftForAWhile = member.current.epoch == CurrentAssignment.leftForAWhile
        if owner == memberID && !leftForAWhile { return nil }
        guard leftForAWhile || member.metadata.classicMemberMetadata != nil else {
            throw GroupRefusal(
                .unreleasedInstanceId,
                "Static member \(memberID) with instance id \(instance) cannot join the group because the instance id"
                    + " is owned by \(owner) member.")
        }
        return owner
    }

    /// Refuses an epoch that is not the member's; the one before is let pass where the answer may have been lost.
    ///
    /// A member that joins again owns nothing, so that there is nothing to fence.
    private func fence(
        _ current: CurrentAssignment, _ epoch: Int32, _ reported: TopicPartitionSet?
    ) throws(GroupRefusal) {
        guard epoch != current.epoch, epoch != 0 else { return }
        let relation = epoch > current.epoch ? "greater" : "smaller"
        if epoch < current.epoch, epoch == current.previousEpoch, let reported,
            reported.isSubset(of: current.assigned)
        {
            return
        }
        throw GroupRefusal(
            .fencedMemberEpoch,
            "The consumer group member has a \(relation) member epoch (\(epoch)) than the one known by the group"
                + " coordinator (\(current.epoch)). The member must abandon all its partitions and rejoin.")
    }

    /// Refuses one member more than there may be.
    func requireRoom(_ settings: GroupSettings) throws(GroupRefusal) {
        guard members.count >= Int(settings.consumerGroupSizeMax) else { return }
        throw GroupRefusal(
            .groupMaxSizeReached,
            "The consumer group has reached its maximum capacity of \(settings.consumerGroupSizeMax) members.")
    }

    /// Refuses who says to be a static member whose name another one has.
    func requireInstance(
        _ instance: String, of owner: String, is memberID: String
    ) throws(GroupRefusal) {
        guard owner != memberID else { return }
        throw GroupRefusal(
            .fencedInstanceId,
            "Static member \(memberID) with instance id \(instance) was fenced by member \(owner).")
    }

    /// What is said of a member that is not there.
    func unknownMember(_ id: String) -> GroupRefusal {
        GroupRefusal(.unknownMemberId, "Member \(id) is not a member of group \(self.id).")
    }

    /// What the member says of itself from now on: what the request leaves out stays.
    private func updatedMetadata(
        _ request: ConsumerGroupHeartbeatRequest, _ origin: RequestOrigin, of memberID: String
    ) throws(GroupRefusal) -> ConsumerGroupMemberMetadataValue {
        var metadata = members[memberID]?.metadata ?? .blank
        if let instance = request.instanceId { metadata.instanceId = instance }
        if let rack = request.rackId { metadata.rackId = rack }
        if request.rebalanceTimeoutMs != -1 { metadata.rebalanceTimeoutMs = request.rebalanceTimeoutMs }
        if let assignor = request.serverAssignor { metadata.serverAssignor = assignor }
        if let names = request.subscribedTopicNames { metadata.subscribedTopicNames = Set(names).sorted() }
        if let regex = request.subscribedTopicRegex, regex != metadata.subscribedTopicRegex {
            if !regex.isEmpty { _ = try pattern(regex) }
            metadata.subscribedTopicRegex = regex
        }
        metadata.clientId = origin.clientID
        metadata.clientHost = origin.clientHost
        metadata.classicMemberMetadata = nil
        return metadata
    }

    private func pattern(_ regex: String) throws(GroupRefusal) -> TextPattern {
        do {
            return try TextPattern(regex)
        } catch {
            throw GroupRefusal(
                .invalidRegularExpression,
                "SubscribedTopicRegex `\(regex.prefix(100))` is not a valid regular expression: \(error.reason).")
        }
    }
}

extension ConsumerGroupHeartbeatRequest {
    /// Whether the sender says all of itself: when it joins, and after an error.
    fileprivate var isFull: Bool {
        memberEpoch == 0
            || (rebalanceTimeoutMs != -1 && (subscribedTopicNames != nil || subscribedTopicRegex != nil)
                && topicPartitions != nil)
    }
}

extension ConsumerGroupHeartbeatResponse.Assignment {
    /// These partitions.
    fileprivate init(_ set: TopicPartitionSet) {
        self.init()
        topicPartitions = set.sorted.map { topic, partitions in
            var value = ConsumerGroupHeartbeatResponse.TopicPartitions()
            value.topicId = topic
            value.partitions = partitions
            return value
        }
    }
}
