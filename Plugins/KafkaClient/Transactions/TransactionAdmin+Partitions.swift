import KafkaWire

/// An open transaction in a partition, as it takes to end it without its coordinator.
public struct OpenTransaction: Sendable, Hashable {
    /// Where it is.
    public var partition: TopicPartition
    /// Whose it is.
    public var producer: PartitionProducer

    /// The open transaction of `producer` in `partition`.
    public init(partition: TopicPartition, producer: PartitionProducer) {
        self.partition = partition
        self.producer = producer
    }
}

extension TransactionAdmin {
    /// The producers that partitions know; those of partitions that are not there are left out.
    public func producers(
        of partitions: [TopicPartition]
    ) async throws -> [TopicPartition: [PartitionProducer]] {
        var found: [TopicPartition: [PartitionProducer]] = [:]
        for (topic, numbers) in partitions.byTopic {
            let some = try await client.retrying(topic, retries) { [client] in
                var leaders: [BrokerAddress: (BrokerConnection, [Int32])] = [:]
                for number in numbers {
                    let leader = try await client.leader(of: topic, number)
                    leaders[leader.address, default: (leader, [])].1.append(number)
                }
                var found: [TopicPartition: [PartitionProducer]] = [:]
                for (leader, numbers) in leaders.values {
                    found.merge(try await Self.producers(of: topic, numbers, at: leader)) { $1 }
                }
                return found
            }
            found.merge(some) { $1 }
        }
        return found
    }

    private static func producers(
        of topic: String, _ partitions: [Int32], at leader: BrokerConnection
    ) async throws -> [TopicPartition: [PartitionProducer]] {
        var entry = DescribeProducersRequest.TopicRequest()
        entry.name = topic
        entry.partitionIndexes = partitions
        var request = DescribeProducersRequest()
        request.topics = [entry]
        var found: [TopicPartition: [PartitionProducer]] = [:]
        for result in try await leader.send(request).topics.flatMap(\.partitions) {
            let partition = TopicPartition(topic, result.partitionIndex)
            guard result.errorCode == .none else {
                throw ClientError.refused("producers of \(partition)", result.errorCode, result.errorMessage)
            }
            found[partition] = result.activeProducers.map { producer in
                PartitionProducer(
                    id: producer.producerId, epoch: Int16(clamping: producer.producerEpoch),
                    lastSequence: producer.lastSequence, lastTimestamp: producer.lastTimestamp,
                    coordinatorEpoch: producer.coordinatorEpoch >= 0 ? producer.coordinatorEpoch : nil,
                    transactionStart: producer.currentTxnStartOffset >= 0 ? producer.currentTxnStartOffset : nil)
            }.sorted { $0.id < $1.id }
        }
        return found
    }

    /// Writes the marker that aborts an open transaction, past its coordinator (KIP-664).
    ///
    /// Only for a transaction that no coordinator will end: one that is alive would go on in half.
    public func abort(_ transaction: OpenTransaction) async throws {
        let partition = transaction.partition
        var topic = WriteTxnMarkersRequest.WritableTxnMarkerTopic()
        topic.name = partition.topic
        topic.partitionIndexes = [partition.partition]
        var marker = WriteTxnMarkersRequest.WritableTxnMarker()
        marker.producerId = transaction.producer.id
        marker.producerEpoch = transaction.producer.epoch
        marker.coordinatorEpoch = transaction.producer.coordinatorEpoch ?? 0
        marker.transactionResult = false
        marker.topics = [topic]
        var request = WriteTxnMarkersRequest()
        request.markers = [marker]
        try await client.retrying(partition.topic, retries) { [client, request] in
            let answer = try await client.leader(of: partition.topic, partition.partition).send(request)
            guard let result = answer.markers.first?.topics.first?.partitions.first else {
                throw ClientError(.unsupported, "the leader of \(partition) answered nothing")
            }
            guard result.errorCode == .none else {
                throw ClientError.refused("a marker in \(partition)", result.errorCode, nil)
            }
        }
    }

    /// The open transactions in `partitions` that no coordinator knows, begun before `milliseconds` since 1970.
    ///
    /// As Kafka's tool finds them: a producer whose last record there is older than any transaction may be, and
    /// whose coordinator has no transaction that this partition is part of.
    public func hanging(
        in partitions: [TopicPartition], lastWriteBefore milliseconds: Int64
    ) async throws -> [OpenTransaction] {
        let suspects = try await producers(of: partitions).flatMap { partition, producers in
            producers.filter { $0.transactionStart != nil && $0.lastTimestamp < milliseconds }
                .map { OpenTransaction(partition: partition, producer: $0) }
        }
        guard !suspects.isEmpty else { return [] }
        var hanging: [OpenTransaction] = []
        let listings = try await list(TransactionFilter(producerIDs: Set(suspects.map(\.producer.id))))
        var known: [Int64: Set<TopicPartition>] = [:]
        for listing in listings {
            do {
                known[listing.producerID, default: []].formUnion(try await describe(listing.id).partitions)
            } catch let error as ClientError where error.errorCode == .transactionalIdNotFound {
                // It ended in between.
            }
        }
        for suspect in suspects where known[suspect.producer.id]?.contains(suspect.partition) != true {
            hanging.append(suspect)
        }
        return hanging.sorted { ($0.partition, $0.producer.id) < ($1.partition, $1.producer.id) }
    }
}
