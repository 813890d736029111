import KafkaWire
import NIOCore
import SegmentLog
import WorkTracking

extension Broker {
    /// Tells the nodes, the topics and who leads their partitions; makes topics that are asked for, where allowed.
    func serveMetadata(_ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        let request = try MetadataRequest.read(from: &body, version: context.version)
        let missing = topicsToCreate(request, context.version)
        guard !missing.isEmpty else {
            try counted(context, reply) { send(metadata(request, context), context, reply) }
            return .pipelined
        }
        answerLater(context, reply, refusal: metadata(request, context)) { [self] in
            let made = await topics.autoCreate(missing)
            var failures: [String: ErrorCode] = [:]
            for (name, result) in zip(missing, made) {
                if case .failure(let error) = result { failures[name] = error.code }
            }
            return metadata(request, context, failures: failures)
        }
        return .barrier
    }

    /// The names asked for that are not there and may be made.
    private func topicsToCreate(_ request: MetadataRequest, _ version: Int16) -> [String] {
        // Before version 4 a client could not forbid it.
        guard settings.createsTopicsAutomatically, version < 4 || request.allowAutoTopicCreation, !isDraining,
            !isReadOnly,
            let asked = request.topics
        else { return [] }
        let known = topics.snapshot()
        return asked.compactMap { topic in
            guard let name = topic.name, topic.topicId.isZero, known[name] == nil else { return nil }
            return TopicName.complaint(about: name) == nil ? name : nil
        }
    }

    private func metadata(
        _ request: MetadataRequest, _ context: RequestContext, failures: [String: ErrorCode] = [:]
    ) -> MetadataResponse {
        let known = topics.snapshot()
        var response = MetadataResponse()
        var node = MetadataResponse.MetadataResponseBroker()
        node.nodeId = nodeID
        node.host = context.endpoint.host
        node.port = Int32(context.endpoint.port)
        node.rack = settings.rack
        response.brokers = [node]
        response.clusterId = clusterID
        response.controllerId = nodeID
        // Version 0 has no null: an empty list asks for all topics there.
        if let asked = request.topics, !(context.version == 0 && asked.isEmpty) {
            let once = asked.uniqued { topic in
                topic.topicId.isZero ? TopicReference.name(topic.name ?? "") : .id(TopicID(topic.topicId))
            }
            response.topics = once.map { answer($0, known, context, failures) }
        } else {
            response.topics = known.byName.values.map { describe($0) }
        }
        if request.includeTopicAuthorizedOperations {
            for place in response.topics.indices where response.topics[place].errorCode == .none {
                response.topics[place].topicAuthorizedOperations = TopicOperations.all
            }
        }
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations = DescribeClusterRequest.allOperations
        }
        return response
    }

    private func answer(
        _ asked: MetadataRequest.MetadataRequestTopic, _ known: TopicsSnapshot, _ context: RequestContext,
        _ failures: [String: ErrorCode]
    ) -> MetadataResponse.MetadataResponseTopic {
        var answer = MetadataResponse.MetadataResponseTopic()
        if !asked.topicId.isZero {
            let id = TopicID(high: asked.topicId.high, low: asked.topicId.low)
            if let topic = known[id] { return describe(topic) }
            answer.topicId = asked.topicId
            // Null says that the name is not known, where the version has a null for it.
            answer.name = context.version >= 12 ? nil : ""
            answer.errorCode = .unknownTopicId
            return answer
        }
        let name = asked.name ?? ""
        if let topic = known[name] { return describe(topic) }
        answer.name = name
        answer.errorCode =
            TopicName.complaint(about: name) != nil
            ? .invalidTopicException : failures[name] ?? .unknownTopicOrPartition
        return answer
    }

    private func describe(_ topic: TopicDescription) -> MetadataResponse.MetadataResponseTopic {
        var answer = MetadataResponse.MetadataResponseTopic()
        answer.name = topic.name
        answer.topicId = WireUUID(high: topic.id.high, low: topic.id.low)
        answer.isInternal = topic.isInternal
        answer.partitions = (0..<topic.partitionCount).map { index in
            var partition = MetadataResponse.MetadataResponsePartition()
            partition.partitionIndex = index
            partition.leaderId = nodeID
            // One node: the local log's epoch.
            partition.leaderEpoch = 0
            partition.replicaNodes = [nodeID]
            partition.isrNodes = [nodeID]
            return partition
        }
        return answer
    }
}

/// What may be done with a topic, as KIP-430 tells it: one bit an operation.
enum TopicOperations {
    /// Read (3), write (4), create (5), delete (6), alter (7), describe (8), describe and alter its configuration (10,
    /// 11): all that there are, where nobody is refused anything.
    static let all: Int32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11
}
