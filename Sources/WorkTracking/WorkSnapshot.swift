/// The counts of all components at one moment.
public struct WorkSnapshot: Sendable, Hashable {
    /// When, by the registry's coarse clock.
    public let takenAtNanoseconds: Int64
    /// Whether the process is shutting down.
    public let isShuttingDown: Bool
    /// The components, by name.
    public let components: [ComponentWork]

    /// The counts of one component, if there is one of the name.
    public func component(named name: String) -> ComponentWork? {
        components.first { $0.name == name }
    }
}

/// The counts of one component at one moment.
public struct ComponentWork: Sendable, Hashable {
    /// How many units were refused, by reason.
    public struct Rejections: Sendable, Hashable {
        /// Because the component drains, or is drained.
        public let draining: UInt64
        /// Because it is read-only.
        public let readOnly: UInt64
        /// Because it was at its limit.
        public let overLimit: UInt64

        /// All of them.
        public var total: UInt64 { draining + readOnly + overLimit }

        /// Each reason with its count, in a fixed order.
        public var byReason: [(reason: WorkRejected.Reason, count: UInt64)] {
            [(.draining, draining), (.readOnly, readOnly), (.overLimit, overLimit)]
        }
    }

    /// The component's name.
    public let name: String
    /// Whether new roots are refused.
    public let isClosed: Bool
    /// Whether nested work is refused too: nothing is in flight, or will be.
    public let isSealed: Bool
    /// Whether new roots that write are refused.
    public let isReadOnly: Bool
    /// Operations between their start and their end.
    public let inFlight: Int
    /// Callers that wait at the limit.
    public let queued: Int
    /// The most that was in flight since the start.
    public let peak: Int
    /// The most that was in flight since the last scrape.
    public let recentPeak: Int
    /// Operations that were admitted.
    public let started: UInt64
    /// Operations that did what was asked: `started` less those in flight and those that ended otherwise.
    public let succeeded: UInt64
    /// Operations that failed.
    public let failed: UInt64
    /// Operations that were cancelled.
    public let cancelled: UInt64
    /// Operations that nobody ended.
    public let abandoned: UInt64
    /// Units that were refused, by reason.
    public let rejected: Rejections
    /// Sessions that are open.
    public let sessions: Int
    /// Loops that are running.
    public let loops: Int
    /// The operations that are running, the oldest first; empty where the component does not list them.
    public let slowest: [SlowOperation]

    /// The operation that runs the longest; nil where none runs or the component does not list them.
    public var oldest: SlowOperation? { slowest.first }
}
