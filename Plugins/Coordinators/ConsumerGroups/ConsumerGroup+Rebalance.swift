import KafkaWire
import WeirRuntime

/// How a change of members, subscriptions or topics becomes a new target, and how members get there.
extension ConsumerGroup {
    /// Notes what a member says of itself; raises the epoch where it wants other topics, or where topics changed.
    mutating func update(
        _ memberID: String, _ metadata: ConsumerGroupMemberMetadataValue, _ work: inout GroupWork
    ) {
        let old = members[memberID]?.metadata
        if metadata != old { record(.member(memberID, metadata), &work) }
        let wantsOthers =
            old == nil || metadata.subscribedTopicNames != old?.subscribedTopicNames
            || metadata.pattern != old?.pattern
        guard wantsOthers || (topicsAreStale && patterns.mayLook(at: work.time.now)) else { return }
        let topicsChanged = refreshTopics(&work)
        if wantsOthers || topicsChanged { raiseEpoch(&work) }
    }

    /// Notes which of the subscribed topics there are.
    ///
    /// - Returns: Whether they are others than before.
    mutating func refreshTopics(_ work: inout GroupWork) -> Bool {
        let topics = lookUpTopics(work)
        guard topics != subscribedTopics else { return false }
        record(.subscribedTopics(topics), &work)
        return true
    }

    /// Makes the target assignment of the group's epoch.
    mutating func retarget(_ work: inout GroupWork) {
        let assignor = preferredAssignor(work.settings)
        let result = assignor.assign(assignmentInput())
        for memberID in members.keys.sorted() {
            let target = result[memberID] ?? TopicPartitionSet()
            if targets[memberID] != target { record(.target(memberID, target), &work) }
        }
        record(.targetEpoch(epoch), &work)
    }

    /// Brings a member one step towards its target.
    ///
    /// - Parameter reported: What the member says that it owns; nil: it says nothing.
    mutating func reconcile(_ memberID: String, reported: TopicPartitionSet?, _ work: inout GroupWork) {
        guard let member = members[memberID], !member.current.isReconciled(to: targetEpoch) else { return }
        let next = member.current.reconciled(
            to: targets[memberID] ?? TopicPartitionSet(), of: targetEpoch, reported: reported,
            isFree: { isFree($0, $1, for: memberID) })
        guard next != member.current else { return }
        record(.current(memberID, next), &work)
        scheduleRevocation(memberID, &work)
    }

    /// Gives a member that has partitions to give up the time that it asked for, and others none.
    ///
    /// Members that speak the classic protocol have their own deadlines for that.
    mutating func scheduleRevocation(_ memberID: String, _ work: inout GroupWork) {
        let deadline = GroupDeadline.consumer(.revocation(group: id, member: memberID))
        guard let member = members[memberID], member.current.state == .unrevokedPartitions,
            member.metadata.classicMemberMetadata == nil
        else {
            work.deadlines.cancel(deadline)
            return
        }
        work.schedule(deadline, afterMilliseconds: Int64(member.metadata.rebalanceTimeoutMs))
    }

    /// The assignor that most members ask for; of several the first that the broker names.
    func preferredAssignor(_ settings: GroupSettings) -> ConsumerAssignor {
        var votes: [String: Int] = [:]
        for member in members.values {
            if let name = member.metadata.serverAssignor { votes[name, default: 0] += 1 }
        }
        let known = settings.consumerAssignors.compactMap(ConsumerAssignor.init)
        let most = known.compactMap { votes[$0.rawValue] }.max()
        guard let most else { return known.first ?? .uniform }
        return known.first { votes[$0.rawValue] == most } ?? .uniform
    }

    private func assignmentInput() -> AssignmentInput {
        let ids = Dictionary(uniqueKeysWithValues: subscribedTopics.map { ($0.name, $0.id) })
        var inputs: [AssignmentInput.Member] = []
        inputs.reserveCapacity(members.count)
        // Most members of a group want the same: what the one before wanted need not be looked up again.
        var last: (names: [String], pattern: String?, topics: Set<WireUUID>)?
        for (memberID, member) in members {
            let (names, pattern) = (member.metadata.subscribedTopicNames, member.metadata.pattern)
            let topics: Set<WireUUID>
            if let last, last.names == names, last.pattern == pattern {
                topics = last.topics
            } else {
                let matched = pattern.map { patterns[$0] } ?? []
                topics = Set((names + matched).compactMap { ids[$0] })
            }
            last = (names, pattern, topics)
            inputs.append(
                AssignmentInput.Member(
                    id: memberID, instanceID: member.metadata.instanceId, topics: topics,
                    previous: targets[memberID] ?? TopicPartitionSet()))
        }
        let counts = Dictionary(uniqueKeysWithValues: subscribedTopics.map { ($0.id, $0.partitionCount) })
        return AssignmentInput(members: inputs, partitionCounts: counts)
    }
}
