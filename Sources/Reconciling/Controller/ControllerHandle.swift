public import ObjectStore
internal import Synchronization

/// A reconciler that `runtime.reconcile` made.
public struct ControllerHandle: Sendable {
    /// The component's name: what `runtime.remove` and `runtime.drain` take.
    public let name: String
    let keys: KeyQueue
    let start: StartResult

    /// Has a key reconciled: for what no watch tells of, such as a message from outside.
    ///
    /// Keys that come before the start wait for it; while the reconciler drains they are dropped.
    public func enqueue(_ key: ObjectKey, priority: QueuePriority = .normal) {
        keys.add(CollectionOfOne(key), priority)
    }

    /// Returns when the reconciler works: its sources have listed what there is.
    ///
    /// - Throws: What its start threw.
    public func started() async throws {
        try await start.wait()
    }
}

/// How the start of a reconciler went, for those that wait for it.
final class StartResult: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var waiters: [CheckedContinuation<Void, any Error>] = []
    }

    private let state = Mutex(State())

    func resolve(_ result: Result<Void, any Error>) {
        let waiters = state.withLock { state in
            guard state.result == nil else { return [CheckedContinuation<Void, any Error>]() }
            state.result = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    func wait() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiters.append(continuation) }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
