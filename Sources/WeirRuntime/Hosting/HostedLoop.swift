public import Logging
internal import Synchronization
public import WorkTracking

extension Runtime {
    /// Hosts code that runs until it is told to stop; it starts with the runtime.
    ///
    /// The body counts as one loop: drain waits until it returns. `scope.sleep` and `scope.isStopping` tell
    /// it that the drain began; its task is cancelled at the drain's deadline. A body that throws is a
    /// failed component. Throws `duplicateName`, and `wrongTime` after the start.
    ///
    /// - Parameter drain: The body's own deadlines, counted from when its turn in the drain comes; nil takes the stage's.
    public func host(
        _ name: String, dependsOn dependencies: [String] = [], drain: Deadlines? = nil,
        _ body: @escaping @Sendable (HostedScope) async throws -> Void
    ) throws(RuntimeError) {
        try register(HostedLoop(name: name, dependencies: dependencies, drain: drain, body))
    }
}

/// What hosted code gets: its gate, and the word that it should stop.
public struct HostedScope: Sendable {
    /// Admits and counts its work.
    public let gate: Gate
    /// Logs with the component's name.
    public let logger: Logger
    /// The runtime's clock.
    public let clock: any Clock
    let stopping: StopSignal

    /// Whether the drain has begun.
    public var isStopping: Bool { stopping.isRaised }

    /// Returns after `duration`, and at once when the drain begins; says whether to go on.
    public func sleep(for duration: Duration) async -> Bool {
        await stopping.sleep(for: duration, clock)
    }

    /// Returns when the drain begins, or the task is cancelled.
    public func stopRequested() async {
        await stopping.wait()
    }
}

/// A component that only has a body: its task is a loop, told to stop at drain, cancelled at the deadline.
public final class HostedLoop: Component {
    /// The name.
    public let name: String
    /// The components that it calls.
    public let dependencies: [String]
    private let drainDeadlines: Deadlines?
    private let body: @Sendable (HostedScope) async throws -> Void
    private let running = Mutex<(task: Task<Void, Never>?, context: ComponentContext?, stopping: StopSignal)>(
        (nil, nil, StopSignal()))

    /// Code that runs until it is told to stop; `drain` are its own deadlines for that, nil takes the stage's.
    public init(
        name: String, dependencies: [String] = [], drain: Deadlines? = nil,
        _ body: @escaping @Sendable (HostedScope) async throws -> Void
    ) {
        self.name = name
        self.dependencies = dependencies
        drainDeadlines = drain
        self.body = body
    }

    /// `drain` only: there is nothing to hand over, to flush or to stop.
    public var verbs: ComponentVerbs { .drain }

    /// Those for the drain that it was made with.
    public func deadlines(for stage: Stage) -> Deadlines? { stage == .drain ? drainDeadlines : nil }

    /// Starts the task.
    public func start(_ context: ComponentContext) async throws {
        try run(context)
    }

    /// Tells the body to stop.
    public func drain() async {
        running.withLock { $0.stopping }.raise()
    }

    /// Runs the body again.
    public func resume() async {
        guard let context = running.withLock({ $0.context }) else { return }
        do {
            try run(context)
        } catch {
            context.fail(error)
        }
    }

    /// Cancels the task.
    public func cancel() async {
        running.withLock { $0.task }?.cancel()
    }

    private func run(_ context: ComponentContext) throws {
        let loop = try LoopBox(context.gate.startLoop())
        let stopping = StopSignal()
        let scope = HostedScope(
            gate: context.gate, logger: context.logger, clock: context.clock, stopping: stopping)
        let task = Task { [body] in
            do {
                try await body(scope)
            } catch is CancellationError where Task.isCancelled || stopping.isRaised {
                context.logger.debug("gave up when it was cancelled")
            } catch let refusal as WorkRejected where refusal.reason == .draining {
                context.logger.debug("ended when its gate closed")
            } catch {
                context.fail(error)
            }
            loop.end()
        }
        running.withLock { $0 = (task, context, stopping) }
    }
}
