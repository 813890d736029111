import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime
import WorkTracking

/// The part of a fetch that concerns the partitions of one loop.
///
/// `@unchecked Sendable`: confined to `loop` from the first visit on.
final class FetchGroup: @unchecked Sendable {
    /// What is wanted of one partition.
    struct Part {
        let slot: Int
        let partition: ServedPartition
        let offset: Int64
        let bytesMax: Int
        let leaderEpoch: Int32
        let lastFetchedEpoch: Int32
        /// Bytes that it could give when it was looked at last.
        var bytes = 0
        /// Where the fetch is parked at the partition.
        var waiter: FetchWaiter?

        init(slot: Int, partition: ServedPartition, target: FetchTarget) {
            self.slot = slot
            self.partition = partition
            offset = target.offset
            bytesMax = max(0, Int(target.bytesMax))
            leaderEpoch = target.leaderEpoch
            lastFetchedEpoch = target.lastFetchedEpoch
        }
    }

    /// What a visit found.
    struct Survey: Sendable {
        var bytes = 0
        /// Whether the fetch is to be answered whatever the bytes.
        var isFinal = false
    }

    typealias Outcomes = [(slot: Int, outcome: FetchOutcome)]

    let index: Int
    let loop: any Loop
    let bound: ReadBound
    let zstdIsKnown: Bool
    /// A cycle while the fetch is on its way; the fetch lets go of its groups at its end.
    let fetch: FetchOperation
    var parts: [Part] = []
    /// Bytes that the parts could give, as they were looked at last.
    private var bytes = 0

    init(index: Int, loop: any Loop, bound: ReadBound, zstdIsKnown: Bool, fetch: FetchOperation) {
        self.index = index
        self.loop = loop
        self.bound = bound
        self.zstdIsKnown = zstdIsKnown
        self.fetch = fetch
    }

    // MARK: Survey

    /// Looks at each partition; parks the fetch there where less than `bytesNeeded` is to be had.
    ///
    /// - Parameter bytesNeeded: nil: the fetch is answered anyway.
    func survey(parkingBelow bytesNeeded: Int?) -> Survey {
        var survey = Survey()
        for place in parts.indices {
            switch check(parts[place]) {
            case .failure: survey.isFinal = true
            case .success(let log):
                parts[place].bytes = bytesReadable(parts[place], log)
                bytes += parts[place].bytes
            }
        }
        survey.bytes = bytes
        guard let bytesNeeded, !survey.isFinal, survey.bytes < bytesNeeded else { return survey }
        for place in parts.indices {
            guard let gate = parts[place].partition.gate, let session = try? gate.openSession() else {
                survey.isFinal = true
                break
            }
            let waiter = FetchWaiter(fetch: self, index: place, session: session)
            parts[place].waiter = waiter
            parts[place].partition.park(waiter)
        }
        return survey
    }

    private func bytesReadable(_ part: Part, _ log: any ReplicatedLog) -> Int {
        min(log.sizeBytesReadable(from: part.offset, bound: bound), part.bytesMax)
    }

    /// Whether the partition can be read at the offset; otherwise what the client is told.
    private func check(_ part: Part) -> Result<any ReplicatedLog, PartitionRefusal> {
        part.partition.leaderLog().flatMap { log in
            let epoch = part.partition.checkEpoch(part.leaderEpoch, log)
            guard epoch == .none else { return .failure(PartitionRefusal(epoch)) }
            guard part.offset >= log.logStartOffset, part.offset <= log.logEndOffset else {
                return .failure(PartitionRefusal(.offsetOutOfRange))
            }
            return .success(log)
        }
    }

    // MARK: Parked

    /// Something moved at a partition where the fetch is parked.
    func partitionAdvanced(_ place: Int, isFinal: Bool) {
        var isFinal = isFinal
        switch check(parts[place]) {
        case .failure: isFinal = true
        case .success(let log):
            let gain = bytesReadable(parts[place], log) - parts[place].bytes
            if gain <= 0, !isFinal { return }
            parts[place].bytes += max(0, gain)
            bytes += max(0, gain)
        }
        fetch.groupAdvanced(index, bytes: bytes, isFinal: isFinal)
    }

    /// Takes the fetch out of where it is parked.
    func leave() {
        for place in parts.indices {
            guard let waiter = parts[place].waiter.take() else { continue }
            parts[place].partition.leave(waiter)
        }
    }

    // MARK: Read

    /// Reads the partitions one after another, from the one at `first` on, with what is left of `budget`.
    func read(budget: Int, first: Int, then: @escaping @Sendable (Outcomes, Int) -> Void) {
        leave()
        let reader = FetchReader(group: self, budget: budget, first: first, then: then)
        reader.goOn()
    }

