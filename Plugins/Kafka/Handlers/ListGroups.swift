import KafkaWire

extension Broker {
    /// Lists the consumer groups that this node coordinates: none, as long as it coordinates no group.
    ///
    /// Served because tools that list groups take a missing API for a broken broker.
    func listGroups(_ request: ListGroupsRequest, _ context: RequestContext) -> ListGroupsResponse {
        ListGroupsResponse()
    }
}
