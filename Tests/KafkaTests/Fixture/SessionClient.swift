import KafkaWire
import NIOCore
import RecordBatch
import SegmentLog

@testable import Kafka

/// A consumer of some partitions that fetches as clients do: by name or by id, with a session (KIP-227) or without.
///
/// It keeps what it was told last of each partition, so that two of them can be compared.
final class FetchingClient {
    /// What it was told of a partition.
    struct Told: Equatable {
        var error = ErrorCode.none
        var highWatermark: Int64 = -1
        var lastStableOffset: Int64 = -1
        var logStartOffset: Int64 = -1
    }

    let client: SimulatedClient
    let version: Int16
    let usesSessions: Bool
    let isolation: Int8
    /// Where the next fetch reads, of the partitions wanted now.
    var positions: [Int32: Int64] = [:]
    private(set) var told: [Int32: Told] = [:]
    private(set) var values: [Int32: [String]] = [:]
    private(set) var sessionID: Int32 = 0
    private var epoch: Int32 = 0
    /// What the session has, as the broker was told.
    private var agreed: [Int32: Int64] = [:]
    /// Partitions in the last response.
    private(set) var partitionsTold = 0
    /// How far each partition was ever read.
    private var left: [Int32: Int64] = [:]
    private let topic: String
    private let topicID: WireUUID

    init(
        _ node: SimulatedBroker, _ topic: String, version: Int16, usesSessions: Bool, isolation: Int8 = 0,
        client: SimulatedClient? = nil
    ) throws {
        self.client = try client ?? node.connect()
        self.version = version
        self.usesSessions = usesSessions
        self.isolation = isolation
        self.topic = topic
        topicID = node.topicID(topic)
    }

    func request(bytesMax: Int32 = 1 << 20, partitionBytesMax: Int32 = 1 << 20) -> FetchRequest {
        let isFull = epoch == 0 || !usesSessions
        let sent = isFull ? positions : positions.filter { agreed[$0.key] != $0.value }
        var request = FetchRequest()
        request.maxBytes = bytesMax
        request.isolationLevel = isolation
        request.sessionId = sessionID
        request.sessionEpoch = usesSessions ? epoch : -1
        var entry = FetchRequest.FetchTopic()
        entry.topic = version < 13 ? topic : ""
        entry.topicId = version < 13 ? .zero : topicID
        entry.partitions = sent.keys.sorted().map { index in
            var partition = FetchRequest.FetchPartition()
            partition.partition = index
            partition.fetchOffset = positions[index] ?? 0
            partition.partitionMaxBytes = partitionBytesMax
            return partition
        }
        if !entry.partitions.isEmpty { request.topics = [entry] }
        var forgotten = FetchRequest.ForgottenTopic()
        forgotten.topic = entry.topic
        forgotten.topicId = entry.topicId
        forgotten.partitions = isFull ? [] : agreed.keys.filter { positions[$0] == nil }.sorted()
        if !forgotten.partitions.isEmpty { request.forgottenTopicsData = [forgotten] }
        return request
    }

    /// Fetches once; returns the response's error.
    @discardableResult
    func fetch(bytesMax: Int32 = 1 << 20, partitionBytesMax: Int32 = 1 << 20) throws -> ErrorCode {
        let request = request(bytesMax: bytesMax, partitionBytesMax: partitionBytesMax)
        guard let response = try client.ask(request, version: version) else { return .unknownServerError }
        guard response.errorCode == .none else {
            if response.errorCode == .fetchSessionIdNotFound { sessionID = 0 }
            epoch = 0
            agreed = [:]
            return response.errorCode
        }
        agreed = positions
        sessionID = response.sessionId
        epoch = sessionID == 0 ? 0 : epoch + 1
        partitionsTold = response.parts.count
        for part in response.parts { try take(part) }
        return .none
    }

    /// Begins with its next fetch a new session.
    func startOver() {
        epoch = 0
        agreed = [:]
    }

    /// Where a partition is read that was left and comes back.
    func place(_ partition: Int32) -> Int64 { left[partition] ?? 0 }

    private func take(_ part: FetchResponse.PartitionData) throws {
        told[part.partitionIndex] = Told(
            error: part.errorCode, highWatermark: part.highWatermark, lastStableOffset: part.lastStableOffset,
            logStartOffset: part.logStartOffset)
        if part.errorCode == .offsetOutOfRange, positions[part.partitionIndex] != nil {
            positions[part.partitionIndex] = part.logStartOffset
        }
        guard part.errorCode == .none, let position = positions[part.partitionIndex] else { return }
        var next = position
        var rest = part.records ?? ByteBuffer()
        while rest.readableBytes > 0, let header = try? BatchHeader(of: rest, at: rest.readerIndex),
            rest.readSlice(length: header.batchSizeBytes) != nil
        { next = max(next, header.lastOffset + 1) }
        values[part.partitionIndex, default: []] += try part.values()
        positions[part.partitionIndex] = next
        left[part.partitionIndex] = next
    }
}

extension SimulatedBroker {
    /// The id of a topic that is there.
    func topicID(_ name: String) -> WireUUID {
        guard let id = broker.topics.snapshot()[name]?.id else { preconditionFailure("no topic \(name)") }
        return WireUUID(high: id.high, low: id.low)
    }
}
