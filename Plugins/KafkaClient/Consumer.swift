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

/// Reads partitions of a topic from a place on.
public actor Consumer {
    private let client: KafkaClient
    private let topic: String
    private let start: OffsetPosition
    private let retries: RetryPolicy
    /// In the order in which the next fetch asks: those that just gave something come last.
    private var partitions: [Int32]
    /// Where the next fetch goes on; nothing yet for a partition that was never read.
    private var positions: [Int32: Int64] = [:]

    /// A consumer of `partitions` of `topic`, each from `start` on. Does not connect yet.
    public init(
        _ client: KafkaClient, topic: String, partitions: [Int32], from start: OffsetPosition,
        retries: RetryPolicy = RetryPolicy()
    ) {
        self.client = client
        self.topic = topic
        self.partitions = partitions
        self.start = start
        self.retries = retries
    }

    /// What one round of fetches gave.
    public struct Batch: Sendable {
        /// The records, in order within a partition; those of control batches are left out.
        public var records: [IncomingRecord]
        /// Whether nothing was left in any partition when it was read.
        public var isAtEnd: Bool
    }

    /// Reads what is there, or waits for something for at most `wait`.
    ///
    /// One request a leader, all partitions in it: none holds the others up. Errors that may pass are tried
    /// again, at the leaders that fresh metadata names. Calls must not overlap.
    public func next(
        wait: Duration = .milliseconds(500), sizeBytesMax: Int32 = 1 << 20
    ) async throws -> Batch {
        try await client.retrying(topic, retries) { try await self.fetch(wait: wait, sizeBytesMax: sizeBytesMax) }
    }

    private func fetch(wait: Duration, sizeBytesMax: Int32) async throws -> Batch {
        var leaders: [BrokerAddress: BrokerConnection] = [:]
        var asked: [BrokerAddress: [FetchRequest.FetchPartition]] = [:]
        for partition in partitions {
            let leader = try await client.leader(of: topic, partition)
            leaders[leader.address] = leader
            var entry = FetchRequest.FetchPartition()
            entry.partition = partition
            entry.fetchOffset = try await position(of: partition)
            entry.partitionMaxBytes = sizeBytesMax
            asked[leader.address, default: []].append(entry)
        }
        let answers = try await withThrowingTaskGroup(of: FetchResponse.self) { group in
            for (address, leader) in leaders {
                let request = request(for: asked[address] ?? [], wait, sizeBytesMax)
                group.addTask { try await leader.send(request) }
            }
            var answers: [FetchResponse] = []
            for try await answer in group { answers.append(answer) }
            return answers
        }
        return try await take(answers)
    }

    private func position(of partition: Int32) async throws -> Int64 {
        if let position = positions[partition] { return position }
        let position = try await client.offset(start, of: topic, partition)
        positions[partition] = position
        return position
    }

    private func request(
        for entries: [FetchRequest.FetchPartition], _ wait: Duration, _ sizeBytesMax: Int32
    ) -> FetchRequest {
        var group = FetchRequest.FetchTopic()
        group.topic = topic
        group.partitions = entries
        var request = FetchRequest()
        request.maxWaitMs = Int32(clamping: TimeAmount(wait).nanoseconds / 1_000_000)
        request.minBytes = 1
        request.maxBytes = sizeBytesMax
        request.topics = [group]
        return request
    }

    /// Reads the answers, and moves on. Where one partition fails, what the others gave is not lost.
    private func take(_ answers: [FetchResponse]) async throws -> Batch {
        for answer in answers where answer.errorCode != .none {
            throw ClientError.refused("cannot fetch from \(topic)", answer.errorCode, nil)
        }
        var batch = Batch(records: [], isAtEnd: true)
        var failure: ClientError?
        var answered = 0
        for result in answers.flatMap(\.responses).flatMap(\.partitions) {
            answered += 1
            let partition = result.partitionIndex
            let from = positions[partition] ?? 0
            guard result.errorCode == .none else {
                failure = ClientError.refused("\(topic)-\(partition) at offset \(from)", result.errorCode, nil)
                continue
            }
            var next = from
            batch.records += try Self.records(in: result.records ?? ByteBuffer(), partition, from: from, next: &next)
            positions[partition] = next
            if next < result.highWatermark { batch.isAtEnd = false }
            guard next > from, let place = partitions.firstIndex(of: partition) else { continue }
            partitions.append(partitions.remove(at: place))
        }
        guard answered == partitions.count else {
            throw ClientError(
                .unsupported, "the broker answered \(answered) partitions of \(topic), not \(partitions.count)")
        }
        guard let failure else { return batch }
        // One that cannot pass is told at once; one that may is tried again when nothing else came.
        guard failure.isRetriable, !batch.records.isEmpty else { throw failure }
        await client.forgetLeaders(of: topic)
        batch.isAtEnd = false
        return batch
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
