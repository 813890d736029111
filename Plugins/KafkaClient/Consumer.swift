import KafkaWire
public import NIOCore
public import RecordBatch

/// A record that was read.
public struct IncomingRecord: Sendable, Hashable {
    /// The partition it was read from.
    public var partition: Int32
    /// Its offset.
    public var offset: Int64
    /// Its time, in milliseconds since 1970.
    public var timestamp: Int64
    /// Its key; nil: none.
    public var key: ByteBuffer?
    /// Its value; nil: a tombstone.
    public var value: ByteBuffer?
    /// Its headers.
    public var headers: [Record.Header]
}

/// Reads one partition from a place on.
public actor Consumer {
    private let client: KafkaClient
    private let topic: String
    private let partition: Int32
    private let start: OffsetPosition
    private let isolation: Isolation
    private let retryDelay: Duration
    private var position: Int64?

    /// Which records of transactions are given.
    public enum Isolation: Sendable, Hashable {
        /// All below the high watermark.
        case readUncommitted
        /// Those of transactions that were committed, and those outside of any.
        case readCommitted
    }

    /// The newest version that names topics instead of giving their ids.
    private static let fetchVersionMax: Int16 = 12
    private static let triesMax = 300
    /// The most bytes that one batch may unfold to.
    private static let uncompressedSizeBytesMax = 256 << 20

    /// A consumer of `partition` of `topic`, from `start` on. Does not connect yet.
    public init(
        _ client: KafkaClient, topic: String, partition: Int32, from start: OffsetPosition,
        isolation: Isolation = .readUncommitted, retryDelay: Duration = .milliseconds(200)
    ) {
        self.client = client
        self.topic = topic
        self.partition = partition
        self.start = start
        self.isolation = isolation
        self.retryDelay = retryDelay
    }

    /// What one fetch gave.
    public struct Batch: Sendable {
        /// The records, in order; those of control batches are left out.
        public var records: [IncomingRecord]
        /// The end of what may be read, when it was read.
        public var highWatermark: Int64
        /// Where the next fetch goes on.
        public var position: Int64
        /// Whether nothing was left when it was read.
        public var isAtEnd: Bool { position >= highWatermark }
    }

    /// Reads what is there, or waits for something for at most `wait`.
    ///
    /// Errors that may pass are tried again, at the leader that fresh metadata names.
    public func next(
        wait: Duration = .milliseconds(500), sizeBytesMax: Int32 = 1 << 20
    ) async throws -> Batch {
        var triesLeft = Self.triesMax
        while true {
            do {
                return try await fetch(wait: wait, sizeBytesMax: sizeBytesMax)
            } catch let error as ClientError where error.isRetriable && triesLeft > 0 {
                triesLeft -= 1
                await client.forgetLeaders(of: topic)
                try await Task.sleep(for: retryDelay)
            }
        }
    }

    private func fetch(wait: Duration, sizeBytesMax: Int32) async throws -> Batch {
        let from: Int64
        if let position {
            from = position
        } else {
            from = try await client.offset(start, of: topic, partition)
            position = from
        }
        let answer = try await client.leader(of: topic, partition)
            .send(request(from: from, wait, sizeBytesMax), versionMax: Self.fetchVersionMax, wait: wait)
        guard answer.errorCode == .none, let result = answer.responses.first?.partitions.first else {
            throw ClientError.refused("\(topic)-\(partition) at offset \(from)", answer.errorCode, "no partition named")
        }
        guard result.errorCode != .offsetOutOfRange else { throw await outOfRange(from, result.errorCode) }
        guard result.errorCode == .none else {
            throw ClientError.refused("\(topic)-\(partition) at offset \(from)", result.errorCode, nil)
        }
        var unpacking = Unpacking(partition: partition, next: from)
        if isolation == .readCommitted { unpacking.isolate(result.abortedTransactions ?? []) }
        do {
            try unpacking.read(result.records ?? ByteBuffer(), sizeBytesMax: Self.uncompressedSizeBytesMax)
        } catch {
            throw ClientError(.unsupported, "\(topic)-\(partition) at offset \(unpacking.next): \(error)")
        }
        position = unpacking.next
        let end = isolation == .readCommitted ? result.lastStableOffset : result.highWatermark
        return Batch(records: unpacking.records, highWatermark: end, position: unpacking.next)
    }

    private func outOfRange(_ offset: Int64, _ code: ErrorCode) async -> ClientError {
        let first = try? await client.offset(.earliest, of: topic, partition)
        let end = try? await client.offset(.latest, of: topic, partition)
        let range = first.flatMap { first in end.map { "there are offsets \(first) to \($0)" } }
        return ClientError.refused(
            "\(topic)-\(partition) has no offset \(offset)", code, range.map { "\($0); begin at one of them" })
    }

    private func request(from offset: Int64, _ wait: Duration, _ sizeBytesMax: Int32) -> FetchRequest {
        var entry = FetchRequest.FetchPartition()
        entry.partition = partition
        entry.fetchOffset = offset
        entry.partitionMaxBytes = sizeBytesMax
        var group = FetchRequest.FetchTopic()
        group.topic = topic
        group.partitions = [entry]
        var request = FetchRequest()
        request.maxWaitMs = Int32(clamping: TimeAmount(wait).nanoseconds / 1_000_000)
        request.isolationLevel = isolation == .readCommitted ? 1 : 0
        request.minBytes = 1
        request.maxBytes = sizeBytesMax
        request.topics = [group]
        return request
    }
}
