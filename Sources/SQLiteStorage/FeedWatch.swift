import ObjectStore
import Synchronization

/// One watch: reads old changes from the table until the feed's hub knows what follows, then takes them from there.
final class FeedWatch: WatchSource {
    private enum Phase {
        case table
        case live(WatchStream)
        case ended
    }

    private struct State {
        var phase = Phase.table
        /// All changes up to here were handed out or do not concern the watcher.
        var position: UInt64
        var isCounted = true
    }

    private let feed: ChangeFeed
    private let query: WatchQuery
    private let state: Mutex<State>

    init(_ feed: ChangeFeed, _ query: WatchQuery, after version: UInt64) {
        self.feed = feed
        self.query = query
        state = Mutex(State(position: version))
    }

    /// Goes over to the hub, if it knows what follows.
    func attach() {
        let position = state.withLock { $0.position }
        guard let stream = feed.live(query, after: position) else { return }
        let isEnded = state.withLock { state in
            if case .ended = state.phase { return true }
            state.phase = .live(stream)
            return false
        }
        if isEnded { stream.cancel() }
    }

    func next() async throws -> [WatchEvent]? {
        do {
            while true {
                if Task.isCancelled { cancel() }
                let (phase, position) = state.withLock { ($0.phase, $0.position) }
                switch phase {
                case .ended: return nil
                case .live(let stream):
                    if let events = try await taken(from: stream) { return events }
                case .table:
                    if feed.isClosed { return ended() }
                    let events = try await read(after: position)
                    if !events.isEmpty { return events }
                }
            }
        } catch {
            let wasEnded = isEnded
            cancel()
            // A close while the table was read is an end like any other.
            if wasEnded || feed.isClosed { return nil }
            throw error
        }
    }

    func cancel() {
        let (phase, wasCounted) = state.withLock { state in
            defer {
                state.phase = .ended
                state.isCounted = false
            }
            return (state.phase, state.isCounted)
        }
        if case .live(let stream) = phase { stream.cancel() }
        if wasCounted { feed.watchEnded() }
    }

    private var isEnded: Bool {
        state.withLock { state in
            if case .ended = state.phase { true } else { false }
        }
    }

    private func ended() -> [WatchEvent]? {
        cancel()
        return nil
    }

    /// The hub's next events; nil, after going back to the table, where the hub has no more: it was given up, or the
    /// watcher is so slow that only the table still knows what follows.
    private func taken(from stream: WatchStream) async throws -> [WatchEvent]? {
        do {
            if let events = try await stream.nextBatch() {
                state.withLock { state in
                    state.position = max(state.position, events.last?.resourceVersion.value ?? 0)
                }
                return events
            }
        } catch let error as ObjectError where error.reason == .expired {
            stream.cancel()
        }
        state.withLock { state in
            if case .live = state.phase { state.phase = .table }
        }
        return nil
    }

    /// Events of the table's next changes; goes over to the hub at their end.
    private func read(after position: UInt64) async throws -> [WatchEvent] {
        let changes = try await feed.changes(after: position)
        if let last = changes.last { state.withLock { $0.position = last.version.value } }
        if changes.count < ChangeFeed.batchMax {
            try await feed.resume()
            attach()
        }
        return changes.compactMap { $0.event(for: query.selection) }
    }
}

extension WatchHub.Change {
    /// What the change is to somebody who selects so; nil where it is nothing.
    func event(for selection: ObjectSelection) -> WatchEvent? {
        let matched = previous.map(selection.matches) ?? false
        if let object, selection.matches(object) {
            return WatchEvent(matched ? .modified : .added, object, at: version)
        }
        guard matched else { return nil }
        return WatchEvent(
            .deleted, WatchHub.Change(object: nil, previous: previous, version: version).result, at: version)
    }
}
