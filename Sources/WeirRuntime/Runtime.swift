public import Logging
internal import Synchronization
public import WorkTracking

/// Starts components in the order of their dependencies, counts their work, and takes them down in stages.
///
/// Five lines host something and drain it, whatever ends the process first:
///
/// ```swift
/// let runtime = Runtime()
/// try runtime.host("worker") { scope in
///     repeat { try await scope.gate.track("tick") { await work() } } while await scope.sleep(for: .seconds(1))
/// }
/// exit(try await runtime.run().exitCode)
/// ```
///
/// `run` starts everything, waits for SIGTERM, SIGINT or `beginShutdown`, goes through the stages of the
/// plan and returns the report. All methods may be called from any thread. Components are registered
/// before the start, and added and removed while everything runs.
public final class Runtime: Sendable {
    /// What the composition root decided.
    public let configuration: RuntimeConfiguration
    /// The clock that all deadlines are read from.
    public let clock: any Clock
    /// Logs what the runtime does; components log through loggers made from it.
    public let logger: Logger
    /// All gates: one for each component, and the observing ones.
    public let workRegistry = WorkRegistry()
    /// All that can be scraped; work and drain are there from the start.
    public let metrics = MetricRegistry()

    let state = Mutex(State())
    let watchdog: Watchdog
    let changes = ChangeBroadcast()

    /// A runtime without components.
    public init(
        _ configuration: RuntimeConfiguration = RuntimeConfiguration(), clock: any Clock = ProcessClock(),
        logger: Logger = Logger(label: "weir")
    ) {
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        watchdog = Watchdog(exit: configuration.endProcess)
        metrics.add(WorkMetrics(self))
    }

    /// Registers a component; it starts with the runtime.
    ///
    /// Components may be registered in any order. Throws `duplicateName`, and `wrongTime` after the start:
    /// then it is `add`.
    public func register(_ component: any Component) throws(RuntimeError) {
        guard state.withLock({ $0.phase == .assembling }) else {
            throw RuntimeError(.wrongTime, "the runtime has started; use add for \(component.name)")
        }
        try admit(component)
    }

    /// Runs code of the embedder's at a moment of the shutdown.
    public func addHook(_ hook: ShutdownHook) {
        state.withLock { $0.hooks.append(hook) }
    }

    /// Starts everything, waits for the end, and tells how it went.
    ///
    /// `ready` runs when every component has started. A cancelled task is a request to shut down. Throws
    /// `RuntimeError` where the plan or the graph is bad, `ComponentStartFailed` where a component did not
    /// start, and what `ready` throws; in the last two cases what had started went down in stages first.
    public func run(ready: (@Sendable () async throws -> Void)? = nil) async throws -> ExitReport {
        try await withTaskCancellationHandler {
            try await start()
            if let ready, state.withLock({ $0.phase == .running }) {
                do {
                    try await ready()
                } catch {
                    noteFailure(of: "ready", error)
                    _ = await shutdown()
                    throw error
                }
            }
            return await exitReport()
        } onCancel: {
            beginShutdown()
        }
    }

    /// Begins the way down, as SIGTERM does but without the announcement's delay. Returns at once.
    ///
    /// Does nothing where it has begun.
    public func beginShutdown() {
        beginShutdown(signal: nil)
    }

    /// Begins the way down and waits for its end.
    public func shutdown() async -> ExitReport {
        beginShutdown()
        return await exitReport()
    }

    /// Lets signals have their old effect again, once the process has ended all stages.
    ///
    /// Until then, or until the runtime is freed, they are still caught: a second SIGTERM must not kill the
    /// process while its owner writes the report. For programs that go on after `run`.
    public func releaseSignals() {
        let signals = state.withLock { state -> SignalSubscription? in
            guard state.phase == .ended else { return nil }
            defer { state.signals = nil }
            return state.signals
        }
        signals?.cancel()
    }

    deinit {
        state.withLock { $0.signals }?.cancel()
    }

    /// How the process ended; waits for the end.
    public func exitReport() async -> ExitReport {
        await withCheckedContinuation { continuation in
            let report: ExitReport? = state.withLock { state in
                if state.exit == nil { state.exitWaiters.append(continuation) }
                return state.exit
            }
            if let report { continuation.resume(returning: report) }
        }
    }
}

extension Runtime {
    /// Where the runtime is in its life.
    enum Phase: Sendable {
        case assembling
        case starting
        case running
        case ending
        case ended
    }

    /// A registered component, and what the runtime knows about it.
    struct Entry: Sendable {
        let component: any Component
        let dependencies: [String]
        let verbs: ComponentVerbs
        let gate: Gate
        let observeGate: Gate?
        let sessionGrace: Duration?
        let listsOperations: Bool
        var state = ComponentState.starting
        var isStarted = false
        var hasFailed = false
        /// Nothing in flight, nothing admitted; also where a failure hides that in `state`.
        var isDrained = false
        /// How many registered components call this one.
        var callers = 0
        /// The component's `drain` verb, running or done; nil until it is called and after a resume.
        var drainVerb: Task<Void, Never>?
        var drainBegan: MonotonicTime?
        var drainTime = Duration.zero
        /// What still ran when a deadline passed.
        var slowest: [RunningOperation] = []
        /// Operations that were left behind.
        var leftBehind = 0
    }

    /// Everything that changes; guarded by the mutex, which is never held over a call to others.
    struct State: Sendable {
        var phase = Phase.assembling
        var hasStarted = false
        var shown = RuntimeState.running
        var entries: [String: Entry] = [:]
        var hooks: [ShutdownHook] = []
        var ladder = SignalLadder()
        var signals: SignalSubscription?
        /// Advances the coarse clock of the registry, where a component lists its operations.
        var ticker: Task<Void, Never>?
        /// Components that are being removed; the way down waits for them before it flushes.
        var removals: [String: Task<StageOutcome, Never>] = [:]
        /// The starts of the runtime's own start, which a shutdown cancels.
        var starts: [String: Task<Void, any Error>] = [:]
        var shutdown = ShutdownState()
        /// Since when an operator drains everything.
        var operatorDrainBegan: MonotonicTime?
        /// Rises when an operator's drain or resume overrules an earlier one.
        var operatorTurn = 0
        var drainWaiters: [(names: Set<String>, continuation: CheckedContinuation<Void, Never>)] = []
        var exit: ExitReport?
        var exitWaiters: [CheckedContinuation<ExitReport, Never>] = []
    }

    /// The way down, as far as others want to know.
    struct ShutdownState: Sendable {
        var signal: ProcessSignal?
        var began: MonotonicTime?
        var mailbox: AsyncStream<StageDriver.Event>.Continuation?
        var driver: StageDriver?
        var isEscalated = false
        var stageBegan: MonotonicTime?
        var records: [ShutdownMachine.Record] = []
        var failure: String?
    }
}
