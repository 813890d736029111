internal import KafkaWire

extension CreatePartitionsRequest {
    /// Adds partitions; answers when they serve. A name that was given twice is answered once.
    func answer(by catalog: TopicCatalog) async -> CreatePartitionsResponse {
        let requests = topics.map { topic in
            NewPartitions(
                topic: topic.name, totalCount: topic.count, assignments: topic.assignments?.map(\.brokerIds))
        }
        let results = await catalog.createPartitions(
            requests, validateOnly ? .validateOnly : .perform,
            timeout: TopicCatalog.timeout(milliseconds: timeoutMs))
        var answered: Set<String> = []
        var response = CreatePartitionsResponse()
        for (topic, result) in zip(topics, results) where answered.insert(topic.name).inserted {
            var answer = CreatePartitionsResponse.CreatePartitionsTopicResult()
            answer.name = topic.name
            answer.errorMessage = nil
            if case .failure(let error) = result {
                answer.errorCode = error.code
                answer.errorMessage = error.message
            }
            response.results.append(answer)
        }
        return response
    }
}
