internal import Synchronization

/// A flag that tasks wait for; raised once, for good.
final class StopSignal: Sendable {
    private struct State {
        var isRaised = false
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    /// Whether it was raised.
    var isRaised: Bool { state.withLock { $0.isRaised } }

    /// Raises the flag and wakes who waits.
    func raise() {
        let waiters = state.withLock { state in
            state.isRaised = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the flag is raised, or the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Seen under the lock: a cancellation after this finds the waiter.
                    if state.isRaised || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Returns after `duration`, or at once when the flag is raised; says whether neither that nor a cancellation.
    func sleep(for duration: Duration, _ clock: any Clock) async -> Bool {
        guard !isRaised, !Task.isCancelled else { return false }
        let deadline = clock.now + duration
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { _ = try? await clock.sleep(until: deadline) }
            await group.next()
            group.cancelAll()
        }
        return !isRaised && !Task.isCancelled
    }
}
