internal import ObjectStore
internal import Synchronization
internal import WeirRuntime

/// The shell of a reconciler's `WorkQueue`: workers wait here for keys, and a timer for what is delayed.
///
/// Safe on any thread. One lock guards the queue and the counters; nothing is called while it is held.
final class KeyQueue: Sendable {
    typealias Item = WorkQueue<ObjectKey>.Item

    private enum Mode: Sendable {
        /// Keys are kept, and handed out.
        case open
        /// Keys are kept for when it opens.
        case paused
        /// Keys are dropped.
        case closed
    }

    private struct Timer: Sendable {
        var at: MonotonicTime
        var task: Task<Void, Never>
    }

    private struct State: Sendable {
        var queue: WorkQueue<ObjectKey>
        var probe = Probe()
        var mode = Mode.paused
        /// Workers that wait for a key; the last one is woken first.
        var waiters: [CheckedContinuation<Taken?, Never>] = []
        var timer: Timer?
    }

    /// What a scrape reads.
    struct Reading: Sendable {
        var probe: Probe
        var addCount: Int
        var delayedAddCount: Int
        var readyCountByPriority: [QueuePriority: Int]
        var processingSince: [MonotonicTime]
    }

    private enum Turn {
        case taken(Taken)
        case over
        case wait
    }

    private let state: Mutex<State>
    let clock: any Clock

    init(backoff: Backoff, clock: any Clock) {
        self.clock = clock
        state = Mutex(State(queue: WorkQueue(backoff: backoff)))
    }

    // MARK: Modes

    /// Lets workers take keys, unless it is closed.
    func open() {
        state.withLock { if $0.mode == .paused { $0.mode = .open } }
    }

    /// Sends workers home when they come back, and keeps the keys.
    func pause() {
        _ = leave(for: .paused)
    }

    /// Sends workers home when they come back, and drops the keys, those to come too; returns how many there were.
    @discardableResult
    func close() -> Int {
        leave(for: .closed)
    }

    /// Keeps keys again after it was closed.
    func reset() {
        state.withLock { if $0.mode == .closed { $0.mode = .paused } }
    }

    private func leave(for mode: Mode) -> Int {
        let (waiters, timer, dropped) = state.withLock { state in
            let left = (state.waiters, state.timer?.task)
            var dropped = 0
            state.mode = mode
            state.waiters = []
            state.timer = nil
            if mode == .closed {
                dropped = state.queue.removeQueued()
                state.probe.droppedCount += dropped
            }
            return (left.0, left.1, dropped)
        }
        timer?.cancel()
        for waiter in waiters { waiter.resume(returning: nil) }
        return dropped
    }

    // MARK: Adding

    /// Adds keys, and wakes workers for them.
    func add(_ keys: some Sequence<ObjectKey>, _ priority: QueuePriority) {
        let now = clock.now
        handOut(at: now) { state in
            guard state.mode != .closed else { return }
            for key in keys { state.queue.add(key, priority: priority, at: now) }
        }
    }

    // MARK: Working

    /// Ends the reconcile before, and takes the next key; waits for one. Nil: the worker is to go home.
    func next(after ended: Ended?) async -> Taken? {
        let now = clock.now
        let (turn, stale) = state.withLock { state in
            if let ended { Self.end(ended, at: now, in: &state) }
            // The key that ended may be delayed now, and others wait that are free before this worker is.
            return (Self.take(at: now, in: &state), setTimer(in: &state))
        }
        stale?.cancel()
        switch turn {
        case .taken(let taken): return taken
        case .over: return nil
        case .wait: break
        }
        return await withCheckedContinuation { continuation in
            let now = clock.now
            let (turn, stale) = state.withLock { state in
                let turn = Self.take(at: now, in: &state)
                guard case .wait = turn else { return (turn, Task<Void, Never>?.none) }
                state.waiters.append(continuation)
                return (turn, setTimer(in: &state))
            }
            stale?.cancel()
            switch turn {
            case .taken(let taken): continuation.resume(returning: taken)
            case .over: continuation.resume(returning: nil)
            case .wait: break
            }
        }
    }

    /// Takes a key back that was not reconciled.
    func giveBack(_ taken: Taken) {
        let now = clock.now
        state.withLock { state in
            if state.mode != .closed { state.queue.add(taken.item.key, priority: taken.item.priority, at: now) }
            state.queue.done(taken.item.key)
        }
    }

    private static func take(at now: MonotonicTime, in state: inout State) -> Turn {
        guard state.mode == .open else { return .over }
        guard let item = state.queue.next(at: now) else { return .wait }
        state.probe.queueTime.record(item.waited)
        return .taken(Taken(item: item, since: now))
    }

    private static func end(_ ended: Ended, at now: MonotonicTime, in state: inout State) {
        state.probe.record(ended, at: now)
        let item = ended.taken.item
        defer { state.queue.done(item.key) }
        guard state.mode != .closed else { return state.queue.forget(item.key) }
        switch ended.outcome {
        case .succeeded(let result):
            switch result.next {
            case .nothing: state.queue.forget(item.key)
            case .retry: state.queue.addAfterFailure(item.key, priority: item.priority, at: now)
            case .later(let delay):
                state.queue.forget(item.key)
                state.queue.add(item.key, priority: item.priority, at: now, after: delay)
            }
        case .failed: state.queue.addAfterFailure(item.key, priority: item.priority, at: now)
        case .terminal: state.queue.forget(item.key)
        case .cancelled: state.queue.add(item.key, priority: item.priority, at: now)
        }
    }

    // MARK: Waking

    /// Changes the queue, then gives what is ready to workers that wait.
    private func handOut(at now: MonotonicTime, after change: (inout State) -> Void) {
        var given: [(CheckedContinuation<Taken?, Never>, Taken)] = []
        let stale = state.withLock { state in
            change(&state)
            while let waiter = state.waiters.last, case .taken(let taken) = Self.take(at: now, in: &state) {
                state.waiters.removeLast()
                given.append((waiter, taken))
            }
            return setTimer(in: &state)
        }
        stale?.cancel()
        for (waiter, taken) in given { waiter.resume(returning: taken) }
    }

    /// Has a timer wake a waiting worker when the next delayed key is ready; returns the one that is not needed now.
    ///
    /// Without a waiting worker none is needed: those that work look when they come back.
    private func setTimer(in state: inout State) -> Task<Void, Never>? {
        guard !state.waiters.isEmpty, let at = state.queue.nextDelayed else { return nil }
        if let timer = state.timer, timer.at <= at { return nil }
        let stale = state.timer?.task
        let task = Task { [weak self, clock] in
            guard (try? await clock.sleep(until: at)) != nil else { return }
            self?.timerRang(at)
        }
        state.timer = Timer(at: at, task: task)
        return stale
    }

    private func timerRang(_ at: MonotonicTime) {
        let now = clock.now
        handOut(at: now) { state in
            if state.timer?.at == at { state.timer = nil }
        }
    }

    // MARK: Looking

    /// The counters as they are now.
    func read() -> Reading {
        state.withLock { state in
            Reading(
                probe: state.probe, addCount: state.queue.addCount,
                delayedAddCount: state.queue.delayedAddCount,
                readyCountByPriority: state.queue.readyCountByPriority,
                processingSince: state.queue.processingSince)
        }
    }
}
