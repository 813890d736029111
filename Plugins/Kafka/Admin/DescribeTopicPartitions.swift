internal import KafkaWire
internal import SegmentLog

extension DescribeTopicPartitionsRequest {
    /// The partitions of topics in the order of their names, from the cursor on, as many as are asked for (KIP-966), but
    /// no more than `partitionCountMax`.
    func answer(_ known: TopicsSnapshot, nodeID: Int32, partitionCountMax: Int32) -> DescribeTopicPartitionsResponse {
        var response = DescribeTopicPartitionsResponse()
        var left = max(1, min(responsePartitionLimit, partitionCountMax))
        for name in names(in: known) {
            let first = cursor?.topicName == name ? max(0, cursor?.partitionIndex ?? 0) : 0
            guard let topic = known[name] else {
                response.topics.append(Self.unknown(name))
                continue
            }
            guard left > 0 else {
                response.nextCursor = Self.cursor(name, 0)
                return response
            }
            let end = min(topic.partitionCount, first.addingReportingOverflow(left).partialValue)
            var answer = Self.described(topic)
            answer.partitions = (min(first, topic.partitionCount)..<max(end, min(first, topic.partitionCount)))
                .map { Self.partition($0, nodeID: nodeID) }
            left -= Int32(answer.partitions.count)
            response.topics.append(answer)
            guard end == topic.partitionCount || first >= topic.partitionCount else {
                response.nextCursor = Self.cursor(name, end)
                return response
            }
        }
        return response
    }

    /// The topics asked for, or all, each once, sorted; those before the cursor's are left out.
    private func names(in known: TopicsSnapshot) -> [String] {
        let all = topics.isEmpty ? Set(known.byName.keys) : Set(topics.map(\.name))
        guard let cursor else { return all.sorted() }
        return all.filter { $0 >= cursor.topicName }.sorted()
    }

    private static func cursor(_ name: String, _ partition: Int32) -> DescribeTopicPartitionsResponse.Cursor {
        var cursor = DescribeTopicPartitionsResponse.Cursor()
        cursor.topicName = name
        cursor.partitionIndex = partition
        return cursor
    }

    private static func unknown(_ name: String) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
    {
        var answer = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic()
        answer.name = name
        answer.errorCode =
            TopicName.complaint(about: name) == nil ? .unknownTopicOrPartition : .invalidTopicException
        return answer
    }

    private static func described(
        _ topic: TopicDescription
    ) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic {
        var answer = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic()
        answer.name = topic.name
        answer.topicId = WireUUID(high: topic.id.high, low: topic.id.low)
        answer.isInternal = topic.isInternal
        answer.topicAuthorizedOperations = TopicOperations.all
        return answer
    }

    private static func partition(
        _ index: Int32, nodeID: Int32
    ) -> DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition {
        var partition = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition()
        partition.partitionIndex = index
        partition.leaderId = nodeID
        // One node: the local log's epoch.
        partition.leaderEpoch = 0
        partition.replicaNodes = [nodeID]
        partition.isrNodes = [nodeID]
        partition.eligibleLeaderReplicas = []
        partition.lastKnownElr = []
        return partition
    }
}
