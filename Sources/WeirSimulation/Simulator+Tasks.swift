import Synchronization

extension Simulator {
    /// The simulated time that a task was given is over, or nothing is left that could wake it.
    public struct Stuck: Error, CustomStringConvertible {
        /// What the run is repeated with.
        public let seed: UInt64
        /// One sentence.
        public var description: String { "the task did not end in its simulated time; seed \(seed)" }
    }

    /// Runs asynchronous code to its end as callbacks of `loop`, and everything else meanwhile.
    ///
    /// Code that leaves the loop (an actor with an executor of its own, a continuation resumed by
    /// another thread) leaves the simulation. Throws what `body` throws, or `Stuck` after `limit` of
    /// virtual time; the task is cancelled then.
    public func run<Value: Sendable>(
        on loop: SimulatedLoop, within limit: Duration = .seconds(3600),
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let outcome = Outcome<Value>()
        let task = Task(executorPreference: loop) {
            do {
                outcome.set(.success(try await body()))
            } catch {
                outcome.set(.failure(error))
            }
        }
        guard run(within: limit, until: { outcome.value != nil }), let result = outcome.value else {
            task.cancel()
            runUntilIdle()
            throw Stuck(seed: seed)
        }
        return try result.get()
    }

    private final class Outcome<Value: Sendable>: Sendable {
        private let result = Mutex<Result<Value, any Error>?>(nil)
        var value: Result<Value, any Error>? { result.withLock { $0 } }

        func set(_ value: Result<Value, any Error>) {
            result.withLock { $0 = value }
        }
    }
}
