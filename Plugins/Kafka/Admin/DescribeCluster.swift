internal import KafkaWire

/// A node as clients reach it.
struct ClusterNode: Sendable, Hashable {
    var id: Int32
    var host: String
    var port: Int32
    var rack: String?
}

extension DescribeClusterRequest {
    /// What clients may do with the cluster where nobody is refused anything: create, alter, describe, act as
    /// a broker, describe and alter configurations, write idempotently (a bit each, by `AclOperation`).
    static let allOperations: Int32 = [5, 7, 8, 9, 10, 11, 12].reduce(0) { $0 | 1 << $1 }

    /// The nodes, and which of them leads the metadata.
    func answer(clusterID: String, controllerID: Int32, nodes: [ClusterNode]) -> DescribeClusterResponse {
        var response = DescribeClusterResponse()
        response.clusterId = clusterID
        response.endpointType = 1
        response.errorMessage = nil
        guard endpointType == 1 else {
            // KIP-919: 2 would be the controllers' own listener.
            response.errorCode = endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType
            response.errorMessage =
                endpointType == 2
                ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                : "Unsupported endpoint type \(endpointType)"
            return response
        }
        response.controllerId = controllerID
        response.brokers = nodes.map { node in
            var broker = DescribeClusterResponse.DescribeClusterBroker()
            broker.brokerId = node.id
            broker.host = node.host
            broker.port = node.port
            broker.rack = node.rack
            return broker
        }
        if includeClusterAuthorizedOperations { response.clusterAuthorizedOperations = Self.allOperations }
        return response
    }
}
