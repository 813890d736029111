import Coordinators
import KafkaWire
import Logging
import NIOCore
import RecordBatch
import SegmentLog
import WeirRuntime

/// Runs one coordinator machine: the one whose state is one partition of an internal topic.
///
/// It replays the partition's log into the machine, appends the records of each step as one batch, and gives a step's
/// answers when everything appended before is committed. Where an append or a commit fails, the machine is ahead of
/// its log: it is dropped, everybody who waits is refused, and the log is replayed into a new one.
///
/// `@unchecked Sendable`: confined to `loop`, the partition's.
final class CoordinatorShard<Machine: CoordinatorMachine>: @unchecked Sendable {
    typealias Answer = (Result<Machine.Response, CoordinatorRefusal>) -> Void

    /// What became of a request when its step was done.
    enum Standing {
        /// Its answer was given, or waits for a commit only.
        case settled
        /// The machine keeps it: other members, or time, will answer it.
        case parked
    }

    /// Requests that one shard lets wait.
    static var waitingMax: Int { 100_000 }
    /// The largest batch that a step may append where it cannot be cut. Kafka's is `max.message.bytes`.
    static var batchSizeBytesMax: Int { 16 << 20 }
    /// How long time is held before it is looked whether the log takes records again.
    private static var heldTime: Duration { .milliseconds(500) }
    /// Where a step may be cut, it is cut into batches of about this size.
    static var portionSizeBytesMax: Int { 1 << 20 }

    /// Which partition of the internal topic.
    let partition: ServedPartition
    let loop: any Loop
    let kind: CoordinatorKind<Machine>

    /// Nil: the log is not replayed, or not led here.
    var machine: Machine?
    /// What is being replayed.
    var loading: CoordinatorLoad<Machine>?
    /// Why requests are refused while there is no machine.
    var refusal = CoordinatorRefusal.loading
    /// Rises when the machine is dropped: what comes back from before is of no interest.
    var turn: UInt64 = 0
    /// Failures since the last commit, or the last load after which nothing had to be committed.
    var failuresInARow = 0
    var retryTimer: (any ScheduledCallback)?
    var isStopped = false
    /// No time passes for the machine: the component drains.
    private(set) var isDraining = false
    var counts = CoordinatorCounts()

    private var nextTicket: UInt64 = 0
    private var waiting: [Ticket: Answer] = [:]
    /// Steps that wait for their commit, oldest first; one for each append.
    private(set) var uncommitted = CircularBuffer<Uncommitted>()
    private var timer: (any ScheduledCallback)?
    private var timerDeadline: MonotonicTime?

    struct Uncommitted {
        var responses: [(ticket: Ticket, response: Machine.Response)]
        var commands: [Machine.Command]
        /// Who waits for the append itself.
        var then: ((Result<Void, CoordinatorRefusal>) -> Void)?
    }

    init(_ partition: ServedPartition, _ kind: CoordinatorKind<Machine>) {
        self.partition = partition
        self.kind = kind
        loop = partition.loop
    }

    // MARK: Requests

    /// Requests that wait for an answer.
    var waitingCount: Int { waiting.count }

    /// Asks the machine; `then` is called once, on the loop, in this call or later.
    @discardableResult
    func ask(_ request: Machine.Request, _ then: @escaping Answer) -> Standing {
        loop.preconditionIsCurrent()
        guard machine != nil else {
            then(.failure(refusal))
            return .settled
        }
        if let refused = recordRefusal, Machine.isRecorded(request) {
            then(.failure(refused))
            return .settled
        }
        guard waiting.count < Self.waitingMax else {
            counts.overloads += 1
            then(.failure(.unavailable))
            return .settled
        }
        return step(request, then)
    }

    /// What everything is refused with that would have to be recorded; nil: the log takes records.
    private var recordRefusal: CoordinatorRefusal? {
        partition.log?.refusal.map { CoordinatorRefusal($0) }
    }

    /// Tells the machine what it has to know, however many clients wait: `then` is called once, on the loop.
    func tell(_ request: Machine.Request, _ then: @escaping Answer = { _ in }) {
        loop.preconditionIsCurrent()
        guard machine != nil else { return then(.failure(refusal)) }
        step(request, then)
    }

