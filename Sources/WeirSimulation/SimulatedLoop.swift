public import WeirRuntime

/// A loop whose callbacks a `Simulator` runs.
///
/// It also executes tasks: `Task(executorPreference: loop)` puts the steps of asynchronous code into
/// the same seeded order.
public final class SimulatedLoop: Loop, TaskExecutor {
    /// Who runs it.
    public let simulator: Simulator
    private let index: Int

    init(simulator: Simulator, index: Int) {
        self.simulator = simulator
        self.index = index
    }

    /// Whether the caller runs in a callback of this loop.
    public var isCurrent: Bool { simulator.isCurrent(index) }

    /// The virtual time, which stands still during a burst.
    public var now: MonotonicTime {
        preconditionIsCurrent()
        return simulator.clock.now
    }

    /// Queues `body` behind what was executed before it.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        simulator.execute(index, body)
    }

    /// Queues `body` when virtual time gets to `deadline`; cancelled before it is queued, it does not run.
    @discardableResult
    public func schedule(at deadline: MonotonicTime, _ body: @escaping @Sendable () -> Void) -> any ScheduledCallback {
        simulator.schedule(index, at: deadline, body)
    }

    /// Runs `body` at the end of the burst. Only on the loop.
    public func atEndOfBurst(_ body: @escaping @Sendable () -> Void) {
        preconditionIsCurrent()
        simulator.atEndOfBurst(index, body)
    }

    /// Runs `body` here and now as a callback of this loop: how a test touches what the loop owns.
    ///
    /// Only while no callback runs (a condition of `run` may). The burst it begins ends when the simulator runs next.
    public func perform<Value, Failure: Error>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try simulator.perform(index, body)
    }

    /// Runs a step of a task as a callback of this loop.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
