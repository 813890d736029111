/// How long something may take to end: three dates, counted from when its own turn begins.
public struct Deadlines: Sendable, Hashable {
    /// After this, what still runs is logged, and waited for.
    public var soft: Duration
    /// After this, what still runs is cancelled.
    public var cancel: Duration
    /// After this, what still runs is abandoned and reported.
    public var hard: Duration
    /// What earlier stages must leave to this one, however stuck they are.
    public var reserved: Duration

    /// Deadlines; `cancel` is half-way between soft and hard, and half of `hard` is reserved, unless given.
    public init(soft: Duration, cancel: Duration? = nil, hard: Duration, reserved: Duration? = nil) {
        self.soft = soft
        self.cancel = cancel ?? (soft + (hard - soft) / 2)
        self.hard = hard
        self.reserved = reserved ?? hard / 2
    }

    var areOrdered: Bool {
        .zero <= soft && soft <= cancel && cancel <= hard && .zero <= reserved && reserved <= hard
    }
}

/// The shutdown as configured: order of the stages, and how long each may take.
public struct ShutdownPlan: Sendable, Hashable {
    /// Whether leadership moves before work is refused.
    public enum Order: String, Sendable, Hashable, CaseIterable {
        /// Announce, hand over, drain, flush, stop: clients notice nothing.
        case handOverFirst = "hand-over-first"
        /// Announce, drain, hand over, flush, stop: the older way.
        case drainFirst = "drain-first"
    }

    /// The order of the stages.
    public var order: Order = .handOverFirst
    /// How long to keep serving after the announcement; only for SIGTERM.
    public var propagation: Duration = .zero
    /// Moving leadership.
    public var handOver = Deadlines(soft: .seconds(5), hard: .seconds(6))
    /// Finishing admitted work, all levels together.
    public var drain = Deadlines(soft: .seconds(8), hard: .seconds(10))
    /// How long sessions may take to end after they were told to; then they are cancelled, not waited for.
    public var sessionGrace: Duration = .milliseconds(500)
    /// Making things durable.
    public var flush = Deadlines(soft: .seconds(4), hard: .seconds(5))
    /// Letting go.
    public var stop = Deadlines(soft: .seconds(2), hard: .seconds(3))
    /// What all stages may take together.
    public var total: Duration = .seconds(25)
    /// What the watchdog waits beyond the total before it ends the process.
    public var watchdogMargin: Duration = .milliseconds(250)
    /// How often the log says what is still running.
    public var progressInterval: Duration = .milliseconds(500)
    /// What the supervisor allows before it kills: `terminationGracePeriodSeconds`, `TimeoutStopSec`.
    public var terminationGrace: Duration?

    /// The default plan: 24 s at worst, for supervisors that allow 30.
    public init() {}

    /// The stages in the order in which they run.
    public var stages: [Stage] {
        switch order {
        case .handOverFirst: [.announce, .handOver, .drain, .flush, .stop]
        case .drainFirst: [.announce, .drain, .handOver, .flush, .stop]
        }
    }

    /// The deadlines of a stage; the announcement's are its propagation delay.
    public func deadlines(of stage: Stage) -> Deadlines {
        switch stage {
        case .announce: Deadlines(soft: propagation, hard: propagation, reserved: .zero)
        case .handOver: handOver
        case .drain: drain
        case .flush: flush
        case .stop: stop
        }
    }

    /// The longest that the stages can take, however stuck everything is.
    public var stagesWorstCase: Duration {
        min(total, stages.reduce(.zero) { $0 + deadlines(of: $1).hard })
    }

    /// The longest from the first signal to the end of the process: the stages, then the watchdog.
    public var worstCase: Duration {
        stagesWorstCase + watchdogMargin + Watchdog.reportGrace
    }

    /// What an operator should know about the plan; empty where there is nothing.
    public var warnings: [String] {
        guard let terminationGrace, worstCase > terminationGrace else { return [] }
        return [
            "shutdown can take \(worstCase.inSeconds), but the supervisor kills after \(terminationGrace.inSeconds): "
                + "lower shutdown.total or raise the supervisor's limit"
        ]
    }

    /// Throws `badPlan` where deadlines are out of order or the reserved shares exceed the total.
    public func validate() throws(RuntimeError) {
        for stage in stages where !deadlines(of: stage).areOrdered {
            throw RuntimeError(
                .badPlan,
                "the deadlines of stage \(stage.rawValue) are not in order: 0 <= soft <= cancel <= hard, "
                    + "and reserved within hard")
        }
        let reserved = stages.reduce(Duration.zero) { $0 + deadlines(of: $1).reserved } + propagation
        guard reserved <= total else {
            throw RuntimeError(
                .badPlan,
                "the stages reserve \(reserved.inSeconds) together, more than shutdown.total, \(total.inSeconds)")
        }
        guard progressInterval > .zero, watchdogMargin >= .zero, sessionGrace >= .zero, propagation >= .zero else {
            throw RuntimeError(.badPlan, "the durations of the shutdown must not be negative")
        }
    }
}

extension Duration {
    /// In seconds, to the millisecond: `1.250 s`.
    var inSeconds: String {
        let milliseconds = self.milliseconds
        let fraction = String(milliseconds.magnitude % 1_000)
        let padding = String(repeating: "0", count: 3 - fraction.count)
        return "\(milliseconds < 0 ? "-" : "")\(milliseconds.magnitude / 1_000).\(padding)\(fraction) s"
    }
}
