public import KafkaWire
public import NIOCore
public import RecordBatch
internal import SegmentLog
internal import Synchronization
internal import WeirRuntime
internal import WorkTracking

/// The broker's records without a socket: for plugins, reconcilers and programs in the broker's own process.
///
/// The same rules, gates and counters as for clients, so that a drain waits for them. Called from work that was
/// admitted (a reconcile, a request) it is let in while the partition drains. From any thread.
public struct LocalRecords: Sendable {
    /// A record that is to be appended.
    public struct NewRecord: Sendable, Hashable {
        /// The key; nil is Kafka's null.
        public var key: ByteBuffer?
        /// The value; nil is Kafka's null: it deletes the key of a compacted topic.
        public var value: ByteBuffer?
        /// The headers, in order.
        public var headers: [Record.Header]

        /// A record.
        public init(key: ByteBuffer? = nil, value: ByteBuffer?, headers: [Record.Header] = []) {
            self.key = key
            self.value = value
            self.headers = headers
        }
    }

    /// A record that is stored.
    public struct StoredRecord: Sendable, Hashable {
        /// Its place in the partition.
        public var offset: Int64
        /// Milliseconds since 1970; −1: none.
        public var timestamp: Int64
        /// The key; nil is Kafka's null.
        public var key: ByteBuffer?
        /// The value; nil is Kafka's null.
        public var value: ByteBuffer?
        /// The headers, in order.
        public var headers: [Record.Header]
    }

    /// A place in a partition, by its number or by what it stands for.
    public enum Position: Sendable, Hashable {
        /// The record of this offset.
        case offset(Int64)
        /// The oldest record that is kept.
        case oldest
        /// Behind the newest record that is committed.
        case newest
    }

    /// Bytes that are read at once.
    private static let readSizeBytesMax = 1 << 20
    /// Bytes that the records of a batch may unfold to.
    private static let uncompressedSizeBytesMax = 104_857_600

    /// Whose rules batches keep: those of the newest clients.
    private static let produceVersion: Int16 = 11

    private let broker: Broker
    private let turn = SharedTurn()

    /// The records of a broker that is started.
    public init(_ broker: Broker) {
        self.broker = broker
    }

    /// Appends records to one partition as one batch; returns where they are, once they are committed.
    ///
    /// A topic that is not there is made where the broker makes topics for its clients.
    ///
    /// - Parameter partition: The partition; nil: by the first record's key as Kafka's clients choose it, otherwise in
    ///   turn.
    /// - Throws: `LocalRecordsError`.
    public func produce(
        _ records: [NewRecord], to topic: String, partition: Int32? = nil
    ) async throws -> (partition: Int32, offsets: Range<Int64>) {
        guard let first = records.first else {
            throw LocalRecordsError(.invalidRequest, "a batch has at least one record")
        }
        let description = try await existing(topic)
        let number = partition ?? choose(first.key, among: description.partitionCount)
        let served = try partitionServed(description, number)
        let now = broker.clock.wallMilliseconds
        var builder = RecordBatchBuilder()
        for record in records {
            builder.append(timestamp: now, key: record.key, value: record.value, headers: record.headers)
        }
        let rules = ProduceRules(topic: description, acks: -1, version: Self.produceVersion, now: now)
        let checked: CheckedBatch
        do {
            checked = try rules.check(try builder.build())
        } catch let refusal as PartitionRefusal {
            throw LocalRecordsError(refusal, topic, number)
        }
        let base = try await admitted(served, topic, .write) { then in
            served.appendAdmitted(checked, until: .committed) { result in then(result.map(\.baseOffset)) }
        }
        return (number, base..<(base + Int64(records.count)))
    }

    /// At most `countMax` committed records from a position on, in order; none where there are none yet.
    ///
    /// - Throws: `LocalRecordsError`.
    public func consume(
        _ topic: String, partition: Int32, from position: Position, countMax: Int
    ) async throws -> [StoredRecord] {
        let served = try partitionServed(try described(topic), partition)
        var found: [StoredRecord] = []
        var next = position
        while found.count < countMax {
            let from = try await offset(served, topic, of: next)
            let read: LogRead = try await admitted(served, topic, .read) { then in
                switch served.leaderLog() {
                case .failure(let refusal): then(.failure(refusal))
                case .success(let log):
                    guard (log.logStartOffset...log.highWatermark).contains(from) else {
                        return then(.failure(Self.outOfRange(from, log)))
                    }
                    log.read(from: from, sizeBytesMax: Self.readSizeBytesMax, bound: .lastStableOffset) { result in
                        then(result.mapError { PartitionRefusal($0) })
                    }
                }
            }
            let end = try Self.append(read.records, from: from, countMax: countMax, to: &found)
            guard end > from else { break }
            next = .offset(end)
        }
        return found
    }

    /// The offset that a position stands for now.
    ///
    /// - Throws: `LocalRecordsError`.
    public func offset(_ topic: String, partition: Int32, of position: Position) async throws -> Int64 {
        try await offset(try partitionServed(try described(topic), partition), topic, of: position)
    }

