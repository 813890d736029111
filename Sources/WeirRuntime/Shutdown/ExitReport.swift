/// How a process ended: what `--exit-report` and `last-exit.json` hold.
public struct ExitReport: Sendable, Hashable {
    /// What is to be said in one word.
    public enum Verdict: String, Sendable, Hashable, CaseIterable {
        /// Everything ended by itself.
        case clean
        /// A component failed, when it started, while it ran or on the way down.
        case failed
        /// Work or a stage was cancelled, by a second signal or at its deadline.
        case cancelled
        /// Something was left behind at its hard deadline.
        case abandoned
        /// The third signal or the watchdog ended the process.
        case forced
    }

    /// One stage.
    public struct StageReport: Sendable, Hashable {
        /// The stage.
        public var stage: Stage
        /// How long it took.
        public var duration: Duration
        /// How it ended.
        public var outcome: StageOutcome

        /// A stage that has ended.
        public init(_ stage: Stage, duration: Duration, outcome: StageOutcome) {
            self.stage = stage
            self.duration = duration
            self.outcome = outcome
        }
    }

    /// One component, or further gate of a component.
    public struct ComponentReport: Sendable, Hashable {
        /// The name.
        public var name: String
        /// Its counters; what was left behind counts as abandoned, and no longer as in flight.
        public var counts: WorkCounts
        /// From the first moment of its drain to nothing in flight.
        public var drain: Duration
        /// The slowest operations that still ran when its soft deadline passed, otherwise none.
        public var slowest: [RunningOperation]

        /// A component as it ended.
        public init(name: String, counts: WorkCounts, drain: Duration, slowest: [RunningOperation]) {
            self.name = name
            self.counts = counts
            self.drain = drain
            self.slowest = slowest
        }
    }

    /// The verdict.
    public var verdict: Verdict
    /// What the process ends with.
    public var exitCode: Int32
    /// What began it: `SIGTERM`, `SIGINT`; nil where the program itself asked.
    public var signal: String?
    /// From the signal to the end of the last stage.
    public var duration: Duration
    /// The stages in the order in which they ran.
    public var stages: [StageReport]
    /// The components, sorted by name.
    public var components: [ComponentReport]

    /// A report.
    public init(
        verdict: Verdict, exitCode: Int32, signal: String?, duration: Duration, stages: [StageReport],
        components: [ComponentReport]
    ) {
        self.verdict = verdict
        self.exitCode = exitCode
        self.signal = signal
        self.duration = duration
        self.stages = stages
        self.components = components
    }
}

/// The counters of one component at one moment.
public struct WorkCounts: Sendable, Hashable {
    /// Operations that run.
    public var inFlight: Int
    /// The most that ran at once.
    public var peak: Int
    /// Operations admitted.
    public var started: Int
    /// Those that did what was asked.
    public var succeeded: Int
    /// Those that failed.
    public var failed: Int
    /// Those that were cancelled.
    public var cancelled: Int
    /// Those that nobody ended.
    public var abandoned: Int
    /// Work refused, by reason.
    public var rejected: [String: Int]
    /// Sessions that are open.
    public var sessions: Int
    /// Loops that run.
    public var loops: Int

    /// Counters; all zero unless given.
    public init(
        inFlight: Int = 0, peak: Int = 0, started: Int = 0, succeeded: Int = 0, failed: Int = 0, cancelled: Int = 0,
        abandoned: Int = 0, rejected: [String: Int] = [:], sessions: Int = 0, loops: Int = 0
    ) {
        self.inFlight = inFlight
        self.peak = peak
        self.started = started
        self.succeeded = succeeded
        self.failed = failed
        self.cancelled = cancelled
        self.abandoned = abandoned
        self.rejected = rejected
        self.sessions = sessions
        self.loops = loops
    }
}

/// An operation that runs, as a person wants to see it.
public struct RunningOperation: Sendable, Hashable {
    /// What it is: `produce`.
    public var name: String
    /// What it works on: `orders-0`.
    public var key: String
    /// How long it runs.
    public var age: Duration
    /// What it waits for, in the component's own words; nil where it did not say.
    public var phase: String?

    /// An operation.
    public init(name: String, key: String, age: Duration, phase: String?) {
        self.name = name
        self.key = key
        self.age = age
        self.phase = phase
    }
}
