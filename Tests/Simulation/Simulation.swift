import Raft
import WeirSimulation

/// One run: a group of replicas on simulated machines, and what happens to them, from one seed.
///
/// One thread, virtual time, an event at a time. After each event the invariants that it may have touched
/// are checked (`Checking`). It ends with the first violation, or when the group has shown that it lives on
/// after the faults.
public final class Simulation {
    let options: SimulationOptions
    let plan: Plan
    /// What happens in the world is drawn from here; replicas and disks have generators of their own.
    var random: SeededRandom
    var queue = EventQueue()
    /// Virtual time.
    var now = 0
    /// Events so far.
    var eventCount = 0
    var nodes: [Node] = []
    var network: Network
    var history: History
    var counts = SimulationCounts()
    var violation: Violation?
    /// Everything that happened, folded.
    var traceHash: UInt64
    /// The event from which on the trace is told.
    let traceFrom: Int
    private let tell: (String) -> Void
    /// Memberships that a leader was asked for lately.
    var admitted: [Members] = []
    /// The second phase; nil in the first.
    var recovery: Recovery?
    /// Called before every event with its number: where a run ends that a trap ended.
    private let willHandle: ((Int) -> Void)?

    /// A run that begins.
    ///
    /// `tell` is given a line for each thing that happens from the event `traceFrom` on. `willHandle` is called before
    /// each event.
    public init(
        _ options: SimulationOptions, traceFrom: Int = .max, tell: @escaping (String) -> Void = { _ in },
        willHandle: ((Int) -> Void)? = nil
    ) {
        self.options = options
        plan = Plan(options)
        random = SeededRandom(seed: options.seed)
        network = Network(plan, seed: random.next())
        traceHash = options.seed
        self.traceFrom = traceFrom
        self.tell = tell
        self.willHandle = willHandle
        let voters = (0..<plan.nodeCount).map { ReplicaID(slot: $0) }
        history = History(
            start: Self.firstIndex, mark: Mark(term: 1, chain: 1), state: 1,
            configuration: ConfigurationState(voters: voters))
    }

    /// The index that the group begins behind, as if everything before had been compacted.
    static let firstIndex: UInt64 = 7

    /// Runs to the end.
    public func run() -> SimulationReport {
        for _ in 0..<plan.nodeCount { bootNode() }
        queue.add(.client, at: random.around(plan.clientMean))
        queue.add(.weather, at: unitsPerTick)
        while violation == nil, eventCount < options.steps, let event = queue.next() { handle(event) }
        if violation == nil { recover() }
        counts[.highestIndex] = Int(history.lastCommitted)
        return SimulationReport(
            options: options, events: eventCount, ticks: now / unitsPerTick, traceHash: traceHash, counts: counts,
            violation: violation)
    }

    // MARK: Events

    func handle(_ event: Event) {
        now = max(now, event.time)
        let node = Int(event.node)
        switch event.kind {
        case .delivery: return deliver(event)
        case .weather: return changeWeather()
        case .client:
            begin(event)
            return serveClient()
        case .tick, .stored, .applied, .start, .recover, .snapshotReport, .unreachableReport:
            break
        }
        guard nodes[node].life == event.life else { return }
        if nodes[node].pausedUntil > now { return putOff(event, of: nodes[node]) }
        begin(event)
        switch event.kind {
        case .tick: tick(nodes[node])
        case .stored: finishWriting(nodes[node])
        case .applied: finishApplying(nodes[node])
        case .start: start(nodes[node])
        case .recover: recover(nodes[node])
        case .snapshotReport: reportSnapshot(nodes[node], event.operand)
        case .unreachableReport: reportUnreachable(nodes[node], event.operand)
        case .delivery, .weather, .client: break
        }
    }

    /// Counts an event.
    func begin(_ event: Event) {
        eventCount += 1
        willHandle?(eventCount)
        fold(UInt64(now) << 16 | UInt64(event.kind.rawValue) << 8 | UInt64(event.node))
    }

    /// What a process that stands still would do now, it does when it goes on.
    private func putOff(_ event: Event, of node: Node) {
        if event.kind == .tick {
            // All its ticks come at once then.
            node.ticksMissed += 1
            return queue.add(.tick, at: now + node.tickUnits, node: node.slot, life: node.life)
        }
        queue.add(event.kind, at: node.pausedUntil, node: node.slot, life: event.life, operand: event.operand)
    }

    @inline(__always)
    func fold(_ word: UInt64) { traceHash = mix(traceHash, word) }

    // MARK: Telling

    /// Whether lines are wanted now.
    @inline(__always)
    var isTelling: Bool { eventCount >= traceFrom }

    /// Tells what happened, where somebody listens.
    @inline(__always)
    func note(_ text: @autoclosure () -> String) {
        if isTelling { say(text()) }
    }

    private func say(_ text: String) { tell("#\(eventCount) \(timeText) \(text)") }

    private var timeText: String {
        let part = String(now % unitsPerTick + unitsPerTick).dropFirst()
        return "\(now / unitsPerTick).\(part)"
    }

    /// Ends the run: the property does not hold.
    func fail(_ invariant: Invariant, _ node: Node?, _ explanation: @autoclosure () -> String) {
        guard violation == nil else { return }
        let found = Violation(
            invariant: invariant, event: eventCount, node: node.map { $0.slot + 1 } ?? 0, explanation: explanation())
        violation = found
        note("VIOLATION \(invariant.rawValue): \(found.explanation)")
    }

    /// Ends the run where the condition does not hold.
    @inline(__always)
    func check(_ condition: Bool, _ invariant: Invariant, _ node: Node?, _ explanation: @autoclosure () -> String) {
        if !condition { fail(invariant, node, explanation()) }
    }
}
