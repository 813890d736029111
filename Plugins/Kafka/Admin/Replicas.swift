internal import KafkaWire

/// What tools ask of replicas and leaders, answered by the only node: each partition has its one replica here, and
/// that one leads.
extension TopicsSnapshot {
    /// Whether a partition is there; otherwise what Kafka's controller says.
    fileprivate func complaint(_ topic: String, _ partition: Int32) -> TopicError? {
        guard let known = self[topic] else {
            return TopicError(.unknownTopicOrPartition, "Unable to find a topic named \(topic).")
        }
        guard (0..<known.partitionCount).contains(partition) else {
            return TopicError(.unknownTopicOrPartition, "Unable to find partition \(topic):\(partition).")
        }
        return nil
    }
}

extension ElectLeadersRequest {
    /// No election is needed anywhere: the preferred replica leads. Of all partitions only those that changed are
    /// told, which is none.
    func answer(_ topics: TopicsSnapshot) -> ElectLeadersResponse {
        var response = ElectLeadersResponse()
        guard electionType == 0 || electionType == 1 else {
            response.errorCode = .invalidRequest
            return response
        }
        response.replicaElectionResults = (topicPartitions ?? []).map { topic in
            var result = ElectLeadersResponse.ReplicaElectionResult()
            result.topic = topic.topic
            result.partitionResult = topic.partitions.map { index in
                let error =
                    topics.complaint(topic.topic, index)
                    ?? TopicError(.electionNotNeeded, "Leader election not needed for topic partition.")
                var partition = ElectLeadersResponse.PartitionResult()
                partition.partitionId = index
                partition.errorCode = error.code
                partition.errorMessage = error.message
                return partition
            }
            return result
        }
        return response
    }
}

extension AlterPartitionReassignmentsRequest {
    /// Takes an assignment that is the one in force; refuses other nodes and cancellations.
    func answer(_ known: TopicsSnapshot, nodeID: Int32) -> AlterPartitionReassignmentsResponse {
        var response = AlterPartitionReassignmentsResponse()
        response.errorMessage = nil
        response.allowReplicationFactorChange = allowReplicationFactorChange
        response.responses = topics.map { topic in
            var answer = AlterPartitionReassignmentsResponse.ReassignableTopicResponse()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { wanted in
                let error =
                    known.complaint(topic.name, wanted.partitionIndex)
                    ?? Self.complaint(about: wanted.replicas, nodeID: nodeID)
                var partition = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse()
                partition.partitionIndex = wanted.partitionIndex
                partition.errorCode = error?.code ?? .none
                partition.errorMessage = error?.message
                return partition
            }
            return answer
        }
        return response
    }

    private static func complaint(about replicas: [Int32]?, nodeID: Int32) -> TopicError? {
        guard let replicas else {
            return TopicError(.noReassignmentInProgress, "No partition reassignment is in progress.")
        }
        guard !replicas.isEmpty else {
            return TopicError(
                .invalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
        }
        if let stranger = replicas.first(where: { $0 != nodeID }) {
            return TopicError(
                .invalidReplicaAssignment,
                "The manual partition assignment includes broker \(stranger), but no such broker is registered.")
        }
        guard replicas.count == 1 else {
            return TopicError(
                .invalidReplicaAssignment,
                "The manual partition assignment includes the broker \(nodeID) more than once.")
        }
        return nil
    }
}

extension DescribeQuorumRequest {
    /// The one log of the quorum that Kafka knows.
    static let metadataTopic = "__cluster_metadata"

    /// The quorum of the node's metadata: one voter, which leads and has everything.
    ///
    /// - Parameter endOffset: The end of the metadata log, all of which is committed.
    func answer(
        nodeID: Int32, endpoint: BrokerEndpoint, endOffset: Int64, now: Int64, version: Int16
    ) -> DescribeQuorumResponse {
        var response = DescribeQuorumResponse()
        response.errorMessage = nil
        response.topics = topics.map { topic in
            var answer = DescribeQuorumResponse.TopicData()
            answer.topicName = topic.topicName
            answer.partitions = topic.partitions.map { wanted in
                var partition = DescribeQuorumResponse.PartitionData()
                partition.partitionIndex = wanted.partitionIndex
                partition.errorMessage = nil
                guard topic.topicName == Self.metadataTopic, wanted.partitionIndex == 0 else {
                    partition.errorCode = .unknownTopicOrPartition
                    partition.errorMessage = "This server does not host this topic-partition."
                    return partition
                }
                partition.leaderId = nodeID
                partition.highWatermark = endOffset
                var voter = DescribeQuorumResponse.ReplicaState()
                voter.replicaId = nodeID
                voter.logEndOffset = endOffset
                voter.lastFetchTimestamp = now
                voter.lastCaughtUpTimestamp = now
                partition.currentVoters = [voter]
                return partition
            }
            return answer
        }
        // Before version 2 there is no place for them.
        guard version >= 2 else { return response }
        var listener = DescribeQuorumResponse.Listener()
        listener.name = "PLAINTEXT"
        listener.host = endpoint.host
        listener.port = UInt16(clamping: endpoint.port)
        var node = DescribeQuorumResponse.Node()
        node.nodeId = nodeID
        node.listeners = [listener]
        response.nodes = [node]
        return response
    }
}

extension UnregisterBrokerRequest {
    /// Refuses: the only node cannot be taken out, and others are not known.
    func answer(nodeID: Int32) -> UnregisterBrokerResponse {
        var response = UnregisterBrokerResponse()
        if brokerId == nodeID {
            response.errorCode = .unsupportedVersion
            response.errorMessage =
                "broker \(nodeID) is this node, the only one: it cannot be unregistered while it serves; stop it instead"
        } else {
            response.errorCode = .brokerIdNotRegistered
            response.errorMessage = "Broker ID \(brokerId) is not currently registered"
        }
        return response
    }
}
