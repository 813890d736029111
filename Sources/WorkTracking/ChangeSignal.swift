/// Wakes those who wait for a change, and loses no wake-up: arm, look, then sleep.
///
/// What fires between arming and sleeping makes the sleep return at once.
final class ChangeSignal: Sendable {
    enum Wake {
        case fired
        case cancelled
    }

    private enum Watcher: Sendable {
        case armed
        case fired
        case sleeping(CheckedContinuation<Wake, Never>)
    }

    private struct State: Sendable {
        var watchers: [UInt64: Watcher] = [:]
        var nextId: UInt64 = 0
    }

    private let state = Guarded(State())

    /// Registers a watcher: from here on no firing is missed.
    func arm() -> UInt64 {
        state.withLock { state in
            state.nextId += 1
            state.watchers[state.nextId] = .armed
            return state.nextId
        }
    }

    /// Takes a watcher back that did not sleep.
    func disarm(_ id: UInt64) {
        state.withLock { state in _ = state.watchers.removeValue(forKey: id) }
    }

    /// Wakes everybody who is armed or asleep.
    func fire() {
        let sleepers = state.withLock { state in
            var sleepers: [CheckedContinuation<Wake, Never>] = []
            for (id, watcher) in state.watchers {
                if case .sleeping(let sleeper) = watcher { sleepers.append(sleeper) }
                state.watchers[id] = .fired
            }
            return sleepers
        }
        for sleeper in sleepers { sleeper.resume(returning: .fired) }
    }

    /// Sleeps until the signal fired since `arm`, or the task is cancelled. The watcher is gone afterwards.
    func sleep(_ id: UInt64) async -> Wake {
        let wake = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasFired = state.withLock { state in
                    if case .fired = state.watchers[id] { return true }
                    state.watchers[id] = .sleeping(continuation)
                    return false
                }
                if hasFired { return continuation.resume(returning: .fired) }
                // A cancellation before the line above found nobody to wake.
                if Task.isCancelled { interrupt(id) }
            }
        } onCancel: {
            interrupt(id)
        }
        disarm(id)
        return wake
    }

    private func interrupt(_ id: UInt64) {
        let sleeper = state.withLock { state -> CheckedContinuation<Wake, Never>? in
            guard case .sleeping(let sleeper) = state.watchers[id] else { return nil }
            state.watchers[id] = .fired
            return sleeper
        }
        sleeper?.resume(returning: .cancelled)
    }
}
