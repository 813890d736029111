internal import Synchronization
internal import WorkTracking

/// The watches that a tracked storage or access has open: sessions of its gate, ended when the component drains.
///
/// A watch is in here from its opening to its end, whoever ends it: its reader, the store, or the drain.
final class OpenWatches: Sendable {
    private struct State {
        var watches: [UInt64: TrackedWatch] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Wraps what `open` gives in a session of the gate.
    ///
    /// - Throws: `WorkRejected` while the component drains, and what `open` throws.
    func watch(_ gate: Gate, _ open: () async throws -> WatchStream) async throws -> WatchStream {
        // The session first: from here on a drain sees the watch, or the watch sees the drain.
        let session = try gate.openSession()
        let watch = TrackedWatch(try await open(), session, self)
        let id = state.withLock { state in
            state.nextID += 1
            state.watches[state.nextID] = watch
            return state.nextID
        }
        watch.number(id)
        // Whoever told the others to end did not find this one.
        if gate.isClosed { watch.cancel() }
        return WatchStream(watch)
    }

    /// Ends all of them: their streams end, as if nothing more were to come.
    func endAll() {
        let watches = state.withLock { Array($0.watches.values) }
        for watch in watches { watch.cancel() }
    }

    func remove(_ id: UInt64) {
        _ = state.withLock { $0.watches.removeValue(forKey: id) }
    }
}

/// A watch that is counted as a session until it ends.
final class TrackedWatch: WatchSource {
    private let stream: WatchStream
    /// Nil once the watch has ended.
    private let session: Mutex<Session?>
    /// Its number among the open ones; nil before it has one.
    private let id = Mutex<UInt64?>(nil)
    private let open: OpenWatches

    init(_ stream: WatchStream, _ session: consuming Session, _ open: OpenWatches) {
        self.stream = stream
        self.open = open
        self.session = Mutex(consume session)
    }

    /// Says under which number it is to be taken out; it may have ended by then.
    func number(_ id: UInt64) {
        self.id.withLock { $0 = id }
        // Who ended it before the line above did not know what to take out.
        let hasEnded = session.withLock { $0 == nil }
        if hasEnded { open.remove(id) }
    }

    func next() async throws -> [WatchEvent]? {
        do {
            if let events = try await stream.nextBatch() { return events }
        } catch {
            end()
            throw error
        }
        end()
        return nil
    }

    func cancel() {
        stream.cancel()
        end()
    }

    private func end() {
        let taken = session.withLock { $0.take() }
        guard let taken else { return }
        taken.close()
        if let id = id.withLock({ $0 }) { open.remove(id) }
    }
}
