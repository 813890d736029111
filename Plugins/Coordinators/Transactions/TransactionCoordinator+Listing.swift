import KafkaWire

extension TransactionCoordinator {
    /// One id, for DescribeTransactions.
    func describe(_ id: String) -> DescribeTransactionsResponse.TransactionState {
        var description = DescribeTransactionsResponse.TransactionState()
        description.transactionalId = id
        guard let metadata = entries[id]?.metadata else {
            description.errorCode = id.isEmpty ? .invalidRequest : .transactionalIdNotFound
            return description
        }
        description.transactionState = metadata.state.name
        description.transactionTimeoutMs = metadata.timeoutMilliseconds
        description.transactionStartTimeMs = metadata.startMilliseconds
        description.producerId = metadata.producer.id
        description.producerEpoch = metadata.producer.epoch
        for partition in metadata.partitions.sorted() {
            if description.topics.last?.topic != partition.topic {
                var topic = DescribeTransactionsResponse.TopicData()
                topic.topic = partition.topic
                description.topics.append(topic)
            }
            description.topics[description.topics.count - 1].partitions.append(partition.partition)
        }
        return description
    }

    /// The ids that pass every filter, in order.
    func list(_ filters: ListTransactionsRequest, at time: CoordinatorTime) -> ListTransactionsResponse {
        var response = ListTransactionsResponse()
        var states: Set<String> = []
        for name in filters.stateFilters {
            if TransactionState.names.contains(name) {
                states.insert(name)
            } else {
                response.unknownStateFilters.append(name)
            }
        }
        let producers = Set(filters.producerIdFilters)
        var pattern: TextPattern?
        if let text = filters.transactionalIdPattern, !text.isEmpty {
            do { pattern = try TextPattern(text) } catch {
                response.errorCode = .invalidRegularExpression
                return response
            }
        }
        for (id, entry) in entries {
            let metadata = entry.metadata
            // Where only unknown states were asked for, nothing is listed.
            guard filters.stateFilters.isEmpty || states.contains(metadata.state.name),
                producers.isEmpty || producers.contains(metadata.producer.id),
                filters.durationFilter < 0 || metadata.hasRun(longerThan: filters.durationFilter, at: time),
                pattern?.matches(id) ?? true
            else { continue }
            var state = ListTransactionsResponse.TransactionState()
            state.transactionalId = id
            state.producerId = metadata.producer.id
            state.transactionState = metadata.state.name
            response.transactionStates.append(state)
        }
        response.transactionStates.sort { $0.transactionalId < $1.transactionalId }
        return response
    }
}

extension TransactionMetadata {
    /// Whether a transaction is under way, and began more than `milliseconds` ago (KIP-994).
    fileprivate func hasRun(longerThan milliseconds: Int64, at time: CoordinatorTime) -> Bool {
        guard state == .ongoing || state.isPrepared else { return false }
        return time.wallMilliseconds - startMilliseconds > milliseconds
    }
}
