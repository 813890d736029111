internal import KafkaWire

extension DescribeConfigsRequest {
    /// Every setting of topics, of this node, of groups and of client metrics, with the value in force, its source, synonyms, type and
    /// documentation; only the keys asked for where some are.
    func answer(
        by catalog: TopicCatalog, _ configurations: ConfigurationStore, nodeID: Int32
    ) -> DescribeConfigsResponse {
        let snapshot = catalog.snapshot()
        var response = DescribeConfigsResponse()
        response.results = resources.map { resource in
            var result = DescribeConfigsResponse.DescribeConfigsResult()
            result.resourceType = resource.resourceType
            result.resourceName = resource.resourceName
            result.errorMessage = nil
            do throws(TopicError) {
                let keys = Set(resource.configurationKeys ?? [])
                result.configs = try entries(
                    of: ConfigurationResource(type: resource.resourceType, name: resource.resourceName), catalog,
                    configurations, snapshot, nodeID: nodeID
                ).filter { keys.isEmpty || keys.contains($0.definition.name) }.map { describe($0) }
            } catch {
                result.errorCode = error.code
                result.errorMessage = error.message
            }
            return result
        }
        return response
    }

    private func entries(
        of resource: ConfigurationResource, _ catalog: TopicCatalog, _ configurations: ConfigurationStore,
        _ snapshot: TopicsSnapshot, nodeID: Int32
    ) throws(TopicError) -> [ConfigurationEntry] {
        switch resource.type {
        case ConfigurationResource.Kind.topic:
            return try catalog.rules.existing(resource.name, in: snapshot).configuration.entries()
        case ConfigurationResource.Kind.broker:
            // The empty name is the dynamic default of all nodes: what was set, and nothing else.
            if resource.name.isEmpty { return catalog.settings.dynamicDefaultEntries() }
            try resource.checkNode(nodeID)
            return catalog.settings.entries()
        case ConfigurationResource.Kind.brokerLogger:
            // Log levels are no configuration of single loggers here.
            try resource.checkNode(nodeID)
            return []
        case ConfigurationResource.Kind.group:
            try resource.checkAlterable(nodeID: nodeID)
            return GroupConfiguration.entries(configurations.values(of: resource), catalog.settings)
        case ConfigurationResource.Kind.clientMetrics:
            try resource.checkAlterable(nodeID: nodeID)
            return ClientMetricsConfiguration.entries(configurations.values(of: resource))
        default:
            throw TopicError(.invalidRequest, "Unsupported resource type: \(resource.type)")
        }
    }

    private func describe(_ entry: ConfigurationEntry) -> DescribeConfigsResponse.DescribeConfigsResourceResult {
        var result = DescribeConfigsResponse.DescribeConfigsResourceResult()
        let isSensitive = entry.definition.isSensitive
        result.name = entry.definition.name
        result.value = isSensitive ? nil : entry.value
        result.readOnly = entry.isReadOnly
        result.configSource = entry.source.code
        result.isSensitive = isSensitive
        result.configType = entry.definition.type.code
        result.documentation = includeDocumentation ? entry.definition.documentation : nil
        guard includeSynonyms else { return result }
        result.synonyms = entry.synonyms.map { synonym in
            var described = DescribeConfigsResponse.DescribeConfigsSynonym()
            described.name = synonym.name
            described.value = isSensitive ? nil : synonym.value
            described.source = synonym.source.code
            return described
        }
        return result
    }
}
