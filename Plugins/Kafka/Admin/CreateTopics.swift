internal import KafkaWire

extension CreateTopicsRequest {
    /// Makes the topics; answers when their partitions serve. A name that was given twice is answered once.
    func answer(by catalog: TopicCatalog) async -> CreateTopicsResponse {
        let results = await catalog.create(
            topics.map { NewTopic($0) }, validateOnly ? .validateOnly : .perform,
            timeout: TopicCatalog.timeout(milliseconds: timeoutMs))
        var answered: Set<String> = []
        var response = CreateTopicsResponse()
        for (topic, result) in zip(topics, results) where answered.insert(topic.name).inserted {
            response.topics.append(CreateTopicsResponse.CreatableTopicResult(topic.name, result))
        }
        return response
    }
}

extension NewTopic {
    init(_ topic: CreateTopicsRequest.CreatableTopic) {
        self.init(
            name: topic.name, partitionCount: topic.numPartitions, replicationFactor: topic.replicationFactor,
            assignments: topic.assignments.map { Assignment(partition: $0.partitionIndex, nodes: $0.brokerIds) },
            configs: topic.configs.map { Config(name: $0.name, value: $0.value) })
    }
}

extension CreateTopicsResponse.CreatableTopicResult {
    /// What became of the topic; of a topic that was made, its shape and configuration as well (KIP-525).
    init(_ name: String, _ result: Result<TopicDescription, TopicError>) {
        self.init()
        self.name = name
        switch result {
        case .success(let topic):
            topicId = WireUUID(topic.id)
            errorMessage = nil
            numPartitions = topic.partitionCount
            replicationFactor = topic.replicationFactor
            configs = topic.configuration.entries().map { CreateTopicsResponse.CreatableTopicConfigs($0) }
        case .failure(let error):
            errorCode = error.code
            errorMessage = error.message
        }
    }
}

extension CreateTopicsResponse.CreatableTopicConfigs {
    init(_ entry: ConfigurationEntry) {
        self.init()
        name = entry.definition.name
        value = entry.definition.isSensitive ? nil : entry.value
        readOnly = entry.isReadOnly
        configSource = entry.source.code
        isSensitive = entry.definition.isSensitive
    }
}