    /// Ends a producer's transaction in this log: appends the marker, then tells the machine.
    ///
    /// - Parameters:
    ///   - request: What the machine is told of it, before anything that follows in the log.
    ///   - then: Called on the loop when the marker is committed, or not.
    func end(
        _ marker: TransactionMarker, telling request: Machine.Request,
        then: @escaping (Result<Void, CoordinatorRefusal>) -> Void
    ) {
        loop.preconditionIsCurrent()
        guard machine != nil, let log = partition.log else { return then(.failure(refusal)) }
        let turn = turn
        do {
            _ = try log.append(marker) { [weak self] result in self?.committed(result, turn) }
        } catch {
            // Nothing was appended: the machine is where its log is.
            return then(.failure(error.code == .invalidProducerEpoch ? .fenced : CoordinatorRefusal(error)))
        }
        uncommitted.append(Uncommitted(responses: [], commands: [], then: then))
        tell(request)
    }

    @discardableResult
    private func step(_ request: Machine.Request, _ then: @escaping Answer) -> Standing {
        let ticket = Ticket(nextTicket)
        nextTicket += 1
        waiting[ticket] = then
        let time = kind.time(on: loop)
        guard let effects = machine?.step(request, ticket, at: time) else { return .settled }
        let isAnswered = effects.responses.contains { $0.ticket == ticket }
        perform(effects)
        if isAnswered || waiting[ticket] == nil { return .settled }
        guard isDraining else { return .parked }
        // Who came in through the closing door: nobody will join it any more.
        waiting.removeValue(forKey: ticket)?(.failure(.moved))
        return .settled
    }

    // MARK: Effects

    /// Appends a step's records; its answers follow with the commit of everything before them.
    func perform(_ effects: Effects<Machine.Response, Machine.Command>) {
        if !effects.records.isEmpty {
            let turn = turn
            for portion in effects.portions(sizeBytesMax: Self.portionSizeBytesMax) {
                append(portion, of: effects)
                guard turn == self.turn else { break }
            }
        } else if uncommitted.isEmpty {
            settle(effects.responses, effects.commands)
        } else {
            let last = uncommitted.index(before: uncommitted.endIndex)
            uncommitted[last].responses += effects.responses
            uncommitted[last].commands += effects.commands
        }
        armTimer()
    }

    /// Appends some of a step's records; with the last of them the step is done.
    private func append(_ portion: Range<Int>, of effects: Effects<Machine.Response, Machine.Command>) {
        guard case .success(let log) = partition.leaderLog() else { return lose(.moved) }
        let batch: ByteBuffer
        do { batch = try kind.batch(effects.records[portion], of: effects.producer) } catch {
            return fail(.unavailable, "its records make no batch: \(error)")
        }
        guard batch.readableBytes <= Self.batchSizeBytesMax else {
            return fail(
                .tooLarge, "a step of \(portion.count) records makes \(batch.readableBytes) bytes",
                blaming: effects.responses)
        }
        let turn = turn
        do {
            _ = try log.append(batch, from: .coordinator, until: .committed) { [weak self] result in
                self?.committed(result, turn)
            }
        } catch {
            return fail(CoordinatorRefusal(error), "\(error)", blaming: effects.responses)
        }
        counts.appendedRecords += UInt64(portion.count)
        counts.appendedBytes += UInt64(batch.readableBytes)
        let isLast = portion.upperBound == effects.records.count
        uncommitted.append(
            Uncommitted(responses: isLast ? effects.responses : [], commands: isLast ? effects.commands : []))
    }

    private func committed(_ result: Result<Void, LogError>, _ turn: UInt64) {
        guard turn == self.turn else { return }
        if case .failure(let error) = result { return fail(CoordinatorRefusal(error), "\(error)") }
        failuresInARow = 0
        guard let step = uncommitted.popFirst() else { return }
        step.then?(.success(()))
        settle(step.responses, step.commands)
    }

    private func settle(
        _ responses: [(ticket: Ticket, response: Machine.Response)], _ commands: [Machine.Command]
    ) {
        for (ticket, response) in responses { waiting.removeValue(forKey: ticket)?(.success(response)) }
        for command in commands { kind.perform(command, self) }
    }

