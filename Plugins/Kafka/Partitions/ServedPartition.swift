import KafkaWire
import Logging
public import SegmentLog
public import WeirRuntime
import WorkTracking

/// One partition: its log, the fetches that wait at it, and its gate.
///
/// A component (`kafka/TOPIC-PARTITION`): a produce and a fetch are operations of it, a parked fetch is a session.
///
/// `@unchecked Sendable`: what changes is confined to `loop`. `gate` and `log` are set by `start`, before anybody
/// gets hold of the partition.
public final class ServedPartition: Component, @unchecked Sendable {
    /// How its log comes to be.
    enum Origin {
        /// The log is made.
        case created
        /// The log is on disk. Where it cannot be opened the partition serves storage errors.
        case found
    }

    /// Which log it is.
    public let identity: LogIdentity
    /// The loop that it belongs to.
    public let loop: any Loop
    /// `kafka/TOPIC-PARTITION`.
    public let name: String

    private let origin: Origin
    private let provider: any LogProvider
    private let initialSettings: LogSettings
    private(set) var gate: Gate?
    /// Nil: it could not be opened, or is closed.
    private(set) var log: (any ReplicatedLog)?
    var waiters: [FetchWaiter] = []
    /// Producers whose coordinator is being asked whether the partition is part of their transaction, by id.
    var questions: [Int64: MembershipQuestion] = [:]
    var isDeleted = false
    var counts = PartitionCounts()

    init(
        identity: LogIdentity, loop: any Loop, origin: Origin, provider: any LogProvider, settings: LogSettings
    ) {
        self.identity = identity
        self.loop = loop
        self.origin = origin
        self.provider = provider
        initialSettings = settings
        name = "kafka/\(identity.directoryName)"
    }

    // MARK: Component

    /// Opens or makes the log.
    public func start(_ context: ComponentContext) async throws {
        gate = context.gate
        let opened: any ReplicatedLog
        switch origin {
        case .created:
            opened = try await provider.create(identity, settings: initialSettings, on: loop)
        case .found:
            do {
                opened = try await provider.open(identity, settings: initialSettings, on: loop)
            } catch {
                context.logger.error("the partition's log cannot be opened: \(error)")
                context.fail(error)
                return
            }
        }
        await loop.run { [self] in
            log = opened
            opened.onChange = { [weak self] changes in self?.logChanged(changes) }
        }
    }

    /// Answers parked fetches: the gate is closed, so they find that the partition is not served here.
    public func drain() async {
        await loop.run { [self] in wakeAll() }
    }

    /// Makes everything appended durable.
    public func flush() async throws {
        try await result { log, then in log.flush(then: then) }
    }

    /// Closes the log.
    public func stop() async throws {
        try await result { log, then in log.close(then: then) }
        await loop.run { [self] in
            log = nil
            wakeAll()
        }
    }

    private func result(
        _ call: @escaping @Sendable (any ReplicatedLog, @escaping (Result<Void, LogError>) -> Void) -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.execute { [self] in
                guard let log else { return continuation.resume() }
                call(log) { continuation.resume(with: $0.mapError { $0 as any Error }) }
            }
        }
    }

    // MARK: On the loop

    /// Takes a topic's changed configuration into use.
    func apply(_ settings: LogSettings) {
        loop.preconditionIsCurrent()
        log?.apply(settings)
    }

    /// From now on the topic is gone: who waits is told.
    func markDeleted() {
        loop.preconditionIsCurrent()
        isDeleted = true
        wakeAll()
    }

    /// The log, where this node leads it; otherwise what a client is told.
    func leaderLog() -> Result<any ReplicatedLog, PartitionRefusal> {
        if isDeleted { return .failure(PartitionRefusal(.unknownTopicOrPartition)) }
        guard let log else {
            return .failure(PartitionRefusal(.kafkaStorageError, "the partition's log is not open; see the node's log"))
        }
        guard log.leadership.isLocal else { return .failure(PartitionRefusal(.notLeaderOrFollower)) }
        return .success(log)
    }

    /// Whether a client that believes in `epoch` is up to date (KIP-320); −1 checks nothing.
    func checkEpoch(_ epoch: Int32, _ log: any ReplicatedLog) -> ErrorCode {
        if epoch < 0 || epoch == log.leadership.epoch { return .none }
        return epoch < log.leadership.epoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
    }

    private func logChanged(_ changes: LogChanges) {
        if waiters.isEmpty { return }
        if changes.contains(.leadership) || changes.contains(.health) { return wakeAll() }
        for waiter in waiters { waiter.fetch.partitionAdvanced(waiter.index, isFinal: false) }
    }

    /// Makes every parked fetch look again, and answer.
    func wakeAll() {
        for waiter in waiters { waiter.fetch.partitionAdvanced(waiter.index, isFinal: true) }
    }
}

/// What a partition counted. Confined to its loop.
struct PartitionCounts {
    var producedRecords: UInt64 = 0
    var producedBytes: UInt64 = 0
    var producedBatches: UInt64 = 0
    var fetchedBytes: UInt64 = 0
    var fetchedRecords: UInt64 = 0
}

/// Why a partition does not do what was asked: Kafka's code, and where it helps a sentence.
struct PartitionRefusal: Error, Equatable {
    var code: ErrorCode
    var message: String?
    /// The records that are to blame, by their place in the batch (KIP-467).
    var records: [RecordRefusal] = []

    init(_ code: ErrorCode, _ message: String? = nil, records: [RecordRefusal] = []) {
        self.code = code
        self.message = message
        self.records = records
    }
}

/// A record that is to blame for its batch's refusal.
struct RecordRefusal: Equatable {
    var index: Int32
    var message: String?
}

extension Loop {
    /// Runs `body` on the loop and returns when it ran. Not for the data path.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }

    /// Runs `body` now where the caller is on the loop, otherwise there.
    func hop(_ body: @escaping @Sendable () -> Void) {
        if isCurrent { body() } else { execute(body) }
    }
}
