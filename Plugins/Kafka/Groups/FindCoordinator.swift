import Coordinators
import KafkaWire
import Logging

extension Broker {
    /// Names the node that coordinates a group or a transactional id: this one.
    ///
    /// The first to ask makes the internal topic, and waits for it. Advertised also because librdkafka sends lz4 only
    /// to brokers that have this API.
    func serveFindCoordinator(
        _ request: FindCoordinatorRequest, _ context: RequestContext, _ reply: Reply
    ) throws -> RequestFlow {
        guard let sort = CoordinatorSort(rawValue: request.keyType), topics.snapshot()[sort.topic] == nil else {
            try counted(context, reply) { send(answer(request, context, .none), context, reply) }
            return .pipelined
        }
        answerLater(context, reply, refusal: answer(request, context, .coordinatorNotAvailable)) { [self] in
            do throws(TopicError) {
                try await coordinators.makeTopic(sort.topic)
            } catch {
                logger.error("the topic \(sort.topic) cannot be made: \(error)")
                return answer(request, context, .coordinatorNotAvailable)
            }
            return answer(request, context, .none)
        }
        return .barrier
    }

    private func answer(
        _ request: FindCoordinatorRequest, _ context: RequestContext, _ error: ErrorCode
    ) -> FindCoordinatorResponse {
        let keys = context.version >= 4 ? request.coordinatorKeys : [request.key]
        let found = keys.map { coordinator(of: $0, request.keyType, context, error) }
        var response = FindCoordinatorResponse()
        if context.version >= 4 {
            response.coordinators = found
        } else if let first = found.first {
            response.errorCode = first.errorCode
            response.errorMessage = first.errorMessage
            response.nodeId = first.nodeId
            response.host = first.host
            response.port = first.port
        }
        return response
    }

    private func coordinator(
        of key: String, _ type: Int8, _ context: RequestContext, _ error: ErrorCode
    ) -> FindCoordinatorResponse.Coordinator {
        var coordinator = FindCoordinatorResponse.Coordinator()
        coordinator.key = key
        coordinator.nodeId = -1
        coordinator.port = -1
        coordinator.errorCode = error
        switch CoordinatorSort(rawValue: type) {
        case .group where error == .none, .transaction where error == .none:
            coordinator.nodeId = nodeID
            coordinator.host = context.endpoint.host
            coordinator.port = Int32(context.endpoint.port)
            coordinator.errorMessage = nil
        case .group, .transaction:
            coordinator.errorMessage = "The coordinator is not available."
        case nil:
            coordinator.errorCode = .invalidRequest
            coordinator.errorMessage = "a coordinator of type \(type) is unknown"
        }
        return coordinator
    }
}

/// What a client looks for a coordinator of; the raw value is Kafka's.
enum CoordinatorSort: Int8 {
    case group = 0
    case transaction = 1

    /// Where such coordinators keep their state.
    var topic: String {
        switch self {
        case .group: InternalTopic.offsets
        case .transaction: InternalTopic.transactions
        }
    }
}
