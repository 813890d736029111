import NIOCore
import RecordBatch
import SegmentLog
import Synchronization
import WeirRuntime

@testable import Kafka

/// Logs in memory whose commits, failures and slow reads a test decides.
final class ScriptedLogs: LogProvider {
    private let logs = Mutex<[LogIdentity: ScriptedLog]>([:])

    /// The log of a partition that was created or opened.
    func log(_ topic: String, _ partition: Int32) -> ScriptedLog? {
        logs.withLock { $0.first { $0.key.topic == topic && $0.key.partition == partition }?.value }
    }

    func list() async throws -> [LogIdentity] { logs.withLock { Array($0.keys) } }

    func create(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog {
        try logs.withLock { logs in
            if logs[identity] != nil { throw LogError(.exists, "\(identity.directoryName) is there") }
            let log = ScriptedLog(identity, settings, loop)
            logs[identity] = log
            return log
        }
    }

    func open(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog {
        guard let log = logs.withLock({ $0[identity] }) else { throw LogError(.notFound, "\(identity.directoryName)") }
        return log
    }

    func delete(_ identity: LogIdentity) async throws {
        _ = logs.withLock { $0.removeValue(forKey: identity) }
    }
}

/// A log in memory. Confined to its loop, as the contract says.
final class ScriptedLog: ReplicatedLog, @unchecked Sendable {
    /// When batches commit.
    enum Commits {
        /// By themselves, in the loop's next callback.
        case atOnce
        /// When the test calls `commit`.
        case held
    }

    let identity: LogIdentity
    let loop: any Loop
    var settings: LogSettings
    var leadership = Leadership(leader: 1, isLocal: true, epoch: 0)
    var onChange: ((LogChanges) -> Void)?
    var logStartOffset: Int64 = 0
    var highWatermark: Int64 = 0
    /// Nil: the high watermark.
    var openTransactionOffset: Int64?
    var aborted: [AbortedTransaction] = []
    var epochs: [EpochEnd] = []

    var commits = Commits.atOnce
    /// What the next append throws.
    var appendError: LogError?
    /// What every append throws.
    var refusal: LogError?
    /// Whether reads are answered by `answerReads` only, as if the device were waited for.
    var holdsReads = false
    private(set) var batches: [(header: BatchHeader, bytes: ByteBuffer)] = []
    private var producerEpochs: [Int64: Int16] = [:]
    private var open: [Int64: OpenTransaction] = [:]
    private var heldReads: [() -> Void] = []
    private var pending: [(last: Int64, then: (Result<Void, LogError>) -> Void)] = []

    init(_ identity: LogIdentity, _ settings: LogSettings, _ loop: any Loop) {
        self.identity = identity
        self.settings = settings
        self.loop = loop
    }

    var logEndOffset: Int64 { batches.last.map { $0.header.lastOffset + 1 } ?? logStartOffset }
    var lastStableOffset: Int64 { min(openTransactionOffset ?? .max, highWatermark) }
    var sizeBytes: Int64 { Int64(batches.reduce(0) { $0 + $1.bytes.readableBytes }) }

    /// Commits everything appended.
    func commit() {
        highWatermark = logEndOffset
        let done = pending
        pending = []
        for waiting in done { waiting.then(.success(())) }
        onChange?([.highWatermark, .lastStableOffset])
    }

    /// Fails the commits that are waited for: what was appended for them is gone.
    func failPending(_ error: LogError) {
        batches.removeAll { $0.header.baseOffset >= highWatermark }
        let failed = pending
        pending = []
        for waiting in failed { waiting.then(.failure(error)) }
    }

    /// Answers the reads that were held.
    func answerReads() {
        let reads = heldReads
        heldReads = []
        for read in reads { read() }
    }

    func append(
        _ marker: TransactionMarker, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        var builder = RecordBatchBuilder(
            attributes: [.control, .transactional], producerID: marker.producerID, producerEpoch: marker.producerEpoch)
        var key = ByteBuffer(integer: Int16(0))
        key.writeInteger(Int16(marker.isCommit ? 1 : 0))
        var value = ByteBuffer(integer: Int16(0))
        value.writeInteger(marker.coordinatorEpoch)
        builder.append(timestamp: marker.timestamp, key: key, value: value)
        let batch: ByteBuffer
        do { batch = try builder.build() } catch { throw LogError(.invalidBatch, "\(error)") }
        return try append(batch, from: .coordinator, until: .committed, then: then)
    }

    func openTransaction(of producerID: Int64) -> OpenTransaction? { open[producerID] }

    var producerDescriptions: [ProducerDescription] {
        producerEpochs.keys.sorted().map { id in
            ProducerDescription(
                id: id, epoch: producerEpochs[id] ?? -1, lastSequence: -1, lastTimestamp: 0,
                coordinatorEpoch: -1, openTransactionOffset: open[id]?.firstOffset ?? -1)
        }
    }

    /// Keeps what a real log keeps of a transaction: the epoch, and where it begins.
    private func noteTransaction(of header: BatchHeader) throws(LogError) {
        guard header.hasProducer else { return }
        guard header.producerEpoch >= producerEpochs[header.producerID] ?? -1 else {
            throw LogError(.invalidProducerEpoch, "a newer producer has written")
        }
        producerEpochs[header.producerID] = header.producerEpoch
        if header.attributes.contains(.control) {
            open[header.producerID] = nil
        } else if header.attributes.contains(.transactional), open[header.producerID] == nil {
            open[header.producerID] = OpenTransaction(
                producerEpoch: header.producerEpoch, firstOffset: logEndOffset, startMilliseconds: 0)
        }
    }

    func append(
        _ batch: ByteBuffer, from origin: AppendOrigin, until stage: AppendStage,
        then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        loop.preconditionIsCurrent()
        if let refusal { throw refusal }
        if let error = appendError.take() { throw error }
        let base = logEndOffset
        var own = ByteBuffer()
        own.writeImmutableBuffer(batch)
        own.setBatchPosition(at: own.readerIndex, baseOffset: base, leaderEpoch: leadership.epoch)
        let header: BatchHeader
        do { header = try BatchHeader(of: own, at: own.readerIndex) } catch {
            throw LogError(.invalidBatch, "\(error)")
        }
        try noteTransaction(of: header)
        batches.append((header, own))
        switch stage {
        case .written: afterwards { then(.success(())) }
        case .committed: pending.append((header.lastOffset, then))
        }
        if commits == .atOnce { afterwards { [self] in commit() } }
        return AppendReceipt(baseOffset: base, lastOffset: header.lastOffset)
    }

    func read(
        from offset: Int64, sizeBytesMax: Int, bound: ReadBound, then: @escaping (Result<LogRead, LogError>) -> Void
    ) {
        loop.preconditionIsCurrent()
        let answer = { [self] in
            var found = ByteBuffer()
            for batch in visible(from: offset, bound) {
                let isFirst = found.readableBytes == 0
                if !isFirst, found.readableBytes + batch.readableBytes > sizeBytesMax { break }
                if sizeBytesMax > 0 { found.writeImmutableBuffer(batch) }
            }
            then(
                .success(
                    LogRead(
                        records: found, highWatermark: highWatermark, lastStableOffset: lastStableOffset,
                        logStartOffset: logStartOffset, abortedTransactions: aborted)))
        }
        if holdsReads { heldReads.append(answer) } else { answer() }
    }

    func sizeBytesReadable(from offset: Int64, bound: ReadBound) -> Int {
        visible(from: offset, bound).reduce(0) { $0 + $1.readableBytes }
    }

    func findOffset(timestamp: Int64, then: @escaping (Result<TimestampedOffset?, LogError>) -> Void) {
        let found = batches.first { $0.header.maxTimestamp >= timestamp }
        then(
            .success(
                found.map {
                    TimestampedOffset(
                        offset: $0.header.baseOffset, timestamp: $0.header.maxTimestamp, leaderEpoch: leadership.epoch)
                }))
    }

    func findLargestTimestamp(then: @escaping (Result<TimestampedOffset?, LogError>) -> Void) {
        let found = batches.max { $0.header.maxTimestamp < $1.header.maxTimestamp }
        then(
            .success(
                found.map {
                    TimestampedOffset(
                        offset: $0.header.lastOffset, timestamp: $0.header.maxTimestamp, leaderEpoch: leadership.epoch)
                }))
    }

    func endOffset(ofEpoch epoch: Int32) -> EpochEnd? { epochs.last { $0.epoch <= epoch } }

    func advanceLogStart(to offset: Int64?, then: @escaping (Result<Int64, LogError>) -> Void) {
        logStartOffset = max(logStartOffset, min(offset ?? highWatermark, highWatermark))
        onChange?(.logStart)
        then(.success(logStartOffset))
    }

    func apply(_ settings: LogSettings) { self.settings = settings }
    func enforceRetention(wallMilliseconds: Int64) {}
    func cleaning(wallMilliseconds: Int64) -> CleaningNeed { .none }
    func clean(_ limits: CleaningLimits, then: @escaping (Result<CleaningOutcome, LogError>) -> Void) {
        then(.success(CleaningOutcome()))
    }
    func stopCleaning() {}
    func flush(then: @escaping (Result<Void, LogError>) -> Void) { then(.success(())) }

    func close(then: @escaping (Result<Void, LogError>) -> Void) {
        for waiting in pending { waiting.then(.failure(LogError(.closed, "the log is closed"))) }
        pending = []
        then(.success(()))
    }

    private func visible(from offset: Int64, _ bound: ReadBound) -> [ByteBuffer] {
        let end: Int64 =
            switch bound {
            case .highWatermark: highWatermark
            case .lastStableOffset: lastStableOffset
            case .logEnd: logEndOffset
            }
        return batches.filter { $0.header.lastOffset >= offset && $0.header.lastOffset < end }.map(\.bytes)
    }

    private func afterwards(_ body: @escaping () -> Void) {
        let callback = LoopBody(body: body)
        loop.execute { callback.body() }
    }
}

/// Carries a closure to the loop that made it.
private struct LoopBody: @unchecked Sendable {  // run only on the log's loop
    let body: () -> Void
}
