public import WorkTracking

/// How the work of a component is admitted.
public struct WorkSettings: Sendable, Hashable {
    /// Limit, queue, and whether running operations are listed.
    public var gate: GateOptions
    /// The last part of the name of a second gate, for what only observes the process: `observe` of `http`.
    ///
    /// That gate is not closed before the stop stage, and nothing waits for it. A component that has one
    /// is stopped after those that have none, so that health and metrics are there to the end.
    public var observeGate: String?
    /// How long its sessions may take to end after `drain` told them to; nil takes the plan's.
    public var sessionGrace: Duration?

    /// One gate without a limit, unless said otherwise.
    public init(gate: GateOptions = GateOptions(), observeGate: String? = nil, sessionGrace: Duration? = nil) {
        self.gate = gate
        self.observeGate = observeGate
        self.sessionGrace = sessionGrace
    }
}
