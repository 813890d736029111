public import Logging
public import WorkTracking

/// Something that the runtime starts, counts and drains.
///
/// All verbs are optional, are called once a life and never two at a time. Between `start` and `stop`
/// the component works; each unit of its work is admitted by `context.gate`.
public protocol Component: AnyObject, Sendable {
    /// What it is called in reports, metrics and commands: `kafka`, `kafka/orders-0`.
    var name: String { get }

    /// The names of the components that it calls: started before it, drained after it.
    var dependencies: [String] { get }

    /// Begins to work; returns when it can be used.
    func start(_ context: ComponentContext) async throws

    /// Moves what it leads to somebody else, while it still serves.
    func handOver() async throws

    /// Drain began: tell sessions, stop loops. The runtime waits for the count by itself.
    func drain() async

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
    /// Does nothing.
    public func start(_ context: ComponentContext) async throws {}
    /// Does nothing.
    public func handOver() async throws {}
    /// Does nothing.
    public func drain() async {}
    /// Does nothing.
    public func cancel() async {}
    /// Does nothing.
    public func flush() async throws {}
    /// Does nothing.
    public func stop() async throws {}
}

/// What a component gets from the runtime when it starts.
public struct ComponentContext: Sendable {
    /// Admits and counts its work.
    public let gate: Gate
    /// Logs with the component's name.
    public let logger: Logger
    /// The runtime's clock.
    public let clock: any Clock
}
