internal import Synchronization

/// Tells watchers of changes: what every backend of this package has its `watch` from, and any other may.
///
/// A backend publishes each of its changes, in order. The hub keeps the last `historyMax` of them, so that a watch
/// may begin at an earlier version, and hands each to the watchers that select it. Publishing never waits for a
/// watcher: one that does not take its events has up to `queueMax` of them queued, then reads on in the history, and
/// ends with `.expired` once the history has moved past it. Publishing costs as much as there are watchers of the
/// change's kind, namespace and name; all others cost nothing. From any thread.
public final class WatchHub: Sendable {
    /// One change, as a backend tells of it.
    public struct Change: Sendable {
        /// The object as it became; nil where it was removed.
        public let object: Object?
        /// The object as it was before; nil where it was created.
        public let previous: Object?
        /// The change's place in the order.
        public let version: ResourceVersion

        /// A change of one object.
        ///
        /// - Precondition: There is an object, before or after.
        public init(object: Object?, previous: Object?, version: ResourceVersion) {
            precondition(object != nil || previous != nil, "a change is of some object")
            self.object = object
            self.previous = previous
            self.version = version
        }

        /// The object's key.
        public var key: ObjectKey {
            guard let key = object?.key ?? previous?.key else { preconditionFailure("a change is of some object") }
            return key
        }

        /// The object as it became, of a removal as it was, with the version of the change.
        public var result: Object {
            if let object { return object }
            guard var last = previous else { preconditionFailure("a change is of some object") }
            last.metadata.resourceVersion = version
            return last
        }
    }

    private let state: Mutex<State>
    private let queueMax: Int

    /// A hub that knows the changes after `version`, of which there are none so far.
    ///
    /// - Parameters:
    ///   - historyMax: How many changes it remembers.
    ///   - queueMax: How many events may wait for one watcher, before it has to read them from the history.
    public init(after version: ResourceVersion, historyMax: Int = 16_384, queueMax: Int = 1_024) {
        precondition(historyMax > 0 && queueMax > 0, "a hub remembers at least one change")
        state = Mutex(State(history: ChangeHistory(after: version, countMax: historyMax)))
        self.queueMax = queueMax
    }

    /// The version of the last change that was published.
    public var version: ResourceVersion { state.withLock { $0.history.last } }

    /// Tells watchers of changes, in this order. Never waits.
    ///
    /// - Precondition: Each has a higher version than the one before.
    public func publish(_ changes: [Change]) {
        record(changes).wake()
    }

    /// As `publish`, but leaves waking the watchers to the caller, who may hold a lock until then.
    public func record(_ changes: [Change]) -> Wakeups {
        guard !changes.isEmpty else { return Wakeups() }
        return state.withLock { state in
            var wakeups = Wakeups()
            for change in changes { state.take(change, queueMax, &wakeups) }
            state.offerBookmarks(&wakeups)
            return wakeups
        }
    }

    /// As above, of one change.
    func record(_ change: Change) -> Wakeups {
        state.withLock { state in
            var wakeups = Wakeups()
            state.take(change, queueMax, &wakeups)
            state.offerBookmarks(&wakeups)
            return wakeups
        }
    }

    /// Every change after `version` to objects that the query selects: each once, in order, without a gap.
    ///
    /// A version that is not published yet is fine: what is published up to it is left out.
    /// - Throws: `ObjectError.expired` where changes after `version` are not remembered, `.unavailable` once closed.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) throws(ObjectError) -> WatchStream {
        let made: Result<Watcher, ObjectError> = state.withLock { state in
            if state.isClosed { return .failure(.closed) }
            guard version >= state.history.oldest else {
                return .failure(.expired(version, oldest: state.history.oldest))
            }
            state.nextID += 1
            let watcher = Watcher(
                hub: self, id: state.nextID, query: query, after: version, isLive: version >= state.history.last)
            state.watchers.add(watcher)
            return .success(watcher)
        }
        return WatchStream(try made.get())
    }

    /// Says that changes up to `version` happened which were not published: watchers that are not past it expire.
    ///
    /// For a backend that lost sight of its order, as one whose file is written by others.
    public func skip(to version: ResourceVersion) {
        let wakeups = state.withLock { state in
            var wakeups = Wakeups()
            guard version > state.history.last else { return wakeups }
            let last = state.history.last
            state.history.reset(after: version)
            state.watchers.forEach { $0.fallBehind(at: last, &wakeups) }
            return wakeups
        }
        wakeups.wake()
    }

    /// Ends all watches, each after the events that are there for it, and refuses new ones.
    public func close() {
        let wakeups = state.withLock { state in
            var wakeups = Wakeups()
            state.isClosed = true
            state.watchers.forEach { $0.finish(&wakeups) }
            return wakeups
        }
        wakeups.wake()
    }

    /// The next part of the history for a watcher that is behind.
    ///
    /// Where it reaches the end of the history, the watcher is live from that moment on.
    func replay(_ watcher: Watcher, after version: ResourceVersion) throws(ObjectError) -> ArraySlice<ChangeEntry> {
        let part: Result<ArraySlice<ChangeEntry>, ObjectError> = state.withLock { state in
            guard version >= state.history.oldest else {
                state.watchers.remove(watcher)
                return .failure(.expired(version, oldest: state.history.oldest))
            }
            let part = state.history.entries(after: version, countMax: 512)
            if part.last.map({ $0.version >= state.history.last }) ?? true {
                watcher.catchUp(to: max(version, state.history.last))
            } else if let last = part.last {
                watcher.move(to: last.version)
            }
            return .success(part)
        }
        return try part.get()
    }

    func remove(_ watcher: Watcher) {
        state.withLock { $0.watchers.remove(watcher) }
    }

    /// Guarded by the mutex, which is held over nothing but the locks of single watchers.
    private struct State {
        var history: ChangeHistory
        var watchers = WatcherIndex()
        var nextID = 0
        var sinceBookmarks = 0
        var isClosed = false

        /// Remembers a change, and hands it to the watchers that it may concern.
        mutating func take(_ change: Change, _ queueMax: Int, _ wakeups: inout Wakeups) {
            let entry = ChangeEntry(change)
            history.append(entry)
            // The key is made only where somebody watches.
            guard !watchers.isEmpty else { return }
            watchers.forEach(of: change.key) { $0.offer(entry, queueMax, &wakeups) }
            sinceBookmarks += 1
        }

        mutating func offerBookmarks(_ wakeups: inout Wakeups) {
            guard sinceBookmarks >= history.bookmarkInterval else { return }
            sinceBookmarks = 0
            let version = history.last
            watchers.forEachWithBookmarks { $0.offerBookmark(version, &wakeups) }
        }
    }
}

/// Watchers that have something to take and wait for it.
public struct Wakeups: Sendable {
    var waiting: [CheckedContinuation<Void, Never>] = []

    /// Nobody.
    init() {}

    /// Wakes them.
    public consuming func wake() {
        for continuation in waiting { continuation.resume() }
    }
}

extension ObjectError {
    /// The store is closed.
    public static let closed = ObjectError(.unavailable, "the object store is closed")
}
