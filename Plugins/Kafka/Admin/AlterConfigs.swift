internal import KafkaWire

extension AlterConfigsRequest {
    /// Replaces all that is set for each resource by what the request names.
    func answer(
        by catalog: TopicCatalog, _ configurations: ConfigurationStore, nodeID: Int32
    ) async -> AlterConfigsResponse {
        let changes = resources.map { resource in
            (
                resource: ConfigurationResource(type: resource.resourceType, name: resource.resourceName),
                change: Result<ConfigurationChange, TopicError>.success(
                    .replace(resource.configs.map { NewTopic.Config(name: $0.name, value: $0.value) }))
            )
        }
        let results = await ConfigurationResource.alter(
            changes, of: catalog, configurations, nodeID: nodeID, validateOnly ? .validateOnly : .perform)
        var response = AlterConfigsResponse()
        response.responses = results.map { resource, error in
            var result = AlterConfigsResponse.AlterConfigsResourceResponse()
            result.resourceType = resource.type
            result.resourceName = resource.name
            result.errorCode = error?.code ?? .none
            result.errorMessage = error?.message
            return result
        }
        return response
    }
}
