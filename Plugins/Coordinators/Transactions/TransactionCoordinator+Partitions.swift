import KafkaWire

extension TransactionCoordinator {
    /// Partitions become part of the producer's transaction, which begins with the first.
    mutating func addPartitions(
        _ partitions: [TopicPartition], of producer: ProducerIdentity, to id: String, _ ticket: Ticket,
        at time: CoordinatorTime
    ) -> Step {
        if let error = refusal(of: producer, for: id) { return .answer(ticket, .partitions(partitions, error)) }
        guard let entry = entries[id] else { preconditionFailure("an id that is not known is refused") }
        let metadata = entry.metadata
        let added = Set(partitions)
        if metadata.state == .ongoing, added.isSubset(of: metadata.partitions) {
            return .answer(ticket, .partitions(partitions, .none))
        }
        guard metadata.partitions.union(added).count <= settings.partitionsMax else {
            return .answer(ticket, .partitions(partitions, .policyViolation))
        }
        var step = Step.answer(ticket, .partitions(partitions, .none))
        write(metadata.adding(added, at: time.wallMilliseconds), of: id, lastEpoch: entry.lastEpoch, in: &step)
        return step
    }

    /// Whether the partitions are part of the producer's open transaction: what a partition asks before it takes the
    /// transaction's first batch, so that no batch comes after its transaction's end (KIP-890).
    func verifyPartitions(
        _ partitions: [TopicPartition], of producer: ProducerIdentity, in id: String
    ) -> TransactionResponse {
        if let error = refusal(of: producer, for: id) { return .partitions(partitions, error) }
        var codes: [TopicPartition: ErrorCode] = [:]
        for partition in partitions {
            let isPart = entries[id]?.metadata.partitions.contains(partition) == true
            codes[partition] = isPart ? ErrorCode.none : .transactionAbortable
        }
        return .partitions(codes)
    }

    /// Why `producer` may not work on the transaction of `id`; nil: it may.
    private func refusal(of producer: ProducerIdentity, for id: String) -> ErrorCode? {
        if id.isEmpty { return .invalidRequest }
        guard let metadata = entries[id]?.metadata else { return .invalidProducerIdMapping }
        // Who was told its next identity may use it before the markers are written; it waits for them.
        if metadata.state.isPrepared, producer == metadata.successor { return .concurrentTransactions }
        if producer.id != metadata.producer.id { return .invalidProducerIdMapping }
        guard metadata.isProducer(producer) else { return .producerFenced }
        return metadata.state.isPrepared ? .concurrentTransactions : nil
    }
}

extension TransactionResponse {
    /// The same code for all.
    static func partitions(_ partitions: [TopicPartition], _ error: ErrorCode) -> TransactionResponse {
        .partitions(Dictionary(partitions.map { ($0, error) }, uniquingKeysWith: { first, _ in first }))
    }
}
