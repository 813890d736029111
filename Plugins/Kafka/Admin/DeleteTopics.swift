internal import KafkaWire
internal import SegmentLog

extension DeleteTopicsRequest {
    /// Deletes the topics; answers when their names are free. Version 6 names them by name or by id (KIP-516).
    func answer(by catalog: TopicCatalog, version: Int16) async -> DeleteTopicsResponse {
        let targets = targets(version: version)
        guard catalog.settings.allowsTopicDeletion else {
            let code: ErrorCode = version < 3 ? .invalidRequest : .topicDeletionDisabled
            let refusal = TopicError(code, "Topic deletion is disabled.")
            return Self.response(targets.map { (DeleteTopicsTarget(name: $0.name, id: $0.id), .failure(refusal)) })
        }
        let references = DeleteTopicsTarget.references(targets, in: catalog.snapshot())
        let results = await catalog.delete(
            references.compactMap { try? $0.get() }, timeout: TopicCatalog.timeout(milliseconds: timeoutMs))
        var rest = results.makeIterator()
        var answered: Set<DeleteTopicsTarget> = []
        return Self.response(
            zip(targets, references).compactMap { target, reference in
                let result = reference.flatMap { _ in
                    rest.next() ?? .failure(TopicError(.unknownServerError, "the topic was not tried"))
                }
                // What was given twice is answered once.
                return answered.insert(target).inserted ? (target, result) : nil
            })
    }

    private func targets(version: Int16) -> [DeleteTopicsTarget] {
        guard version >= 6 else { return topicNames.map { DeleteTopicsTarget(name: $0, id: nil) } }
        return topics.map { topic in
            DeleteTopicsTarget(name: topic.name, id: topic.topicId.isZero ? nil : TopicID(topic.topicId))
        }
    }

    private static func response(
        _ results: [(DeleteTopicsTarget, Result<TopicDescription, TopicError>)]
    ) -> DeleteTopicsResponse {
        var response = DeleteTopicsResponse()
        response.responses = results.map { target, result in
            var answer = DeleteTopicsResponse.DeletableTopicResult()
            answer.name = target.name
            answer.topicId = target.id.map { WireUUID($0) } ?? .zero
            switch result {
            case .success(let topic):
                answer.name = topic.name
                answer.topicId = WireUUID(topic.id)
                answer.errorMessage = nil
            case .failure(let error):
                answer.errorCode = error.code
                answer.errorMessage = error.message
            }
            return answer
        }
        return response
    }
}

/// What a client named to delete: a name, an id, or (wrongly) both or neither.
struct DeleteTopicsTarget: Hashable {
    var name: String?
    var id: TopicID?

    /// What each target refers to, or why it is refused before anything is looked at.
    static func references(
        _ targets: [DeleteTopicsTarget], in snapshot: TopicsSnapshot
    ) -> [Result<TopicReference, TopicError>] {
        var nameCounts: [String: Int] = [:]
        var idCounts: [TopicID: Int] = [:]
        for target in targets {
            if let name = target.name { nameCounts[name, default: 0] += 1 }
            if let id = target.id { idCounts[id, default: 0] += 1 }
        }
        return targets.map { target in
            switch (target.name, target.id) {
            case (nil, nil): refused("Neither topic name nor id were specified.")
            case (_?, _?): refused("You may not specify both topic name and topic id.")
            case (let name?, nil):
                if nameCounts[name] != 1 {
                    refused("Duplicate topic name.")
                } else if let topic = snapshot[name], idCounts[topic.id] != nil {
                    refused("The provided topic name maps to an ID that was already supplied.")
                } else {
                    .success(.name(name))
                }
            case (nil, let id?):
                idCounts[id] == 1 ? .success(.id(id)) : refused("Duplicate topic id.")
            }
        }
    }

    private static func refused(_ message: String) -> Result<TopicReference, TopicError> {
        .failure(TopicError(.invalidRequest, message))
    }
}
