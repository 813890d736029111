import NIOCore
import ObjectStore
import SegmentLog
import Synchronization
import WeirRuntime

@testable import Kafka

/// Logs and objects in memory that outlive the process that wrote them, and a power cut at a chosen change.
final class MemoryDisk: Sendable {
    struct State {
        var batches: [LogIdentity: [ByteBuffer]] = [:]
        var changeCount = 0
        var powerCutAt: Int?
        var refused: Set<String> = []
    }

    let state = Mutex(State())
    /// The node's objects.
    let objects = Mutex(MemoryStorage())

    /// The logs that are there.
    var identities: Set<LogIdentity> { state.withLock { Set($0.batches.keys) } }
    /// Appends, creations, deletions and written objects so far.
    var changeCount: Int { state.withLock { $0.changeCount } }

    /// From that change on nothing is changed any more; nil: the power is back.
    func cutPower(at change: Int?) { state.withLock { $0.powerCutAt = change } }

    /// Logs of that topic cannot be made.
    func refuse(topic: String) { state.withLock { _ = $0.refused.insert(topic) } }

    /// They can again.
    func allow(topic: String) { state.withLock { _ = $0.refused.remove(topic) } }

    func change<Value>(_ body: (inout State) throws(LogError) -> Value) throws(LogError) -> Value {
        try state.withLock { state throws(LogError) in
            if let cut = state.powerCutAt, state.changeCount >= cut { throw LogError(.storage, "the power is cut") }
            state.changeCount += 1
            return try body(&state)
        }
    }
}

/// Opens logs of a `MemoryDisk`.
final class MemoryLogs: LogProvider {
    let storage: MemoryDisk

    init(_ storage: MemoryDisk) { self.storage = storage }

    func list() async throws -> [LogIdentity] { Array(storage.identities) }

