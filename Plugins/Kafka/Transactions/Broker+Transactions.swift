import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime

/// How a request about one transactional id gets to its coordinator and back.
extension Broker {
    /// Asks the coordinator of `id`, and answers the request with what it says.
    ///
    /// - Parameters:
    ///   - answer: The response that the coordinator's answer holds; nil: it is one to another question.
    ///   - refusal: The response where the coordinator does not answer.
    func askTransaction<Response: KafkaResponse>(
        _: Response.Type, _ id: String, _ request: TransactionRequest, _ context: RequestContext, _ reply: Reply,
        answer: @escaping (TransactionResponse) -> Response?, refusal: @escaping (ErrorCode) -> Response
    ) -> RequestFlow {
        coordinators.transactions.ask(id, request, .lasting, home: context.loop) { [self] result in
            switch result {
            case .success(let answered):
                guard let response = answer(answered) else { preconditionFailure("\(answered) answers \(request)") }
                send(response, context, reply)
            case .failure(let refused):
                probe.requestFailed(context.api, refused.code)
                send(refusal(refused.code), context, reply)
            }
        }
        return .pipelined
    }

    /// Whether the topic has the partition.
    func isKnown(_ partition: TopicPartition, in topics: TopicsSnapshot) -> Bool {
        guard let topic = topics[partition.topic] else { return false }
        return (0..<topic.partitionCount).contains(partition.partition)
    }
}
