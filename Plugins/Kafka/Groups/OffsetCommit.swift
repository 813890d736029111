import Coordinators
import KafkaWire
import SegmentLog

extension Broker {
    /// Keeps how far a group has come; until the node stops.
    ///
    /// Partitions that do not exist are refused each for itself, the others are asked of the coordinator.
    func serveOffsetCommit(
        _ request: OffsetCommitRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let known = topics.snapshot()
        var refused = OffsetCommitErrors()
        var asked = request
        asked.topics = []
        for (place, topic) in request.topics.enumerated() {
            let description =
                context.version >= 10
                ? known[TopicID(high: topic.topicId.high, low: topic.topicId.low)] : known[topic.name]
            guard let description else {
                refused.all[place] = context.version >= 10 ? .unknownTopicId : .unknownTopicOrPartition
                continue
            }
            var kept = topic
            kept.name = description.name
            kept.topicId = WireUUID(high: description.id.high, low: description.id.low)
            kept.partitions = topic.partitions.filter { (0..<description.partitionCount).contains($0.partitionIndex) }
            if !kept.partitions.isEmpty { asked.topics.append(kept) }
        }
        // With nothing that exists there is nothing to ask; an empty request goes, because it is a sign of life.
        if asked.topics.isEmpty, !request.topics.isEmpty {
            send(refused.merged(request, OffsetCommitResponse()), context, reply)
            return .pipelined
        }
        if OffsetCommitSize.isTooLarge(asked) {
            refused.rest = .invalidCommitOffsetSize
            send(refused.merged(request, OffsetCommitResponse()), context, reply)
            return .pipelined
        }
        return askGroup(
            OffsetCommitResponse.self, request.groupId, .commit(asked, origin(context, reply)), .lasting, context, reply
        ) { [self] answer in
            guard case .commit(let response) = answer else { return nil }
            let committed = response.topics.lazy.flatMap(\.partitions).filter { $0.errorCode == .none }
            coordinators.commits.add(committed.count)
            return refused.merged(request, response)
        } refusal: { code in
            var refused = refused
            refused.rest = code
            return refused.merged(request, OffsetCommitResponse())
        }
    }
}

/// What became of the partitions of a commit that the coordinator was not asked about.
private struct OffsetCommitErrors {
    /// Topics of which nothing was asked, by their place in the request.
    var all: [Int: ErrorCode] = [:]
    /// What the partitions get that the coordinator did not answer.
    var rest = ErrorCode.unknownTopicOrPartition

    private struct Key: Hashable {
        var topic: String
        var id: WireUUID
        var partition: Int32
    }

    /// The response in the order of the request.
    func merged(_ request: OffsetCommitRequest, _ answered: OffsetCommitResponse) -> OffsetCommitResponse {
        var codes: [Key: ErrorCode] = [:]
        for topic in answered.topics {
            for partition in topic.partitions {
                // Requests of version 10 say ids only, older ones names only; the coordinator is given both.
                codes[Key(topic: topic.name, id: .zero, partition: partition.partitionIndex)] = partition.errorCode
                codes[Key(topic: "", id: topic.topicId, partition: partition.partitionIndex)] = partition.errorCode
            }
        }
        var response = answered
        response.topics = request.topics.enumerated().map { place, topic in
            var answer = OffsetCommitResponse.OffsetCommitResponseTopic()
            answer.name = topic.name
            answer.topicId = topic.topicId
            answer.partitions = topic.partitions.map { partition in
                var part = OffsetCommitResponse.OffsetCommitResponsePartition()
                part.partitionIndex = partition.partitionIndex
                let byName = Key(topic: topic.name, id: .zero, partition: partition.partitionIndex)
                let byID = Key(topic: "", id: topic.topicId, partition: partition.partitionIndex)
                part.errorCode = all[place] ?? codes[topic.topicId.isZero ? byName : byID] ?? rest
                return part
            }
            return answer
        }
        return response
    }
}

/// How large the batch of a commit would become.
private enum OffsetCommitSize {
    /// What one commit may take of the largest batch; requests of groups have room beside it.
    private static let sizeBytesMax = CoordinatorShard<GroupCoordinator>.batchSizeBytesMax / 2
    /// Bytes of a record beside its texts.
    private static let recordSizeBytes = 64

    static func isTooLarge(_ request: OffsetCommitRequest) -> Bool {
        var size = 0
        for topic in request.topics {
            let key = request.groupId.utf8.count + topic.name.utf8.count + recordSizeBytes
            for partition in topic.partitions { size += key + (partition.committedMetadata?.utf8.count ?? 0) }
        }
        return size > sizeBytesMax
    }
}
