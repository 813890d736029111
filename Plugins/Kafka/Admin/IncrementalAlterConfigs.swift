internal import KafkaWire

extension IncrementalAlterConfigsRequest {
    /// Sets, deletes, appends to and subtracts from what is set for each resource (KIP-339).
    func answer(
        by catalog: TopicCatalog, _ configurations: ConfigurationStore, nodeID: Int32
    ) async -> IncrementalAlterConfigsResponse {
        let changes = resources.map { resource in
            (
                resource: ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
                change: Self.change(resource.configs)
            )
        }
        let results = await ConfigurationResource.alter(
            changes, of: catalog, configurations, nodeID: nodeID, validateOnly ? .validateOnly : .perform)
        var response = IncrementalAlterConfigsResponse()
        response.responses = results.map { resource, error in
            var result = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse()
            result.resourceType = resource.type
            result.resourceName = resource.name
            result.errorCode = error?.code ?? .none
            result.errorMessage = error?.message
            return result
        }
        return response
    }

    private static func change(_ configs: [AlterableConfig]) -> Result<ConfigurationChange, TopicError> {
        var operations: [ConfigurationOperation] = []
        for config in configs {
            guard let kind = ConfigurationOperation.Kind(rawValue: config.configOperation) else {
                return .failure(
                    TopicError(.invalidRequest, "Unknown config operation \(config.configOperation) of \(config.name)"))
            }
            operations.append(ConfigurationOperation(name: config.name, kind: kind, value: config.value))
        }
        return .success(.apply(operations))
    }
}
