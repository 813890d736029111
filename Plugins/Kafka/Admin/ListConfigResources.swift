internal import KafkaWire

extension ListConfigResourcesRequest {
    /// The resources that have a configuration: before version 1 only those of clients' metrics (KIP-1142).
    func answer(
        _ topics: TopicsSnapshot, _ configurations: ConfigurationStore, nodeID: Int32, version: Int16
    ) -> ListConfigResourcesResponse {
        typealias Kind = ConfigurationResource.Kind
        let known = [Kind.topic, Kind.broker, Kind.brokerLogger, Kind.clientMetrics, Kind.group]
        let wanted = version == 0 ? [Kind.clientMetrics] : resourceTypes.isEmpty ? known : resourceTypes
        var response = ListConfigResourcesResponse()
        guard wanted.allSatisfy(known.contains) else {
            response.errorCode = .unsupportedVersion
            return response
        }
        for type in known where wanted.contains(type) {
            let names: [String]
            switch type {
            case Kind.topic: names = topics.byName.keys.sorted()
            case Kind.broker, Kind.brokerLogger: names = ["\(nodeID)"]
            default: names = configurations.names(ofType: type)
            }
            response.configResources += names.map { name in
                var resource = ListConfigResourcesResponse.ConfigResource()
                resource.resourceName = name
                resource.resourceType = type
                return resource
            }
        }
        return response
    }
}
