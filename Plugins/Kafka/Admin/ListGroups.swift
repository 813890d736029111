internal import KafkaWire

extension ListGroupsRequest {
    /// The groups of the node: none, as long as it coordinates none (FindCoordinator says so).
    ///
    /// Served nevertheless: administration clients list groups of every broker, and fail where they cannot.
    func answer() -> ListGroupsResponse { ListGroupsResponse() }
}
