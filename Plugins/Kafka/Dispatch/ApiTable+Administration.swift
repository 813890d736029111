import KafkaWire
import WorkTracking

extension ApiTable {
    /// What changes topics, their configuration and their records.
    static let topicAdministration: [ApiEntry] = [
        .async(2...7, .write) { broker, request, context in await broker.createTopics(request, context) },
        .async(1...6, .write) { broker, request, context in await broker.deleteTopics(request, context) },
        .async(0...3, .write) { broker, request, context in await broker.createPartitions(request, context) },
        .async(0...2, .write) { broker, request, context in await broker.deleteRecords(request, context) },
        .async(1...4, .read) { broker, request, context in await broker.describeConfigs(request, context) },
        .async(0...2, .write) { broker, request, context in await broker.alterConfigs(request, context) },
        .async(0...1, .write) { broker, request, context in await broker.incrementalAlterConfigs(request, context) },
        .async(0...2, .read) { broker, request, context in await broker.describeCluster(request, context) },
    ]
}

/// The administration APIs: what the broker adds to what the requests answer by themselves.
extension Broker {
    func createTopics(_ request: CreateTopicsRequest, _ context: RequestContext) async -> CreateTopicsResponse {
        await request.answer(by: topics)
    }

    func deleteTopics(_ request: DeleteTopicsRequest, _ context: RequestContext) async -> DeleteTopicsResponse {
        await request.answer(by: topics, version: context.version)
    }

    func createPartitions(
        _ request: CreatePartitionsRequest, _ context: RequestContext
    ) async -> CreatePartitionsResponse {
        await request.answer(by: topics)
    }

    func deleteRecords(_ request: DeleteRecordsRequest, _ context: RequestContext) async -> DeleteRecordsResponse {
        let served = partitions.snapshot()
        return await request.answer(topics: topics.snapshot()) { topic, number, offset in
            guard let partition = served[id: topic.id]?.partitions[number], let gate = partition.gate else {
                return DeletedRecords(error: .unknownTopicOrPartition)
            }
            let outcome = try? await gate.track("deleteRecords") {
                guard let log = await partition.loop.run({ partition.log }) else {
                    return DeletedRecords(error: .kafkaStorageError)
                }
                return await DeletedRecords.delete(before: offset, of: topic, in: log)
            }
            // Refused: the partition drains, and its clients go elsewhere.
            return outcome ?? DeletedRecords(error: .notLeaderOrFollower)
        }
    }

    func describeConfigs(
        _ request: DescribeConfigsRequest, _ context: RequestContext
    ) async -> DescribeConfigsResponse {
        request.answer(by: topics, configurations, nodeID: nodeID)
    }

    func alterConfigs(_ request: AlterConfigsRequest, _ context: RequestContext) async -> AlterConfigsResponse {
        await request.answer(by: topics, configurations, nodeID: nodeID)
    }

    func incrementalAlterConfigs(
        _ request: IncrementalAlterConfigsRequest, _ context: RequestContext
    ) async -> IncrementalAlterConfigsResponse {
        await request.answer(by: topics, configurations, nodeID: nodeID)
    }

    func describeCluster(
        _ request: DescribeClusterRequest, _ context: RequestContext
    ) async -> DescribeClusterResponse {
        let node = ClusterNode(
            id: nodeID, host: context.endpoint.host, port: Int32(context.endpoint.port), rack: settings.rack)
        return request.answer(clusterID: clusterID, controllerID: nodeID, nodes: [node])
    }
}
