import KafkaWire

extension Broker {
    /// Names this node as the coordinator of every group; for transactions there is none yet.
    ///
    /// Groups are not served yet: JoinGroup and the others are not advertised, so a group consumer gets a clear
    /// "not supported" from its own library. An answer of COORDINATOR_NOT_AVAILABLE would make it ask for ever and
    /// never look at its topics (docs/decisions/0016). Advertised also because librdkafka sends lz4 only to brokers
    /// that have this API.
    func findCoordinator(_ request: FindCoordinatorRequest, _ context: RequestContext) -> FindCoordinatorResponse {
        let keys = context.version >= 4 ? request.coordinatorKeys : [request.key]
        let found = keys.map { coordinator(of: $0, type: request.keyType, context) }
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
        of key: String, type: Int8, _ context: RequestContext
    ) -> FindCoordinatorResponse.Coordinator {
        var coordinator = FindCoordinatorResponse.Coordinator()
        coordinator.key = key
        coordinator.nodeId = -1
        coordinator.port = -1
        switch type {
        case 0:
            coordinator.nodeId = nodeID
            coordinator.host = context.endpoint.host
            coordinator.port = Int32(context.endpoint.port)
            coordinator.errorMessage = nil
        case 1:
            coordinator.errorCode = .coordinatorNotAvailable
            coordinator.errorMessage = "transactions are not served by this node yet"
        default:
            coordinator.errorCode = .invalidRequest
            coordinator.errorMessage = "a coordinator of type \(type) is unknown"
        }
        return coordinator
    }
}
