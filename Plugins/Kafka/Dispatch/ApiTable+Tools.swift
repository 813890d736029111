import KafkaWire
import ObjectStore
import WeirRuntime
import WorkTracking

extension ApiTable {
    /// What tools ask of replicas, folders and the cluster.
    static let tools: [ApiEntry] = [
        .immediate(1...2) { broker, request, context in broker.alterReplicaLogDirs(request, context) },
        .async(1...5, .read) { broker, request, context in await broker.describeLogDirs(request, context) },
        .immediate(0...2) { (broker, request: ElectLeadersRequest, _) in request.answer(broker.topics.snapshot()) },
        .immediate(0...1) { (broker, request: AlterPartitionReassignmentsRequest, _) in
            request.answer(broker.topics.snapshot(), nodeID: broker.nodeID)
        },
        .immediate(0...0) { (_, _: ListPartitionReassignmentsRequest, _) in
            // Nothing moves on one node.
            var response = ListPartitionReassignmentsResponse()
            response.errorMessage = nil
            return response
        },
        .async(0...2, .read) { broker, request, context in await broker.describeQuorum(request, context) },
        .immediate(0...0) { (broker, request: UnregisterBrokerRequest, _) in request.answer(nodeID: broker.nodeID) },
        .immediate(0...0) { (broker, request: DescribeTopicPartitionsRequest, _) in
            request.answer(
                broker.topics.snapshot(), nodeID: broker.nodeID,
                partitionCountMax: broker.settings.describedPartitionsMax)
        },
        .async(0...2, .write) { (broker, request: UpdateFeaturesRequest, context) in
            await request.answer(by: broker.configurations, version: context.version)
        },
        .immediate(0...1) { (broker, request: ListConfigResourcesRequest, context) in
            request.answer(
                broker.topics.snapshot(), broker.configurations, nodeID: broker.nodeID, version: context.version)
        },
        ApiEntry(.getTelemetrySubscriptions, 0...0) { broker, body, context, reply in
            let request = try GetTelemetrySubscriptionsRequest.read(from: &body, version: context.version)
            try broker.counted(context, reply) {
                let response = broker.telemetrySubscriptions(request, context, reply.connection)
                broker.send(response, context, reply)
            }
            return .pipelined
        },
        ApiEntry(.pushTelemetry, 0...0) { broker, body, context, reply in
            let request = try PushTelemetryRequest.read(from: &body, version: context.version)
            try broker.counted(context, reply) {
                broker.send(broker.pushTelemetry(request, context, reply.connection), context, reply)
            }
            return .pipelined
        },
    ]
}

extension Broker {
    /// Tells how far the node's metadata log is: a change of an object is one record of it.
    func describeQuorum(_ request: DescribeQuorumRequest, _ context: RequestContext) async -> DescribeQuorumResponse {
        let end: Int64
        do {
            let newest = ListQuery(ObjectSelection(kind: NodeObject.kind), limit: 1)
            end = Int64(clamping: try await topics.objects.list(newest).resourceVersion.value)
        } catch {
            var response = DescribeQuorumResponse()
            response.errorCode = .brokerNotAvailable
            response.errorMessage = "the metadata cannot be read now: \(error)"
            return response
        }
        return request.answer(
            nodeID: nodeID, endpoint: context.endpoint, endOffset: end, now: clock.wallMilliseconds,
            version: context.version)
    }
}
