import KafkaWire

extension Broker {
    /// Says that no coordinator is there: groups and transactions are not served yet.
    ///
    /// Served nevertheless, because librdkafka sends lz4 only to brokers that have this API.
    func findCoordinator(_ request: FindCoordinatorRequest, _ context: RequestContext) -> FindCoordinatorResponse {
        let message = "groups and transactions are not served by this node yet"
        var response = FindCoordinatorResponse()
        guard context.version >= 4 else {
            response.errorCode = .coordinatorNotAvailable
            response.errorMessage = message
            response.nodeId = -1
            response.port = -1
            return response
        }
        response.coordinators = request.coordinatorKeys.map { key in
            var coordinator = FindCoordinatorResponse.Coordinator()
            coordinator.key = key
            coordinator.nodeId = -1
            coordinator.port = -1
            coordinator.errorCode = .coordinatorNotAvailable
            coordinator.errorMessage = message
            return coordinator
        }
        return response
    }
}
