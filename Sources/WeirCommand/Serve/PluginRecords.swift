import Kafka
import KafkaWire
import NIOCore
import PluginHost
import RecordBatch

/// The node's own records for its plugins: the same checks, counts and drain as for clients, without a socket.
struct PluginRecords: RecordAccess {
    private let records: LocalRecords

    /// The records of a broker.
    init(_ broker: Broker) {
        records = LocalRecords(broker)
    }

    func produce(
        topic: String, partition: Int32?, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader]
    ) async throws -> (partition: Int32, offset: Int64) {
        let record = LocalRecords.NewRecord(
            key: key.map { ByteBuffer(bytes: $0) }, value: value.map { ByteBuffer(bytes: $0) },
            headers: headers.map { Record.Header(key: $0.name, value: $0.value.map { ByteBuffer(bytes: $0) }) })
        return try await told {
            let made = try await records.produce([record], to: topic, partition: partition)
            return (made.partition, made.offsets.lowerBound)
        }
    }

    func consume(topic: String, partition: Int32, from offset: Int64, max: Int) async throws -> [StoredRecord] {
        try await told {
            try await records.consume(topic, partition: partition, from: Self.position(offset), countMax: max)
                .map(Self.stored)
        }
    }

    func offset(topic: String, partition: Int32, of position: Int64) async throws -> Int64 {
        try await told { try await records.offset(topic, partition: partition, of: Self.position(position)) }
    }

    private static func position(_ offset: Int64) -> LocalRecords.Position {
        switch offset {
        case -2: .oldest
        case -1: .newest
        default: .offset(offset)
        }
    }

    /// Runs `body`; what the broker throws becomes the error that plugins know.
    private func told<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        do {
            return try await body()
        } catch let error as LocalRecordsError {
            let code: RecordAccessError.Code =
                switch error.code {
                case .unknownTopicOrPartition, .invalidTopicException: .notFound
                case .offsetOutOfRange: .offsetOutOfRange
                case .messageTooLarge, .recordListTooLarge, .invalidRecord, .invalidTimestamp: .invalid
                default: .unavailable
                }
            throw RecordAccessError(code, error.message)
        }
    }

    private static func stored(_ record: LocalRecords.StoredRecord) -> StoredRecord {
        StoredRecord(
            offset: record.offset, timestamp: record.timestamp, key: record.key.map { Array($0.readableBytesView) },
            value: record.value.map { Array($0.readableBytesView) },
            headers: record.headers.map { RecordHeader($0.key, $0.value.map { Array($0.readableBytesView) }) })
    }
}
