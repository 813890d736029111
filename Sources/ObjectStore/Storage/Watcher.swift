internal import Synchronization

/// One watch of a hub: the events that wait for it, or where in the history it reads.
///
/// Its lock is taken under the hub's, never the other way round.
final class Watcher: WatchSource {
    private struct State {
        /// What was published for it and not taken yet.
        var queue: [(entry: ChangeEntry, kind: WatchEvent.Change)] = []
        /// A bookmark that comes after the queue.
        var bookmark: ResourceVersion?
        /// All changes up to here were looked at; meaningful where it is behind.
        var position: ResourceVersion
        /// Whether it is offered changes; otherwise it reads them from the history, once the queue is empty.
        var isLive: Bool
        /// Whether the hub is closed: what is there is still handed out.
        var isFinished = false
        /// Whether nothing comes any more.
        var isEnded = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private enum Step {
        case events([(entry: ChangeEntry, kind: WatchEvent.Change)], ResourceVersion?)
        case replay(ResourceVersion)
        case end
        case wait
    }

    let id: Int
    let query: WatchQuery
    private let start: ResourceVersion
    private let hub: WatchHub
    private let state: Mutex<State>
    /// Whether kind and namespace are all that is asked: then the index has decided.
    private let isPlain: Bool

    init(hub: WatchHub, id: Int, query: WatchQuery, after version: ResourceVersion, isLive: Bool) {
        self.hub = hub
        self.id = id
        self.query = query
        start = version
        isPlain = query.selection.isPlain
        var state = State(position: version, isLive: isLive)
        if isLive, query.sendsBookmarks { state.bookmark = version }
        self.state = Mutex(state)
    }

    // MARK: The reader's side

    func next() async throws -> [WatchEvent]? {
        while true {
            if Task.isCancelled { cancel() }
            switch takeStep() {
            case .events(let taken, let bookmark):
                var events = taken.map { $0.entry.event($0.kind) }
                if let bookmark { events.append(WatchEvent(.bookmark, nil, at: bookmark)) }
                return events
            case .replay(let position):
                let events = try replayed(after: position)
                if !events.isEmpty { return events }
            case .end:
                return nil
            case .wait:
                await wait()
            }
        }
    }

    func cancel() {
        hub.remove(self)
        let waiting = state.withLock { state in
            state.isEnded = true
            state.queue = []
            return state.waiting.take()
        }
        waiting?.resume()
    }

    private func takeStep() -> Step {
        state.withLock { state in
            if state.isEnded { return .end }
            if !state.queue.isEmpty || state.bookmark != nil {
                let step = Step.events(state.queue, state.bookmark)
                state.queue = []
                state.bookmark = nil
                return step
            }
            if !state.isLive { return .replay(state.position) }
            return state.isFinished ? .end : .wait
        }
    }

    private func replayed(after position: ResourceVersion) throws(ObjectError) -> [WatchEvent] {
        let part: ArraySlice<ChangeEntry>
        do {
            part = try hub.replay(self, after: position)
        } catch {
            state.withLock { $0.isEnded = true }
            throw error
        }
        return part.compactMap { entry in entry.kind(for: query.selection).map(entry.event) }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    precondition(state.waiting == nil, "two tasks wait for the next event of one watch")
                    // Seen under the lock: a cancellation after this finds the continuation.
                    if Task.isCancelled || state.isEnded || state.isFinished || !state.isLive || !state.queue.isEmpty
                        || state.bookmark != nil
                    {
                        return true
                    }
                    state.waiting = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            cancel()
        }
    }

    // MARK: The hub's side, under its lock

    /// Takes a change, if it concerns the watcher.
    func offer(_ entry: ChangeEntry, _ queueMax: Int, _ wakeups: inout Wakeups) {
        guard entry.version > start, let kind = isPlain ? entry.plainKind : entry.kind(for: query.selection) else {
            return
        }
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.isLive, !state.isEnded else { return nil }
            guard state.queue.count < queueMax else {
                state.isLive = false
                state.position = state.queue.last?.entry.version ?? state.position
                state.bookmark = nil
                return nil
            }
            state.queue.append((entry, kind))
            // It has said less than the new event does.
            state.bookmark = nil
            return state.waiting.take()
        }
        if let waiting { wakeups.waiting.append(waiting) }
    }

    /// Says how far the order is, where the watcher has nothing else to take.
    func offerBookmark(_ version: ResourceVersion, _ wakeups: inout Wakeups) {
        guard version > start else { return }
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.isLive, !state.isEnded else { return nil }
            state.bookmark = version
            return state.waiting.take()
        }
        if let waiting { wakeups.waiting.append(waiting) }
    }

    /// Makes it read on in the history, after what is queued or else after `version`.
    func fallBehind(at version: ResourceVersion, _ wakeups: inout Wakeups) {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.isLive else { return nil }
            state.isLive = false
            state.position = max(version, start)
            state.bookmark = nil
            return state.waiting.take()
        }
        if let waiting { wakeups.waiting.append(waiting) }
    }

    /// The hub has no more changes for it.
    func finish(_ wakeups: inout Wakeups) {
        let waiting = state.withLock { state in
            state.isFinished = true
            return state.waiting.take()
        }
        if let waiting { wakeups.waiting.append(waiting) }
    }

    /// It has read the history to its end.
    func catchUp(to version: ResourceVersion) {
        state.withLock { state in
            state.isLive = true
            state.position = version
            if query.sendsBookmarks { state.bookmark = version }
        }
    }

    /// It has read a part of the history.
    func move(to version: ResourceVersion) {
        state.withLock { $0.position = version }
    }
}

extension ChangeEntry {
    /// What the change is to somebody who selects all objects of its kind and namespace.
    fileprivate var plainKind: WatchEvent.Change {
        if change.object == nil { return .deleted }
        return change.previous == nil ? .added : .modified
    }
}
