import KafkaWire

/// Looks at transactions, and ends those that nobody else does.
///
/// Each call finds the coordinator, and asks again while that loads or moves, as `retries` allow.
public struct TransactionAdmin: Sendable {
    let client: KafkaClient
    let retries: RetryPolicy

    /// The transactions of the client's cluster.
    public init(_ client: KafkaClient, retries: RetryPolicy = RetryPolicy()) {
        self.client = client
        self.retries = retries
    }

    /// The transactional ids that `filter` takes, sorted; throws where a coordinator does not know a state.
    public func list(_ filter: TransactionFilter = TransactionFilter()) async throws -> [TransactionListing] {
        let lists = try await client.fromEachNode(retries) { broker, node in
            let answer = try await broker.send { try Self.request(filter, version: $0) }
            guard answer.errorCode == .none else {
                throw ClientError.refused("transactions of \(broker.address)", answer.errorCode, nil)
            }
            guard answer.unknownStateFilters.isEmpty else {
                let states = answer.unknownStateFilters.sorted().joined(separator: ", ")
                throw ClientError(.refused, "\(broker.address) knows no such state of a transaction: \(states)")
            }
            return answer.transactionStates.map {
                TransactionListing(
                    id: $0.transactionalId, producerID: $0.producerId, state: $0.transactionState, coordinator: node)
            }
        }
        return lists.joined().sorted { $0.id < $1.id }
    }

    private static func request(_ filter: TransactionFilter, version: Int16) throws(ClientError)
        -> ListTransactionsRequest
    {
        var request = ListTransactionsRequest()
        request.stateFilters = filter.states.sorted()
        request.producerIdFilters = filter.producerIDs.sorted()
        if let duration = filter.openLongerThan {
            guard version >= 1 else {
                throw ClientError(.unsupported, "the broker cannot tell how long transactions are open (KIP-994)")
            }
            request.durationFilter =
                Int64(duration.components.seconds) * 1000
                + Int64(duration.components.attoseconds / 1_000_000_000_000_000)
        }
        return request
    }

    /// What the coordinator knows of a transactional id.
    public func describe(_ id: String) async throws -> TransactionDescription {
        try await client.withCoordinator(of: .transaction(id), retries) { coordinator, node in
            var request = DescribeTransactionsRequest()
            request.transactionalIds = [id]
            guard let found = try await coordinator.send(request).transactionStates.first else {
                throw ClientError(.unsupported, "\(coordinator.address) answered nothing for '\(id)'")
            }
            guard found.errorCode == .none else { throw Self.refusal(id, found.errorCode) }
            return TransactionDescription(
                id: id, producerID: found.producerId, producerEpoch: found.producerEpoch,
                state: found.transactionState, timeoutMilliseconds: found.transactionTimeoutMs,
                startMilliseconds: found.transactionStartTimeMs >= 0 ? found.transactionStartTimeMs : nil,
                coordinator: node,
                partitions: found.topics
                    .flatMap { topic in topic.partitions.map { TopicPartition(topic.topic, $0) } }.sorted())
        }
    }

    /// Takes the transactional id from its producer: what is open is aborted, and its next request is refused.
    ///
    /// As a producer that begins anew: returns when the abort is complete. The id gets a new epoch.
    public func fence(_ id: String, timeoutMilliseconds: Int32) async throws {
        try await client.withCoordinator(of: .transaction(id), retries) { coordinator, _ in
            var request = InitProducerIdRequest()
            request.transactionalId = id
            // It stays with the id until the next producer says its own.
            request.transactionTimeoutMs = timeoutMilliseconds
            let answer = try await coordinator.send(request)
            guard answer.errorCode == .none else { throw Self.refusal(id, answer.errorCode) }
        }
    }

    static func refusal(_ id: String, _ code: ErrorCode) -> ClientError {
        guard code == .transactionalIdNotFound else {
            return ClientError.refused("transactional id '\(id)'", code, nil)
        }
        return ClientError(
            .refused, "there is no transactional id '\(id)'; `weir txn list` shows them", errorCode: code)
    }
}