    private static func outOfRange(_ offset: Int64, _ log: any ReplicatedLog) -> PartitionRefusal {
        PartitionRefusal(
            .offsetOutOfRange, "offset \(offset) is not among those from \(log.logStartOffset) to \(log.highWatermark)")
    }

    // MARK: One step

    private func offset(
        _ served: ServedPartition, _ topic: String, of position: Position
    ) async throws -> Int64 {
        if case .offset(let offset) = position { return offset }
        return try await admitted(served, topic, .read) { then in
            then(served.leaderLog().map { position == .oldest ? $0.logStartOffset : $0.lastStableOffset })
        }
    }

    /// Runs `body` on the partition's loop as one operation of it.
    private func admitted<Value: Sendable>(
        _ served: ServedPartition, _ topic: String, _ access: Access,
        _ body: @escaping @Sendable (@escaping (Result<Value, PartitionRefusal>) -> Void) -> Void
    ) async throws -> Value {
        let number = served.identity.partition
        guard let gate = served.gate else {
            throw LocalRecordsError(PartitionRefusal(.notLeaderOrFollower), topic, number)
        }
        do {
            return try await gate.track("local", access: access, lineage: .leaf) {
                try await withCheckedContinuation {
                    (continuation: CheckedContinuation<Result<Value, PartitionRefusal>, Never>) in
                    served.loop.execute { body { continuation.resume(returning: $0) } }
                }.get()
            }
        } catch let refusal as PartitionRefusal {
            throw LocalRecordsError(refusal, topic, number)
        } catch let rejection as WorkRejected {
            throw LocalRecordsError(PartitionRefusal(rejection), topic, number)
        }
    }

    /// Adds the records of whole batches from an offset on; returns the offset that comes next.
    private static func append(
        _ batches: ByteBuffer, from offset: Int64, countMax: Int, to found: inout [StoredRecord]
    ) throws -> Int64 {
        var rest = batches
        var next = offset
        while rest.readableBytes > 0, found.count < countMax {
            let header = try BatchHeader(of: rest, at: rest.readerIndex)
            guard let batch = rest.readSlice(length: header.batchSizeBytes) else { break }
            next = max(next, header.lastOffset + 1)
            // Markers of transactions are nobody's records.
            if header.attributes.contains(.control) { continue }
            var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: uncompressedSizeBytesMax)
            while found.count < countMax, let record = try reader.next() {
                let place = header.baseOffset + Int64(record.offsetDelta)
                guard place >= offset else { continue }
                let timestamp =
                    header.attributes.contains(.logAppendTime)
                    ? header.maxTimestamp : header.baseTimestamp &+ record.timestampDelta
                found.append(
                    StoredRecord(
                        offset: place, timestamp: timestamp, key: record.key, value: record.value,
                        headers: record.headers))
            }
        }
        return next
    }

    // MARK: Topics

    private func existing(_ topic: String) async throws -> TopicDescription {
        if let known = broker.topics.snapshot()[topic] { return known }
        guard broker.settings.createsTopicsAutomatically else { return try described(topic) }
        guard let made = await broker.topics.autoCreate([topic]).first else { return try described(topic) }
        do {
            return try made.get()
        } catch {
            throw LocalRecordsError(error.code, error.message)
        }
    }

    private func described(_ topic: String) throws -> TopicDescription {
        if let known = broker.topics.snapshot()[topic] { return known }
        throw LocalRecordsError(.unknownTopicOrPartition, "there is no topic '\(topic)'")
    }

    private func partitionServed(_ topic: TopicDescription, _ number: Int32) throws -> ServedPartition {
        if let served = broker.partitions.snapshot()[id: topic.id]?.partitions[number] { return served }
        throw LocalRecordsError(.unknownTopicOrPartition, "topic '\(topic.name)' has no partition \(number)")
    }

    private func choose(_ key: ByteBuffer?, among count: Int32) -> Int32 {
        guard let key else { return Int32(turn.next() % UInt64(count)) }
        return Int32(KeyHash.murmur2(key.readableBytesView) & 0x7FFF_FFFF) % count
    }
}

/// Why records were not appended or read: Kafka's code, and a sentence.
public struct LocalRecordsError: Error, Sendable, CustomStringConvertible {
    /// Kafka's code.
    public var code: ErrorCode
    /// What, where, and what to do.
    public var message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ refusal: PartitionRefusal, _ topic: String, _ partition: Int32) {
        let records = refusal.records.map { ": record \($0.index): \($0.message ?? "")" }.joined()
        self.init(refusal.code, "\(topic)-\(partition): \(refusal.message ?? refusal.code.name)\(records)")
    }

    /// The sentence.
    public var description: String { message }
}

/// Counts records without a key, so that they go to the partitions in turn.
private final class SharedTurn: Sendable {
    private let count = Atomic<UInt64>(0)
    func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
