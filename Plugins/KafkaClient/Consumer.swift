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
    private var position: Int64?

    /// A consumer of `partition` of `topic`, from `start` on. Does not connect yet.
    public init(_ client: KafkaClient, topic: String, partition: Int32, from start: OffsetPosition) {
        self.client = client
        self.topic = topic
        self.partition = partition
        self.start = start
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
        var triesLeft = 300
        while true {
            do {
                return try await fetch(wait: wait, sizeBytesMax: sizeBytesMax)
            } catch let error as ClientError where error.isRetriable && triesLeft > 0 {
                triesLeft -= 1
                await client.forgetLeaders(of: topic)
                try await Task.sleep(for: .milliseconds(200))
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
        let answer = try await client.leader(of: topic, partition).send(request(from: from, wait, sizeBytesMax))
        guard let result = answer.responses.first?.partitions.first else {
            throw ClientError(.unsupported, "the broker answered nothing")
        }
        guard result.errorCode == .none else {
            throw ClientError.refused("\(topic)-\(partition) at offset \(from)", result.errorCode, nil)
        }
        var next = from
        let records = try Self.records(in: result.records ?? ByteBuffer(), partition, from: from, next: &next)
        position = next
        return Batch(records: records, highWatermark: result.highWatermark, position: next)
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
        request.maxWaitMs = Int32(clamping: wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000)
        request.minBytes = 1
        request.maxBytes = sizeBytesMax
        request.topics = [group]
        return request
    }

    /// The records of the batches; the last batch may be cut off.
    private static func records(
        in bytes: ByteBuffer, _ partition: Int32, from offset: Int64, next: inout Int64
    ) throws -> [IncomingRecord] {
        var rest = bytes
        var records: [IncomingRecord] = []
        while rest.readableBytes >= BatchHeader.sizeBytes {
            let header = try BatchHeader(of: rest, at: rest.readerIndex)
            guard header.batchLength > 0, let batch = rest.readSlice(length: header.batchSizeBytes) else { break }
            next = max(next, header.lastOffset + 1)
            if header.attributes.contains(.control) { continue }
            var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 256 << 20)
            while let record = try reader.next() {
                let place = header.baseOffset + Int64(record.offsetDelta)
                if place < offset { continue }
                records.append(
                    IncomingRecord(
                        partition: partition, offset: place, timestamp: header.timestamp(of: record), key: record.key,
                        value: record.value, headers: record.headers))
            }
        }
        return records
    }
}
