public import Logging
public import WorkTracking

/// Something that the runtime starts, counts and drains.
///
/// All verbs are optional, and never two of them run at a time, but for `cancel`, which comes while
/// `drain` may still run. Each is called once a life, except that `drain` and `resume` may alternate
/// while an operator drains and resumes. Between `start` and `stop` the component works; each unit of
/// its work is admitted by `context.gate`.
public protocol Component: AnyObject, Sendable {
    /// What it is called in reports, metrics and commands: `kafka`, `kafka/orders-0`.
    var name: String { get }

    /// The names of the components that it calls: started before it, drained after it.
    var dependencies: [String] { get }

    /// How its work is admitted. Read once, when it is registered.
    var work: WorkSettings { get }

    /// The verbs that do anything: the others are not called. Read once, when it is registered.
    ///
    /// Worth declaring for components that come in thousands.
    var verbs: ComponentVerbs { get }

    /// Its own deadlines for a stage; nil takes the stage's. They can only be earlier than the stage's.
    func deadlines(for stage: Stage) -> Deadlines?

    /// Begins to work; returns when it can be used. Cancelled where a shutdown begins before it returns.
    func start(_ context: ComponentContext) async throws

    /// Moves what it leads to somebody else, while it still serves.
    func handOver() async throws

    /// Drain began and its gate is closed: tell sessions, stop loops. The runtime waits for the count.
    func drain() async

    /// An operator's drain was taken back and its gate is open again: let loops run again.
    func resume() async

    /// The soft deadline passed: cancel what is still running.
    func cancel() async

    /// Makes what it holds durable.
    func flush() async throws

    /// Lets go of sockets and files.
    func stop() async throws
}

extension Component {
    /// None.
    public var dependencies: [String] { [] }
    /// One gate without a limit.
    public var work: WorkSettings { WorkSettings() }
    /// All.
    public var verbs: ComponentVerbs { .all }
    /// The stage's.
    public func deadlines(for stage: Stage) -> Deadlines? { nil }
    /// Does nothing.
    public func start(_ context: ComponentContext) async throws {}
    /// Does nothing.
    public func handOver() async throws {}
    /// Does nothing.
    public func drain() async {}
    /// Does nothing.
    public func resume() async {}
    /// Does nothing.
    public func cancel() async {}
    /// Does nothing.
    public func flush() async throws {}
    /// Does nothing.
    public func stop() async throws {}
}

/// The verbs of a component that do anything.
public struct ComponentVerbs: OptionSet, Sendable, Hashable {
    /// One bit a verb.
    public let rawValue: UInt8

    /// The verbs with these bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// `handOver`.
    public static let handOver = ComponentVerbs(rawValue: 1)
    /// `drain`, `resume` and `cancel`.
    public static let drain = ComponentVerbs(rawValue: 2)
    /// `flush`.
    public static let flush = ComponentVerbs(rawValue: 4)
    /// `stop`.
    public static let stop = ComponentVerbs(rawValue: 8)
    /// All of them.
    public static let all: ComponentVerbs = [.handOver, .drain, .flush, .stop]
}

/// What a component gets from the runtime when it starts.
public struct ComponentContext: Sendable {
    /// Admits and counts its work.
    public let gate: Gate
    /// Admits what observes the process, where `work.observeGate` asked for it; not closed before stop.
    public let observeGate: Gate?
    /// Logs with the component's name.
    public let logger: Logger
    /// The runtime's clock.
    public let clock: any Clock
    private let onFailure: @Sendable (any Error) -> Void

    /// A context; made by the runtime, and by tests of a component without one.
    public init(
        gate: Gate, observeGate: Gate? = nil, logger: Logger, clock: any Clock,
        onFailure: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.gate = gate
        self.observeGate = observeGate
        self.logger = logger
        self.clock = clock
        self.onFailure = onFailure
    }

    /// Reports that the component can no longer do its work.
    ///
    /// It is shown as failed and the process will end with 70, but goes on: the others still serve.
    public func fail(_ reason: any Error) {
        onFailure(reason)
    }
}