    // MARK: Time

    /// One timer, set to the machine's next deadline. A deadline that moved away only makes it fire for nothing.
    private func armTimer() {
        guard !isDraining, let deadline = machine?.nextDeadline else { return }
        if let timerDeadline, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = loop.schedule(at: deadline) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        timerDeadline = nil
        timer = nil
        guard !isDraining, let deadline = machine?.nextDeadline else { return }
        if recordRefusal != nil { return holdTime() }
        let time = kind.time(on: loop)
        guard deadline <= time.now, let effects = machine?.advance(to: time) else { return armTimer() }
        perform(effects)
    }

    /// What comes with time is recorded as well: it waits until the log takes records.
    private func holdTime() {
        timerDeadline = loop.now + Self.heldTime
        timer = loop.schedule(after: Self.heldTime) { [weak self] in self?.timerFired() }
    }

    private func cancelTimer() {
        timer?.cancel()
        timer = nil
        timerDeadline = nil
    }

    // MARK: Losing the machine, and going

    /// The machine is ahead of its log, and dropped; the log is replayed again after a while.
    private func fail(_ cause: CoordinatorRefusal, _ reason: String) {
        noteFailure(reason)
        lose(cause)
    }

    /// The same, where one step is to blame: who asked for it is told why, the others have only to come again.
    private func fail(
        _ cause: CoordinatorRefusal, _ reason: String,
        blaming responses: [(ticket: Ticket, response: Machine.Response)]
    ) {
        noteFailure(reason)
        let blamed = responses.compactMap { waiting.removeValue(forKey: $0.ticket) }
        lose(.moved)
        for answer in blamed { answer(.failure(cause)) }
    }

    private func noteFailure(_ reason: String) {
        kind.logger.error(
            "a coordinator's append failed; its log is read again: \(reason)",
            metadata: ["partition": "\(partition.identity.directoryName)"])
        counts.failures += 1
    }

    /// Drops the machine and refuses everybody.
    func lose(_ refusal: CoordinatorRefusal) {
        dropMachine(refusal)
        self.refusal = refusal
        retryLoad()
    }

    private func dropMachine(_ refusal: CoordinatorRefusal) {
        turn += 1
        machine = nil
        loading = nil
        cancelTimer()
        let steps = uncommitted
        let waited = waiting.sorted { $0.key.number < $1.key.number }
        uncommitted = CircularBuffer()
        waiting = [:]
        for step in steps { step.then?(.failure(refusal)) }
        for (_, answer) in waited { answer(.failure(refusal)) }
    }

    /// From now on no time passes for the machine, and nothing is parked: no session ends and no rebalance begins that
    /// a client could not take part in. What needs no waiting is still answered.
    func drain() {
        loop.preconditionIsCurrent()
        isDraining = true
        cancelTimer()
        var answered: Set<Ticket> = []
        for step in uncommitted { answered.formUnion(step.responses.lazy.map(\.ticket)) }
        let parked = waiting.keys.filter { !answered.contains($0) }.sorted { $0.number < $1.number }
        for ticket in parked { waiting.removeValue(forKey: ticket)?(.failure(.moved)) }
    }

    /// Drains no more. The log is read again, so that sessions count from now.
    func resume() {
        loop.preconditionIsCurrent()
        guard isDraining, !isStopped else { return }
        isDraining = false
        dropMachine(.loading)
        load()
    }

    /// The partition is not served here any more.
    func stop() {
        loop.preconditionIsCurrent()
        isStopped = true
        retryTimer?.cancel()
        retryTimer = nil
        refusal = .moved
        dropMachine(.moved)
    }
}

/// What a shard counted. Confined to its loop.
struct CoordinatorCounts: Sendable {
    var appendedRecords: UInt64 = 0
    var appendedBytes: UInt64 = 0
    /// Appends and commits that failed.
    var failures: UInt64 = 0
    /// Requests refused because too many waited.
    var overloads: UInt64 = 0
    var loads: UInt64 = 0
    /// How long the last load took.
    var lastLoad = Duration.zero
    /// Records of the last load.
    var loadedRecords: UInt64 = 0
}
