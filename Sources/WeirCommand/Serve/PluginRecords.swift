import Kafka
import KafkaClient
import KafkaWire
import NIOCore
import PluginHost
import RecordBatch
import Synchronization
import WeirRuntime

/// The node's own records for its plugins, through a connection to its own listener.
///
/// So a plugin's record takes the way that every client's takes: the same checks, the same counts, the same drain.
actor PluginRecords: RecordAccess {
    private let endpoint: @Sendable () -> BrokerEndpoint?
    private let clock: any Clock
    private var client: KafkaClient?
    private var lanes: [Lane.Place: Lane] = [:]
    private var nextPartition: UInt32 = 0

    /// The longest that a record waits for a leader: within the time that a drain grants.
    private static let retries = RetryPolicy(countMax: 15, delay: .milliseconds(200))
    /// Partitions that are produced to without being forgotten.
    private static let lanesMax = 1_024

    /// Records of the broker that `endpoint` names once it listens.
    init(clock: any Clock, endpoint: @escaping @Sendable () -> BrokerEndpoint?) {
        self.clock = clock
        self.endpoint = endpoint
    }

    func produce(
        topic: String, partition: Int32?, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader]
    ) async throws -> (partition: Int32, offset: Int64) {
        let record = OutgoingRecord(
            timestamp: clock.wallMilliseconds, key: key.map { ByteBuffer(bytes: $0) },
            value: value.map { ByteBuffer(bytes: $0) },
            headers: headers.map { Record.Header(key: $0.name, value: $0.value.map { ByteBuffer(bytes: $0) }) })
        return try await told {
            let client = try self.connected()
            let all = try await client.partitions(of: topic, creation: .ifMissing)
            let chosen = partition ?? self.choose(key, among: all)
            guard all.contains(chosen) else {
                throw RecordAccessError(.notFound, "topic '\(topic)' has no partition \(chosen)")
            }
            let offset = try await self.lane(topic, chosen, client).send(record)
            return (chosen, offset)
        }
    }

    func consume(topic: String, partition: Int32, from offset: Int64, max: Int) async throws -> [StoredRecord] {
        try await told {
            let client = try self.connected()
            let consumer = Consumer(
                client, topic: topic, partitions: [partition], from: .offset(offset), retries: Self.retries)
            var found: [StoredRecord] = []
            while found.count < max {
                let batch = try await consumer.next(wait: .zero)
                found += batch.records.prefix(max - found.count).map(Self.stored)
                if batch.isAtEnd { break }
            }
            return found
        }
    }

    func offset(topic: String, partition: Int32, of position: Int64) async throws -> Int64 {
        try await told {
            try await self.connected().offset(position == -2 ? .earliest : .latest, of: topic, partition)
        }
    }

    /// Closes the connections.
    func close() async {
        await client?.close()
        client = nil
        lanes.removeAll()
    }

    private func connected() throws -> KafkaClient {
        if let client { return client }
        guard let endpoint = endpoint() else { throw RecordAccessError(.unavailable, "the broker does not listen yet") }
        let host = endpoint.host == "0.0.0.0" ? "127.0.0.1" : endpoint.host == "::" ? "::1" : endpoint.host
        let made = try KafkaClient(
            bootstrap: "\(BrokerAddress(host: host, port: endpoint.port))", timeout: .seconds(10))
        client = made
        return made
    }

    private func lane(_ topic: String, _ partition: Int32, _ client: KafkaClient) -> Lane {
        let place = Lane.Place(topic: topic, partition: partition)
        if let lane = lanes[place] { return lane }
        // A producer that is forgotten costs its successor a new id, and nothing else.
        if lanes.count >= Self.lanesMax { lanes.removeAll() }
        let settings = ProducerSettings(retries: Self.retries)
        let lane = Lane(Producer(client, topic: topic, partition: partition, settings: settings))
        lanes[place] = lane
        return lane
    }

    /// By the key as Kafka's clients do; in turn where there is none.
    private func choose(_ key: [UInt8]?, among partitions: [Int32]) -> Int32 {
        guard !partitions.isEmpty else { return 0 }
        guard let key else {
            nextPartition &+= 1
            return partitions[Int(nextPartition) % partitions.count]
        }
        return partitions[Int(KeyHash.murmur2(key) & 0x7FFF_FFFF) % partitions.count]
    }

    /// Runs `body`; what the client throws becomes the error that plugins know.
    private func told<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        do {
            return try await body()
        } catch let error as ClientError {
            let code: RecordAccessError.Code =
                switch error.errorCode {
                case .unknownTopicOrPartition?, .invalidTopicException?: .notFound
                case .offsetOutOfRange?: .offsetOutOfRange
                case .messageTooLarge?, .recordListTooLarge?, .invalidRecord?: .invalid
                default: .unavailable
                }
            throw RecordAccessError(code, error.message)
        }
    }

    private static func stored(_ record: IncomingRecord) -> StoredRecord {
        StoredRecord(
            offset: record.offset, timestamp: record.timestamp, key: record.key.map { Array($0.readableBytesView) },
            value: record.value.map { Array($0.readableBytesView) },
            headers: record.headers.map { RecordHeader($0.key, $0.value.map { Array($0.readableBytesView) }) })
    }
}

/// One partition's producer: one batch after another, as its sequence numbers want it.
private actor Lane {
    struct Place: Hashable {
        var topic: String
        var partition: Int32
    }

    private let producer: Producer
    private var last: Task<Int64, any Error>?

    init(_ producer: Producer) {
        self.producer = producer
    }

    func send(_ record: OutgoingRecord) async throws -> Int64 {
        let before = last
        let task = Task { [producer] in
            _ = await before?.result
            return try await producer.send([record])
        }
        last = task
        return try await task.value
    }
}

/// How Kafka's clients hash keys.
enum KeyHash {
    /// MurmurHash2 as Kafka's `Utils.murmur2` has it.
    static func murmur2(_ key: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5BD1_E995
        var hash: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: key.count)
        var index = 0
        while index + 4 <= key.count {
            var word =
                UInt32(key[index]) | UInt32(key[index + 1]) << 8 | UInt32(key[index + 2]) << 16
                | UInt32(key[index + 3]) << 24
            word = word &* multiplier
            word ^= word >> 24
            hash = hash &* multiplier ^ word &* multiplier
            index += 4
        }
        let rest = key[index...]
        if !rest.isEmpty {
            for (place, byte) in rest.enumerated() { hash ^= UInt32(byte) << (8 * UInt32(place)) }
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        return hash ^ hash >> 15
    }
}
