import Coordinators
import KafkaWire
import Logging
import SegmentLog
import Synchronization
import WeirRuntime
import WorkTracking

/// Writes the markers that transaction coordinators order, as often as it takes.
///
/// Each order is a unit of the component `kafka/transactions` until its markers are written: a drain waits for it. One
/// that a crash interrupts is ordered anew when the coordinator has read its log.
final class MarkerWriter: Sendable {
    typealias Shard = CoordinatorShard<TransactionCoordinator>

    private static let delayMin: Duration = .milliseconds(20)
    private static let delayMax: Duration = .seconds(5)
    /// After this many attempts an order is worth a line in the log.
    private static let quietAttempts = 8

    private let partitions: PartitionTable
    private let groups: Coordinator<GroupCoordinator>
    private let clock: any Clock
    private let logger: Logger
    private let owner = Mutex(Owner())

    private struct Owner {
        weak var transactions: Coordinator<TransactionCoordinator>?
    }

    init(partitions: PartitionTable, groups: Coordinator<GroupCoordinator>, clock: any Clock, logger: Logger) {
        self.partitions = partitions
        self.groups = groups
        self.clock = clock
        self.logger = logger
    }

    /// Whose work the orders are.
    func work(for transactions: Coordinator<TransactionCoordinator>) {
        owner.withLock { $0.transactions = transactions }
    }

    /// Does what a coordinator wants done. On the shard's loop.
    func perform(_ command: TransactionCommand, for shard: Shard) {
        shard.loop.preconditionIsCurrent()
        switch command {
        case .writeMarkers(let order): begin(order, for: shard, turn: shard.turn)
        }
    }

    /// Begins an order when work is admitted; while the component is read-only, that is later.
    private func begin(_ order: MarkerOrder, for shard: Shard, turn: UInt64) {
        guard shard.turn == turn, let transactions = owner.withLock({ $0.transactions }) else { return }
        let permit: Permit
        do { permit = try transactions.admit(.lasting) } catch {
            shard.loop.schedule(after: Self.delayMax) { [self] in begin(order, for: shard, turn: turn) }
            return
        }
        attempt(MarkerJob(order, shard, permit))
    }

    /// Writes the markers that are not written yet, one hop a loop.
    private func attempt(_ job: MarkerJob) {
        // A machine that replayed its log has ordered the markers itself.
        guard job.isWanted, let permit = job.forkPermit() else { return job.finish() }
        let served = partitions.snapshot()
        let shards = groups.shards
        let order = job.order
        let marker = TransactionMarker(
            producerID: order.end.producer.id, producerEpoch: order.end.producer.epoch,
            isCommit: order.end.outcome == .committed, coordinatorEpoch: order.coordinatorEpoch,
            timestamp: clock.wallMilliseconds)
        let asked = job.left
        let gathering = Gathering<ErrorCode>(count: asked.count, home: job.shard.loop, permit: permit) {
            [self] codes in
            job.left = zip(asked, codes).filter { !$0.1.settlesMarker }.map(\.0)
            if job.left.isEmpty { return complete(job) }
            again(job, codes)
        }
        for (slot, name) in asked.enumerated() {
            guard let target = MarkerTarget(name, served, shards) else {
                // A partition that is deleted needs no marker.
                gathering.answer(slot, .none)
                continue
            }
            let entered: MarkerPermit
            do { entered = try job.enter(target.partition) } catch {
                gathering.answer(slot, PartitionRefusal(error).code)
                continue
            }
            gathering.ask(slot, on: target.loop) { then in
                target.append(marker, transactionVersion: order.transactionVersion) { code in
                    entered.end()
                    then(code)
                }
            }
        }
        gathering.begin()
    }

    private func complete(_ job: MarkerJob) {
        guard job.isWanted else { return job.finish() }
        job.shard.tell(.markersWritten(job.order)) { _ in job.finish() }
    }

    private func again(_ job: MarkerJob, _ codes: [ErrorCode]) {
        // A drain does not wait for what does not work: whoever reads the log next orders it anew.
        if job.shard.isDraining { return job.finish() }
        job.attempts += 1
        if job.attempts == Self.quietAttempts {
            let reasons = Set(codes.filter { !$0.settlesMarker }.map { "\($0)" }).sorted()
            logger.warning(
                "markers cannot be written yet: \(reasons.joined(separator: ", "))",
                metadata: ["transactionalID": "\(job.order.transactionalID)", "partitions": "\(job.left)"])
        }
        let delay = min(Self.delayMin * (1 << min(job.attempts - 1, 16)), Self.delayMax)
        job.shard.loop.schedule(after: delay) { [self] in attempt(job) }
    }
}

extension ErrorCode {
    /// Whether a marker needs not be tried again: it is written, its partition is gone, or a later producer's is there.
    fileprivate var settlesMarker: Bool {
        self == .none || self == .unknownTopicOrPartition || self == .invalidProducerEpoch
    }
}

/// An order on its way. Confined to its shard's loop.
///
/// `@unchecked Sendable`: what is sent to other loops is the partitions' permits, each in a holder of its own.
private final class MarkerJob: @unchecked Sendable {
    let order: MarkerOrder
    let shard: MarkerWriter.Shard
    /// Partitions without their marker.
    var left: [TopicPartition]
    var attempts = 0
    private let turn: UInt64
    private var permit: Permit?

    init(_ order: MarkerOrder, _ shard: MarkerWriter.Shard, _ permit: consuming Permit) {
        self.order = order
        self.shard = shard
        self.permit = consume permit
        left = order.partitions
        turn = shard.turn
    }

    /// Whether the machine that ordered it is still there.
    var isWanted: Bool { shard.turn == turn && shard.machine != nil }

    func forkPermit() -> Permit? { permit?.fork() }

    /// Admits the append at the partition's gate, as work that this order began.
    func enter(_ partition: ServedPartition) throws(WorkRejected) -> MarkerPermit {
        guard let gate = partition.gate, let parent = permit?.fork() else { return MarkerPermit(nil) }
        let permit: Permit
        do { permit = try gate.enter(.write, under: parent) } catch {
            parent.end()
            throw error
        }
        parent.end()
        return MarkerPermit(permit)
    }

    func finish() {
        permit.take()?.end()
    }
}

/// Admission at a partition's gate, ended on that partition's loop.
///
/// `@unchecked Sendable`: handed over to the loop that ends it.
private final class MarkerPermit: @unchecked Sendable {
    private var permit: Permit?

    init(_ permit: consuming Permit?) {
        self.permit = consume permit
    }

    func end() {
        permit.take()?.end()
    }
}
