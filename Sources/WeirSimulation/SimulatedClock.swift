import Synchronization
public import WeirRuntime

/// Virtual time: it stands still until somebody advances it.
///
/// Thread-safe. Sleepers are woken in the order of their deadlines, and in the order in which they
/// fell asleep where those are equal. What a woken task does next runs on its own executor: with
/// `Simulator.run` that is a simulated loop, and the whole run follows from the seed; elsewhere wait
/// for it, e.g. with `sleepers(atLeast:)`.
public final class SimulatedClock: Clock {
    private struct Sleeper {
        let deadline: MonotonicTime
        let id: UInt64
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now: MonotonicTime
        var wallOffsetMilliseconds: Int64
        var nextID: UInt64 = 0
        /// In the order in which they are to wake.
        var sleepers: [Sleeper] = []
        var watchers: [Watcher] = []
    }

    private let state: Mutex<State>

    /// A clock that shows `start` and, on the wall, `wallMilliseconds` (14 November 2023 by default).
    public init(start: MonotonicTime = MonotonicTime(nanoseconds: 0), wallMilliseconds: Int64 = 1_700_000_000_000) {
        let offset = wallMilliseconds - start.nanoseconds / 1_000_000
        state = Mutex(State(now: start, wallOffsetMilliseconds: offset))
    }

    /// The virtual time.
    public var now: MonotonicTime { state.withLock { $0.now } }

    /// The virtual wall: moves with `now`, and jumps with `setWall`.
    public var wallMilliseconds: Int64 {
        state.withLock { $0.now.nanoseconds / 1_000_000 + $0.wallOffsetMilliseconds }
    }

    /// Makes the wall show `milliseconds`, as an operator or NTP would; `now` stays.
    public func setWall(milliseconds: Int64) {
        state.withLock { $0.wallOffsetMilliseconds = milliseconds - $0.now.nanoseconds / 1_000_000 }
    }

    /// How many tasks sleep on this clock.
    public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// When the next sleeper wakes; nil where nobody sleeps.
    public var nextDeadline: MonotonicTime? { state.withLock { $0.sleepers.first?.deadline } }

    /// Returns when at least `count` tasks sleep on this clock: the moment to advance it.
    public func sleepers(atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let enough = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append(Watcher(count: count, continuation: continuation))
                return false
            }
            if enough { continuation.resume() }
        }
    }

    /// Moves time on and wakes whom it reaches.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "monotonic time does not go back")
        advance(to: now + duration)
    }

    /// Moves time on to `time` and wakes whom it reaches; nothing where it is there already.
    public func advance(to time: MonotonicTime) {
        while let sleeper = reach(time) { sleeper.continuation.resume() }
    }

    /// Moves time to the next sleeper's deadline and wakes those of that deadline; false where nobody sleeps.
    @discardableResult
    public func advanceToNextDeadline() -> Bool {
        guard let deadline = nextDeadline else { return false }
        advance(to: deadline)
        return true
    }

    /// Returns once time was advanced to `deadline`, or throws once the task is cancelled.
    public func sleep(until deadline: MonotonicTime) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                fallAsleep(Sleeper(deadline: deadline, id: id, continuation: continuation))
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    private func fallAsleep(_ sleeper: Sleeper) {
        enum Outcome {
            case cancelled
            case due
            case asleep([Watcher])
        }
        let outcome: Outcome = state.withLock { state in
            // Seen under the lock: a cancellation after this finds the sleeper in the list.
            if Task.isCancelled { return .cancelled }
            if sleeper.deadline <= state.now { return .due }
            let place = state.sleepers.firstIndex { $0.deadline > sleeper.deadline } ?? state.sleepers.endIndex
            state.sleepers.insert(sleeper, at: place)
            let count = state.sleepers.count
            let content = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return .asleep(content)
        }
        switch outcome {
        case .cancelled: sleeper.continuation.resume(throwing: CancellationError())
        case .due: sleeper.continuation.resume()
        case .asleep(let watchers): for watcher in watchers { watcher.continuation.resume() }
        }
    }

    /// Takes out the next sleeper that `time` reaches, with the clock at its deadline; else moves to `time`.
    private func reach(_ time: MonotonicTime) -> Sleeper? {
        state.withLock { state in
            guard let first = state.sleepers.first, first.deadline <= time else {
                state.now = max(state.now, time)
                return nil
            }
            state.now = max(state.now, first.deadline)
            return state.sleepers.removeFirst()
        }
    }
}
