import KafkaWire

/// What the group is to who asks, and when it begins.
extension ConsumerGroup {
    /// Sessions, and the time to give up partitions, count from now.
    mutating func begin(_ work: inout GroupWork) {
        for (memberID, member) in members.sorted(by: { $0.key < $1.key }) {
            let session = member.metadata.classicMemberMetadata?.sessionTimeoutMs
            work.schedule(
                .consumer(.session(group: id, member: memberID)),
                afterMilliseconds: Int64(session ?? work.settings.consumerSessionMilliseconds(of: id)))
            scheduleRevocation(memberID, &work)
        }
    }

    /// The group as ConsumerGroupDescribe shows it.
    func described(_ work: GroupWork) -> ConsumerGroupDescribeResponse.DescribedGroup {
        var described = ConsumerGroupDescribeResponse.DescribedGroup()
        described.groupId = id
        described.groupState = stateName
        described.groupEpoch = epoch
        described.assignmentEpoch = targetEpoch
        described.assignorName = preferredAssignor(work.settings).rawValue
        described.members = members.sorted { $0.key < $1.key }.map { memberID, member in
            var item = ConsumerGroupDescribeResponse.Member()
            item.memberId = memberID
            item.instanceId = member.metadata.instanceId
            item.rackId = member.metadata.rackId
            item.memberEpoch = member.current.epoch
            item.clientId = member.metadata.clientId
            item.clientHost = member.metadata.clientHost
            item.subscribedTopicNames = member.metadata.subscribedTopicNames
            item.subscribedTopicRegex = member.metadata.subscribedTopicRegex
            item.assignment = Self.described(member.current.assigned, work.topics)
            item.targetAssignment = Self.described(targets[memberID] ?? TopicPartitionSet(), work.topics)
            return item
        }
        return described
    }

    /// Partitions by their topics' names; those of topics that are gone are left out.
    private static func described(
        _ set: TopicPartitionSet, _ topics: TopicsImage
    ) -> ConsumerGroupDescribeResponse.Assignment {
        var assignment = ConsumerGroupDescribeResponse.Assignment()
        assignment.topicPartitions = set.sorted.compactMap { id, partitions in
            guard let topic = topics[id: id] else { return nil }
            var item = ConsumerGroupDescribeResponse.TopicPartitions()
            item.topicId = id
            item.topicName = topic.name
            item.partitions = partitions
            return item
        }
        return assignment
    }
}
