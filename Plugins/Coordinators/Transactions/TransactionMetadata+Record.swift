import KafkaWire
import NIOCore

extension TransactionMetadata {
    /// Bytes that a transactional id may have: what the key of a record has room for.
    static let idBytesMax = Int(Int16.max)

    /// The record that says this of `id`: Kafka's `TransactionLogKey` 0 and `TransactionLogValue` 1.
    func record(of id: String) -> CoordinatorRecord {
        var value = TransactionLogValue()
        value.producerId = producer.id
        value.producerEpoch = producer.epoch
        value.previousProducerId = previousProducerID
        value.nextProducerId = nextProducerID
        value.transactionTimeoutMs = timeoutMilliseconds
        value.transactionStatus = state.rawValue
        value.transactionPartitions = state == .empty ? nil : topics
        value.transactionLastUpdateTimestampMs = updateMilliseconds
        value.transactionStartTimestampMs = startMilliseconds
        value.clientTransactionVersion = clientVersion
        return CoordinatorRecord(key: Self.key(of: id), value: Self.bytes(of: value, version: 1))
    }

    /// The record that forgets `id`.
    static func tombstone(of id: String) -> CoordinatorRecord {
        CoordinatorRecord(key: key(of: id), value: nil)
    }

    /// What a record says, of whom; the metadata is nil in a tombstone. Nil: the record is of a format not known here.
    static func read(_ record: CoordinatorRecord) throws(WireError) -> (id: String, metadata: TransactionMetadata?)? {
        var key = record.key
        guard key.readInteger(as: Int16.self) == 0 else { return nil }
        let id = try TransactionLogKey.decode(key, version: 0).transactionalId
        guard var bytes = record.value else { return (id, nil) }
        guard let version = bytes.readInteger(as: Int16.self), TransactionLogValue.validVersions.contains(version)
        else { return nil }
        let value = try TransactionLogValue.decode(bytes, version: version)
        // The last two states are never written.
        guard let state = TransactionState(rawValue: value.transactionStatus), state.rawValue < 6 else { return nil }
        var metadata = TransactionMetadata(
            producer: ProducerIdentity(id: value.producerId, epoch: value.producerEpoch),
            previousProducerID: value.previousProducerId, nextProducerID: value.nextProducerId,
            timeoutMilliseconds: value.transactionTimeoutMs, state: state,
            startMilliseconds: value.transactionStartTimestampMs,
            updateMilliseconds: value.transactionLastUpdateTimestampMs,
            clientVersion: value.clientTransactionVersion)
        for topic in value.transactionPartitions ?? [] {
            for partition in topic.partitionIds { metadata.partitions.insert(TopicPartition(topic.topic, partition)) }
        }
        return (id, metadata)
    }

    /// The partitions by topic, both in order: the same set gives the same bytes.
    private var topics: [TransactionLogValue.PartitionsSchema] {
        var topics: [TransactionLogValue.PartitionsSchema] = []
        for partition in partitions.sorted() {
            if topics.last?.topic != partition.topic {
                var topic = TransactionLogValue.PartitionsSchema()
                topic.topic = partition.topic
                topics.append(topic)
            }
            topics[topics.count - 1].partitionIds.append(partition.partition)
        }
        return topics
    }

    private static func key(of id: String) -> ByteBuffer {
        var key = TransactionLogKey()
        key.transactionalId = id
        return bytes(of: key, version: 0)
    }

    private static func bytes(of message: some KafkaMessage, version: Int16) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(version)
        do { try message.write(to: &buffer, version: version) } catch {
            preconditionFailure("ids are of bounded length, and the version has every field: \(error)")
        }
        return buffer
    }
}
