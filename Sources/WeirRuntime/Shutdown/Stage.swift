/// The five stages in which a process goes down.
public enum Stage: String, Sendable, Hashable, CaseIterable {
    /// Readiness turns negative; everything still serves.
    case announce
    /// Components move what they lead to somebody else, while they serve.
    case handOver = "hand-over"
    /// Gates close, callers before callees; admitted work finishes.
    case drain
    /// What components hold becomes durable.
    case flush
    /// Sockets, files and ticks are let go; observability last.
    case stop
}

/// What the whole runtime does at the moment: `state` in `GET /weir/v1/work`.
public enum RuntimeState: String, Sendable, Hashable, CaseIterable {
    /// Serving, or starting.
    case running
    /// Announcing that it will go down.
    case announcing
    /// Handing leadership over.
    case handingOver = "handing-over"
    /// Draining: on the way down, or because an operator asked for it.
    case draining
    /// Making things durable.
    case flushing
    /// Letting go of sockets and files, or done with it.
    case stopping

    /// What `weir_shutdown_state` shows: 0 running to 5 stopping.
    public var gaugeValue: Int {
        switch self {
        case .running: 0
        case .announcing: 1
        case .handingOver: 2
        case .draining: 3
        case .flushing: 4
        case .stopping: 5
        }
    }

    init(_ stage: Stage) {
        switch stage {
        case .announce: self = .announcing
        case .handOver: self = .handingOver
        case .drain: self = .draining
        case .flush: self = .flushing
        case .stop: self = .stopping
        }
    }
}

/// What one component does at the moment: `state` of a row in `GET /weir/v1/work`.
public enum ComponentState: String, Sendable, Hashable, CaseIterable {
    /// Registered; `start` has not returned.
    case starting
    /// Serving.
    case running
    /// Serving reads, refusing writes.
    case readOnly = "read-only"
    /// Refusing new work, finishing what it admitted.
    case draining
    /// Nothing in flight, and nothing is admitted.
    case drained
    /// `stop` returned.
    case stopped
    /// A verb threw, or the component reported its own failure.
    case failed
}

/// How a stage ended, from best to worst.
public enum StageOutcome: String, Sendable, Hashable, Comparable, CaseIterable {
    /// Not entered, because a second signal asked for haste.
    case skipped
    /// Everything finished by itself.
    case ok
    /// Something finished only after it was cancelled.
    case cancelled
    /// A component threw; the others went on.
    case failed
    /// Something had not finished at its hard deadline, and was left behind.
    case abandoned

    /// Whether `left` is the better outcome.
    public static func < (left: StageOutcome, right: StageOutcome) -> Bool {
        left.severity < right.severity
    }

    private var severity: Int {
        switch self {
        case .skipped: 0
        case .ok: 1
        case .cancelled: 2
        case .failed: 3
        case .abandoned: 4
        }
    }
}
