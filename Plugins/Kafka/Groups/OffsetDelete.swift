import Coordinators
import KafkaWire
import SegmentLog

extension Broker {
    /// Forgets how far a group has come in partitions that it does not read any more.
    ///
    /// Partitions that do not exist are refused each for itself: what was committed of a topic goes with the topic.
    func serveOffsetDelete(_ request: OffsetDeleteRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        let known = topics.snapshot()
        var asked = request
        asked.topics = request.topics.map { topic in
            var kept = topic
            kept.partitions = topic.partitions.filter {
                isKnown(TopicPartition(topic.name, $0.partitionIndex), in: known)
            }
            return kept
        }
        return askGroup(
            OffsetDeleteResponse.self, request.groupId, .deleteOffsets(asked), .operation, context, reply
        ) { answer in
            guard case .deleteOffsets(let response) = answer else { return nil }
            return OffsetDeleteResponse(request, response)
        } refusal: { code in
            var response = OffsetDeleteResponse()
            response.errorCode = code
            return response
        }
    }
}

extension OffsetDeleteResponse {
    /// The response in the order of the request; what the coordinator was not asked about does not exist.
    fileprivate init(_ request: OffsetDeleteRequest, _ answered: OffsetDeleteResponse) {
        self = answered
        guard errorCode == .none else { return }
        var codes: [TopicPartition: ErrorCode] = [:]
        for topic in answered.topics {
            for partition in topic.partitions {
                codes[TopicPartition(topic.name, partition.partitionIndex)] = partition.errorCode
            }
        }
        topics = request.topics.map { topic in
            var answer = OffsetDeleteResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var part = OffsetDeleteResponsePartition()
                part.partitionIndex = partition.partitionIndex
                part.errorCode =
                    codes[TopicPartition(topic.name, partition.partitionIndex)] ?? .unknownTopicOrPartition
                return part
            }
            return answer
        }
    }
}
