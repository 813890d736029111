public import ObjectStore
public import SegmentLog
internal import Synchronization
internal import WeirRuntime

/// Objects in a log: a record for each change, and the state in memory. What `weir serve` keeps its objects in.
///
/// The log is read when it is opened; from then on reads come from memory. A write is checked against the newest
/// state, that of writes on their way included, and is answered when its record is on the device (with a replicated
/// log: on a majority); only then do readers and watchers see it. Writes of all callers that come while the device is
/// busy share one batch and one sync. A resource version is the offset of a change's record plus 1.
///
/// The log does not grow for ever: when it is mostly dead, what lives is written to its end once more and the rest is
/// cut off. docs/formats/object-log.md has the records and why that is safe at any moment. From any thread.
public final class ObjectLog: Storage {
    /// The log of `weir serve`: its folder is `@metadata-0`, as no topic can be called.
    public static let identity = LogIdentity(topicID: TopicID(high: 0, low: 1), topic: "@metadata", partition: 0)

    let log: any ReplicatedLog
    let clock: any Clock
    let limits: ObjectLogLimits
    let hub: WatchHub
    let state: Mutex<State>

    /// What the lock guards.
    struct State {
        var log: LogState
        var phase = Phase.open
        /// Why nothing is written any more; nil: it is.
        var refusal: ObjectError?
        /// Who waits for the close.
        var closing: [CheckedContinuation<Void, any Error>] = []
    }

    enum Phase {
        case open
        /// What was accepted is still written.
        case closing
        /// The log is being closed.
        case ending
        case closed
    }

    init(_ log: any ReplicatedLog, _ state: sending LogState, hub: WatchHub, clock: any Clock) {
        self.log = log
        self.clock = clock
        limits = state.limits
        self.hub = hub
        self.state = Mutex(State(log: state))
    }

    deinit { hub.close() }

    // MARK: Reading

    /// The object with that key; nil where there is none.
    public func get(_ key: ObjectKey) async throws -> Object? {
        let found: Result<ObjectIndex.Entry?, ObjectError> = state.withLock { state in
            state.phase == .open ? .success(state.log.objects[key]) : .failure(.closed)
        }
        return try found.get()?.object
    }

    /// The objects that a query selects, in the order of their keys.
    public func list(_ query: ListQuery) async throws -> ObjectPage {
        let token = try query.continueToken.map { text throws(ObjectError) in try ContinueToken(parsing: text) }
        let limit = query.limit ?? .max
        let selection = query.selection
        let isPlain =
            selection.namePrefix.isEmpty && selection.labels == .everything && selection.fields == .everything
        let wanted = isPlain && limit < .max ? limit + 1 : .max
        let found: Result<([ObjectIndex.Entry], ResourceVersion), ObjectError> = state.withLock { state in
            guard state.phase == .open else { return .failure(.closed) }
            let entries = state.log.objects.entries(
                kind: selection.kind, namespace: selection.namespace, after: token?.after, countMax: wanted)
            return .success((entries, state.log.version))
        }
        let (entries, version) = try found.get()
        var page = ObjectPage(objects: [], resourceVersion: token?.resourceVersion ?? version)
        for entry in entries where selection.matches(entry.object) {
            guard page.objects.count < limit else {
                page.continueToken = page.objects.last.map {
                    ContinueToken(resourceVersion: page.resourceVersion, after: $0.key).text
                }
                break
            }
            page.objects.append(entry.object)
        }
        return page
    }

    /// Every change after `version` to objects that the query selects.
    ///
    /// After a restart, those are known that are still in the log, the last `historyMax` of them.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        guard state.withLock({ $0.phase == .open }) else { throw ObjectError.closed }
        return try hub.watch(query, after: version)
    }

    /// The resource version of the last change.
    public func currentVersion() async throws -> ResourceVersion {
        let version = state.withLock { $0.phase == .open ? $0.log.version : nil }
        guard let version else { throw ObjectError.closed }
        return version
    }
}