    func create(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog {
        try storage.change { state throws(LogError) in
            if state.refused.contains(identity.topic) { throw LogError(.full, "no room for \(identity.directoryName)") }
            let isTaken = state.batches.keys.contains { $0.directoryName == identity.directoryName }
            if isTaken { throw LogError(.exists, "\(identity.directoryName) is there") }
            state.batches[identity] = []
        }
        return MemoryLog(identity, storage, settings, loop)
    }

    func open(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog {
        guard storage.identities.contains(identity) else { throw LogError(.notFound, "\(identity.directoryName)") }
        return MemoryLog(identity, storage, settings, loop)
    }

    func delete(_ identity: LogIdentity) async throws {
        try storage.change { state throws(LogError) in
            if state.batches.removeValue(forKey: identity) == nil {
                throw LogError(.notFound, "\(identity.directoryName)")
            }
        }
    }
}

/// A log whose batches are in a `MemoryDisk`. Confined to its loop.
final class MemoryLog: ReplicatedLog, @unchecked Sendable {
    let identity: LogIdentity
    let loop: any Loop
    private let storage: MemoryDisk
    private(set) var settings: LogSettings
    private(set) var logStartOffset: Int64 = 0
    let leadership = Leadership(leader: 1, isLocal: true, epoch: 0)
    let refusal: LogError? = nil
    var onChange: ((LogChanges) -> Void)?

    init(_ identity: LogIdentity, _ storage: MemoryDisk, _ settings: LogSettings, _ loop: any Loop) {
        self.identity = identity
        self.storage = storage
        self.settings = settings
        self.loop = loop
    }

    private var batches: [ByteBuffer] { storage.state.withLock { $0.batches[identity] ?? [] } }
    var logEndOffset: Int64 { batches.last.map { Self.lastOffset($0) + 1 } ?? 0 }
    var highWatermark: Int64 { logEndOffset }
    var lastStableOffset: Int64 { logEndOffset }
    var sizeBytes: Int64 { Int64(batches.reduce(0) { $0 + $1.readableBytes }) }

    func append(
        _ marker: TransactionMarker, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        throw LogError(.invalidTransactionState, "these logs have no transactions")
    }

    func openTransaction(of producerID: Int64) -> OpenTransaction? { nil }

    var producerDescriptions: [ProducerDescription] { [] }

    func append(
        _ batch: ByteBuffer, from origin: AppendOrigin, until stage: AppendStage,
        then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        loop.preconditionIsCurrent()
        let base = logEndOffset
        var batch = batch
        batch.setInteger(base, at: batch.readerIndex)
        try storage.change { $0.batches[identity]?.append(batch) }
        let answer = UncheckedCallback { then(.success(())) }
        loop.execute { answer.body() }
        return AppendReceipt(baseOffset: base, lastOffset: Self.lastOffset(batch))
    }

    func read(
        from offset: Int64, sizeBytesMax: Int, bound: ReadBound, then: @escaping (Result<LogRead, LogError>) -> Void
    ) {
        loop.preconditionIsCurrent()
        // One batch at a time: a reader has to come again.
        let found = batches.first { Self.lastOffset($0) >= offset } ?? ByteBuffer()
        then(
            .success(
                LogRead(
                    records: found, highWatermark: highWatermark, lastStableOffset: highWatermark,
                    logStartOffset: logStartOffset)))
    }

    func advanceLogStart(to offset: Int64?, then: @escaping (Result<Int64, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        logStartOffset = max(logStartOffset, min(offset ?? highWatermark, highWatermark))
        then(.success(logStartOffset))
    }

    func apply(_ settings: LogSettings) { self.settings = settings }
    func sizeBytesReadable(from offset: Int64, bound: ReadBound) -> Int { 0 }
    func findOffset(timestamp: Int64, then: @escaping (Result<TimestampedOffset?, LogError>) -> Void) {
        then(.success(nil))
    }
    func findLargestTimestamp(then: @escaping (Result<TimestampedOffset?, LogError>) -> Void) { then(.success(nil)) }
    func endOffset(ofEpoch epoch: Int32) -> EpochEnd? { nil }
    func enforceRetention(wallMilliseconds: Int64) {}
    func cleaning(wallMilliseconds: Int64) -> CleaningNeed { .none }
    func clean(_ limits: CleaningLimits, then: @escaping (Result<CleaningOutcome, LogError>) -> Void) {
        then(.success(CleaningOutcome()))
    }
    func stopCleaning() {}
    func flush(then: @escaping (Result<Void, LogError>) -> Void) { then(.success(())) }
    func close(then: @escaping (Result<Void, LogError>) -> Void) { then(.success(())) }

    private static func lastOffset(_ batch: ByteBuffer) -> Int64 {
        let base: Int64 = batch.getInteger(at: batch.readerIndex) ?? 0
        let delta: Int32 = batch.getInteger(at: batch.readerIndex + 23) ?? 0
        return base + Int64(delta)
    }
}

/// Carries a callback to the loop that it came from.
private struct UncheckedCallback: @unchecked Sendable {  // run only on the log's loop, where it was given
    let body: () -> Void
}

/// Serves partitions in that it opens their logs, and writes down what it was asked.
final class MemoryHost: PartitionHost {
    private let provider: any LogProvider
    private let loop: any Loop
    private let calls = Mutex<[String]>([])
    private let served = Mutex<[TopicID: Set<Int32>]>([:])

    init(_ provider: any LogProvider, _ loop: any Loop) {
        self.provider = provider
        self.loop = loop
    }

    /// What it was asked since the last time.
    func takeCalls() -> [String] {
        calls.withLock { calls in
            defer { calls = [] }; return calls
        }
    }

    func missingPartitions(of topic: TopicDescription) -> [Range<Int32>] {
        let there = served.withLock { $0[topic.id] ?? [] }
        return StartPlan.runs((0..<topic.partitionCount).filter { !there.contains($0) })
    }

    func create(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        note("create \(topic.name) \(partitions)")
        for partition in partitions {
            do {
                _ = try await provider.create(
                    identity(topic, partition), settings: topic.configuration.logSettings(), on: loop)
            } catch {
                for made in partitions.lowerBound..<partition { try? await provider.delete(identity(topic, made)) }
                throw error
            }
        }
        served.withLock { $0[topic.id, default: []].formUnion(partitions) }
    }

    func open(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        note("open \(topic.name) \(partitions)")
        for partition in partitions {
            _ = try await provider.open(
                identity(topic, partition), settings: topic.configuration.logSettings(), on: loop)
        }
        served.withLock { $0[topic.id, default: []].formUnion(partitions) }
    }

    func delete(_ topic: TopicDescription) async throws {
        note("delete \(topic.name)")
        for identity in try await provider.list() where identity.topicID == topic.id {
            try await provider.delete(identity)
        }
        served.withLock { $0[topic.id] = nil }
    }

    func discard(_ identity: LogIdentity) async throws {
        note("discard \(identity.directoryName)")
        try await provider.delete(identity)
    }

    func apply(_ topic: TopicDescription) async { note("apply \(topic.name)") }

    private func identity(_ topic: TopicDescription, _ partition: Int32) -> LogIdentity {
        LogIdentity(topicID: topic.id, topic: topic.name, partition: partition)
    }

    private func note(_ call: String) { calls.withLock { $0.append(call) } }
}
