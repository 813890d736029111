internal import ObjectStore
internal import Synchronization
internal import WeirPluginABI
internal import WorkTracking

/// Where a plugin wants to be told of changes.
///
/// `@unchecked Sendable`: immutable; the pointer is the plugin's, which must stand calls on any thread.
struct WatchCallback: @unchecked Sendable {
    let function: weir_watch_fn
    let context: UnsafeMutableRawPointer?
}

/// One watch of a plugin: a session of its gate, whose events are told one at a time, and whose end is told once.
final class ObjectWatch: Sendable {
    private struct State {
        /// Why it ends; nil while it goes on.
        var endCode: Int32?
        var stream: WatchStream?
        var telling: Task<Void, Never>?
    }

    private let calls: HostCalls
    private let callback: WatchCallback
    private let state = Mutex(State())

    private init(_ calls: HostCalls, _ callback: WatchCallback) {
        self.calls = calls
        self.callback = callback
    }

    /// Opens a watch and begins to tell it; gives its handle.
    static func open(
        _ query: ListQuery, after version: ResourceVersion, _ calls: HostCalls, _ callback: WatchCallback
    ) throws(CallError) -> UInt64 {
        guard let objects = calls.services.objects else {
            throw CallError(WEIR_UNSUPPORTED, "this node has no objects")
        }
        let watch = ObjectWatch(calls, callback)
        guard let handle = calls.watches.insert(watch) else {
            throw CallError(WEIR_OVER_LIMIT, "plugin \(calls.name) has \(Limits.watchesMax) watches open")
        }
        do throws(CallError) {
            let session = SessionBox(try openSession(calls))
            let stream: WatchStream
            do throws(CallError) {
                stream = try calls.wait(for: nil, .read) {
                    try await objects.watch(WatchQuery(query.selection), after: version)
                }
            } catch {
                session.close()
                throw error
            }
            watch.begin(stream, handle, session)
        } catch {
            _ = calls.watches.remove(handle)
            throw error
        }
        return handle
    }

    private static func openSession(_ calls: HostCalls) throws(CallError) -> Session {
        do throws(WorkRejected) {
            return try calls.gate.openSession()
        } catch {
            throw CallError(error)
        }
    }

    /// Ends it; the first code stays. Does not wait.
    func end(_ code: Int32) {
        let stream = state.withLock { state in
            state.endCode = state.endCode ?? code
            return state.stream
        }
        stream?.cancel()
    }

    /// Returns when its end was told.
    func ended() async {
        await state.withLock { $0.telling }?.value
    }

    private func begin(_ stream: WatchStream, _ handle: UInt64, _ session: SessionBox) {
        let isEnded = state.withLock { state in
            state.stream = stream
            // An end that comes in between finds the stream.
            state.telling = Task { await self.tell(stream, handle, session) }
            return state.endCode != nil
        }
        if isEnded { stream.cancel() }
    }

    private func tell(_ stream: WatchStream, _ handle: UInt64, _ session: SessionBox) async {
        var code = WEIR_UNAVAILABLE
        do {
            while let events = try await stream.nextBatch() {
                for event in events where await !tell(event) { break }
            }
        } catch {
            code = CallError(error).code
        }
        let endCode = state.withLock { state in
            state.endCode = state.endCode ?? code
            return state.endCode ?? code
        }
        _ = await calls.watchThreads.run { [callback] in
            var event = weir_watch_event()
            event.change = UInt32(WEIR_WATCH_END)
            event.code = endCode
            callback.function(callback.context, &event)
        }
        _ = calls.watches.remove(handle)
        session.close()
    }

    /// Tells one event; false where the watch was ended meanwhile.
    private func tell(_ event: WatchEvent) async -> Bool {
        guard state.withLock({ $0.endCode == nil }) else { return false }
        guard let change = Self.number(event.change), let object = event.object else { return true }
        let bytes = object.encoded()
        let version = event.resourceVersion.value
        _ = await calls.watchThreads.run { [callback] in
            bytes.withUnsafeBufferPointer { buffer in
                var told = weir_watch_event()
                told.change = UInt32(change)
                told.resource_version = version
                told.object = weir_bytes(data: buffer.baseAddress, size: buffer.count)
                callback.function(callback.context, &told)
            }
        }
        return true
    }

    private static func number(_ change: WatchEvent.Change) -> Int32? {
        switch change {
        case .added: WEIR_WATCH_ADDED
        case .modified: WEIR_WATCH_MODIFIED
        case .deleted: WEIR_WATCH_DELETED
        case .bookmark: nil
        }
    }
}

/// Carries a session into a task: a noncopyable value captured by a closure cannot be consumed.
final class SessionBox: Sendable {
    private let session: Mutex<Session?>

    init(_ session: consuming Session) {
        self.session = Mutex(consume session)
    }

    /// Closes it, once.
    func close() {
        let taken = session.withLock { $0.take() }
        taken?.close()
    }
}