    /// Reads one partition; `then` is called now, or later where the device is waited for.
    func readPart(_ place: Int, budget: Int, then: @escaping (FetchOutcome) -> Void) {
        let part = parts[place]
        let permit: Permit
        do {
            guard let gate = part.partition.gate else { return then(FetchOutcome(error: .kafkaStorageError)) }
            permit = try gate.enter(.read)
        } catch {
            return then(FetchOutcome(error: PartitionRefusal(error).code))
        }
        switch check(part) {
        case .failure(let refusal):
            permit.end(.failed)
            then(refused(part, refusal))
        case .success(let log):
            if let diverging = divergence(part, log) {
                permit.end()
                var outcome = FetchOutcome(offsetsOf: log)
                outcome.diverging = diverging
                return then(outcome)
            }
            let bytesMax = min(part.bytesMax, budget)
            guard bytesMax > 0 else {
                permit.end()
                return then(FetchOutcome(offsetsOf: log))
            }
            let read = PartRead(permit, part.partition, zstdIsKnown: zstdIsKnown, then)
            log.read(from: part.offset, sizeBytesMax: bytesMax, bound: bound) { read.finish($0) }
        }
    }

    private func refused(_ part: Part, _ refusal: PartitionRefusal) -> FetchOutcome {
        guard case .success(let log) = part.partition.leaderLog() else { return FetchOutcome(error: refusal.code) }
        var outcome = FetchOutcome(offsetsOf: log, error: refusal.code)
        if refusal.code == .fencedLeaderEpoch, let leader = log.leadership.leader {
            outcome.leader = (leader, log.leadership.epoch)
        }
        return outcome
    }

    /// Where a client's log parts from this one (KIP-595); nil: nowhere, or it did not say its last epoch.
    private func divergence(_ part: Part, _ log: any ReplicatedLog) -> EpochEnd? {
        guard part.lastFetchedEpoch >= 0 else { return nil }
        guard let end = log.endOffset(ofEpoch: part.lastFetchedEpoch) else { return EpochEnd(epoch: -1, endOffset: -1) }
        return end.epoch < part.lastFetchedEpoch || end.endOffset < part.offset ? end : nil
    }
}

/// A fetch that is parked at a partition. Confined to the partition's loop.
final class FetchWaiter {
    let fetch: FetchGroup
    /// Which part of the group.
    let index: Int
    /// Its place among the partition's waiters.
    var position = 0
    private var session: Session?

    init(fetch: FetchGroup, index: Int, session: consuming Session) {
        self.fetch = fetch
        self.index = index
        self.session = consume session
    }
}

extension ServedPartition {
    /// Parks a fetch until something moves.
    func park(_ waiter: FetchWaiter) {
        waiter.position = waiters.count
        waiters.append(waiter)
    }

    /// Takes a parked fetch out; O(1).
    func leave(_ waiter: FetchWaiter) {
        let last = waiters.count - 1
        waiters.swapAt(waiter.position, last)
        waiters[waiter.position].position = waiter.position
        waiters.removeLast()
    }
}

/// Reads the parts of a group one after another. Confined to the group's loop.
private final class FetchReader {
    private let group: FetchGroup
    private let first: Int
    private let then: @Sendable (FetchGroup.Outcomes, Int) -> Void
    private var budget: Int
    private var step = 0
    private var outcomes: FetchGroup.Outcomes = []
    private var isLooping = false

    init(
        group: FetchGroup, budget: Int, first: Int, then: @escaping @Sendable (FetchGroup.Outcomes, Int) -> Void
    ) {
        self.group = group
        self.budget = budget
        self.first = first
        self.then = then
        outcomes.reserveCapacity(group.parts.count)
    }

    /// Reads until a part waits for the device; that part's answer goes on. Not recursive for cached reads.
    func goOn() {
        if isLooping { return }
        isLooping = true
        let count = group.parts.count
        var answered = true
        while answered, step < count {
            answered = false
            let place = (first + step) % count
            let slot = group.parts[place].slot
            group.readPart(place, budget: budget) { [self] outcome in
                outcomes.append((slot, outcome))
                budget = max(0, budget - outcome.records.readableBytes)
                step += 1
                answered = true
                goOn()
            }
        }
        isLooping = false
        if step == count, answered || count == 0 { then(outcomes, budget) }
    }
}

/// One read on its way, holding its permit. Confined to the partition's loop.
private final class PartRead {
    private var permit: Permit?
    private let partition: ServedPartition
    private let zstdIsKnown: Bool
    private let then: (FetchOutcome) -> Void

    init(
        _ permit: consuming Permit, _ partition: ServedPartition, zstdIsKnown: Bool,
        _ then: @escaping (FetchOutcome) -> Void
    ) {
        self.permit = consume permit
        self.partition = partition
        self.zstdIsKnown = zstdIsKnown
        self.then = then
    }

    func finish(_ result: Result<LogRead, LogError>) {
        switch result {
        case .failure(let error):
            permit.take()?.end(.failed)
            then(FetchOutcome(error: PartitionRefusal(error).code))
        case .success(let read):
            permit.take()?.end()
            if !zstdIsKnown, read.records.containsZstdBatch {
                return then(FetchOutcome(error: .unsupportedCompressionType))
            }
            partition.counts.fetchedBytes += UInt64(read.records.readableBytes)
            partition.counts.fetchedRecords += read.records.recordCountByHeaders
            then(FetchOutcome(read))
        }
    }
}
