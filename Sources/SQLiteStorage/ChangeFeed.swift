import GRDB
import ObjectStore
import Synchronization
import WeirRuntime

/// Tells watchers of every change of the file in order, whoever wrote it: this storage, or another process.
///
/// Its own storage's changes come straight from memory after their commit; others are read from the table by a poll
/// that runs only while somebody watches. Both go through one door, which lets pass what is next and drops what has
/// passed already. A change that does not follow the last one waits until the poll has read what lies between.
final class ChangeFeed: Sendable {
    private struct State {
        /// There while somebody watches.
        var hub: WatchHub?
        /// The last change that the hub was told of.
        var published: UInt64 = 0
        var watcherCount = 0
        var poll: Task<Void, Never>?
        var isClosed = false
    }

    let readers: Readers
    private let path: String
    private let configuration: SQLiteStorage.Configuration
    private let clock: any Clock
    private let state = Mutex(State())

    /// How many changes are read at a time.
    static let batchMax = 256
    /// How many polls without a change make the time between them longer.
    private static let patience = 50

    init(_ readers: Readers, path: String, configuration: SQLiteStorage.Configuration, clock: any Clock) {
        self.readers = readers
        self.path = path
        self.configuration = configuration
        self.clock = clock
    }

    // MARK: Watching

    /// The changes after `version` that the query selects.
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        let watch = try addWatch(query, after: version.value)
        do {
            let bounds = try await readers.read { try ChangeRow.bounds($0) }
            guard version.value <= bounds.current else {
                throw ObjectError(
                    .expired,
                    "resource version \(version) is not reached yet: \(path) is at \(bounds.current); list again")
            }
            guard version.value >= bounds.known else {
                throw ObjectError.expired(version, oldest: ResourceVersion(bounds.known))
            }
            begin(at: bounds.current)
            try await follow()
            watch.attach()
            return WatchStream(watch)
        } catch {
            watch.cancel()
            throw error
        }
    }

    private func addWatch(_ query: WatchQuery, after version: UInt64) throws -> FeedWatch {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.watcherCount += 1 }
            return state.isClosed
        }
        if isClosed { throw Failure.closed(path) }
        return FeedWatch(self, query, after: version)
    }

    /// Starts the hub and the poll, unless they are there.
    private func begin(at current: UInt64) {
        state.withLock { state in
            guard state.hub == nil, !state.isClosed, state.watcherCount > 0 else { return }
            state.hub = makeHub(after: current)
            state.published = current
            // Ends with the last watch, or the close.
            state.poll = Task { await poll() }
        }
    }

    private func makeHub(after version: UInt64) -> WatchHub {
        WatchHub(
            after: ResourceVersion(version), historyMax: min(configuration.historyMax, 1_024),
            queueMax: configuration.watcherQueueMax)
    }

    /// A watch ended; after the last one nobody polls.
    func watchEnded() {
        let (hub, poll) = state.withLock { state -> (WatchHub?, Task<Void, Never>?) in
            state.watcherCount -= 1
            guard state.watcherCount == 0 else { return (nil, nil) }
            defer {
                state.hub = nil
                state.poll = nil
            }
            return (state.hub, state.poll)
        }
        poll?.cancel()
        hub?.close()
    }

    /// The hub's changes after `version`; nil where the hub does not know them all (any more).
    func live(_ query: WatchQuery, after version: UInt64) -> WatchStream? {
        state.withLock { state in
            guard let hub = state.hub, version <= state.published else { return nil }
            return try? hub.watch(query, after: ResourceVersion(version))
        }
    }

    /// Changes from the table, at most `batchMax`, in order. Throws `.expired` where the first ones are forgotten.
    func changes(after version: UInt64) async throws -> [WatchHub.Change] {
        let (changes, bounds) = try await readers.read { database in
            let changes = try ChangeRow.changes(after: version, countMax: Self.batchMax, in: database)
            return (changes, try ChangeRow.bounds(database))
        }
        if let first = changes.first, first.version.value != version + 1 {
            throw ObjectError.expired(ResourceVersion(version), oldest: ResourceVersion(bounds.known))
        }
        return changes
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Ends all watches.
    func close() {
        let (hub, poll) = state.withLock { state in
            defer {
                state.hub = nil
                state.poll = nil
            }
            state.isClosed = true
            return (state.hub, state.poll)
        }
        poll?.cancel()
        hub?.close()
    }

    // MARK: Publishing

    /// Publishes what this storage has just committed. Called in the order of the commits.
    func committed(_ outcome: WriteTransaction.Outcome) {
        guard !outcome.changes.isEmpty, state.withLock({ $0.hub != nil }) else { return }
        // Read outside of the lock. What cannot be read is left to the poll, which says why.
        guard
            let changes = try? outcome.changes.map({ change in
                WatchHub.Change(
                    object: change.object, previous: try change.previous?.decoded(),
                    version: ResourceVersion(UInt64(change.revision)))
            })
        else { return }
        publish(changes, after: UInt64(outcome.start))
    }

    /// Publishes what the table holds after the last change that was published; true where there was any.
    @discardableResult
    func follow() async throws -> Bool {
        var found = false
        while true {
            guard let published = state.withLock({ $0.hub == nil ? nil : $0.published }) else { return found }
            let changes = try await readers.read { database in
                try ChangeRow.changes(after: published, countMax: Self.batchMax, in: database)
            }
            guard let first = changes.first else { return found }
            found = true
            if first.version.value > published + 1 { skip(to: first.version.value - 1) }
            publish(changes, after: first.version.value - 1)
            if changes.count < Self.batchMax { return found }
        }
    }

    /// The one door: passes on what follows the last change, and nothing twice.
    private func publish(_ changes: [WatchHub.Change], after start: UInt64) {
        let wakeups = state.withLock { state -> Wakeups? in
            guard let hub = state.hub, start <= state.published, let last = changes.last?.version.value,
                last > state.published
            else { return nil }
            let published = state.published
            state.published = last
            // Under the lock, so that what comes first is told first.
            return hub.record(start == published ? changes : changes.filter { $0.version.value > published })
        }
        wakeups?.wake()
    }

    /// Changes up to `version` were forgotten before they were read: this process stood still for longer than they
    /// are kept. Watchers are told to list again.
    private func skip(to version: UInt64) {
        let hub = state.withLock { state -> WatchHub? in
            guard let hub = state.hub, state.published < version else { return nil }
            state.published = version
            return hub
        }
        hub?.skip(to: ResourceVersion(version))
    }

    /// Looks for other processes' writes until it is cancelled: often while some come, seldom while none do.
    private func poll() async {
        var pause = configuration.pollInterval
        var quiet = 0
        do {
            while true {
                try await clock.sleep(for: pause)
                if try await follow() {
                    quiet = 0
                    pause = configuration.pollInterval
                } else {
                    quiet += 1
                    if quiet > Self.patience { pause = min(pause * 2, configuration.pollIntervalMax) }
                }
            }
        } catch {
            if !(error is CancellationError) { fail() }
        }
    }

    /// The table cannot be read: watches go back to it, and tell their watchers why.
    private func fail() {
        let hub = state.withLock { state in
            defer {
                state.hub = nil
                state.poll = nil
            }
            return state.hub
        }
        hub?.close()
    }

    /// Makes sure of a hub after it was given up.
    func resume() async throws {
        let current = try await readers.read { UInt64(try ChangeRow.current($0)) }
        begin(at: current)
        try await follow()
    }
}
