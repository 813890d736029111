import Logging
import ObjectStore
import Reconciling
import Synchronization
import WeirRuntime
import WeirSimulation

/// A kind with what is wanted and what was found.
struct Widget: Resource {
    static let definition = KindDefinition("example.com/v1", "Widget")

    struct Spec: Codable, Sendable, Hashable {
        var size = 0
    }

    struct Status: Codable, Sendable, Hashable {
        var size: Int
    }

    var metadata: ObjectMetadata
    var spec = Spec()
    var status: Status?

    init(_ name: String, size: Int = 0, labels: [String: String] = [:]) {
        metadata = ObjectMetadata(name: name, namespace: "default", labels: labels)
        spec.size = size
    }

    static func key(_ name: String) -> ObjectKey {
        ObjectKey(definition.kind, namespace: "default", name: name)
    }
}

/// A kind that widgets own.
struct Gadget: Resource {
    static let definition = KindDefinition("example.com/v1", "Gadget")

    struct Spec: Codable, Sendable, Hashable {
        var widget = ""
    }

    var metadata: ObjectMetadata
    var spec = Spec()

    init(_ name: String, widget: String = "") {
        metadata = ObjectMetadata(name: name, namespace: "default")
        spec.widget = widget
    }
}

struct Broken: Error, CustomStringConvertible {
    var description: String { "broken" }
}

/// What happened, in its order; tests wait for entries instead of sleeping.
final class Journal: Sendable {
    private struct Waiter {
        var isMet: @Sendable ([String]) -> Bool
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var entries: [String] = []
        var waiters: [Waiter] = []
    }

    private let state = Mutex(State())

    var entries: [String] { state.withLock { $0.entries } }

    func count(of entry: String) -> Int { entries.count { $0 == entry } }

    func note(_ entry: String) {
        let woken = state.withLock { state in
            state.entries.append(entry)
            let entries = state.entries
            let woken = state.waiters.filter { $0.isMet(entries) }
            state.waiters.removeAll { $0.isMet(entries) }
            return woken
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    func wait(for entry: String, count: Int = 1) async {
        await wait { $0.count { $0 == entry } >= count }
    }

    func wait(_ isMet: @escaping @Sendable ([String]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if isMet(state.entries) { return true }
                state.waiters.append(Waiter(isMet: isMet, continuation: continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// A door that tasks wait at until it is opened; cancellation does not open it, unless that is asked for.
final class Door: Sendable {
    private struct State {
        var isOpen = false
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when it is open, also where the task is cancelled.
    func passStubbornly() async {
        await withCheckedContinuation { enqueue($0) }
    }

    /// Returns when it is open; throws as soon as the task is cancelled.
    func pass() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { enqueue($0, id) }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
        try Task.checkCancellation()
    }

    private func enqueue(_ continuation: CheckedContinuation<Void, Never>, _ id: Int? = nil) {
        let isOver = state.withLock { state in
            if state.isOpen || (id != nil && Task.isCancelled) { return true }
            state.nextID += 1
            state.waiters[id ?? state.nextID] = continuation
            return false
        }
        if isOver { continuation.resume() }
    }
}

/// Keeps what was logged.
struct LogLines: LogHandler {
    let journal: Journal
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        journal.note("\(event.level): \(event.message)")
    }
}

/// A runtime with a store in memory, on a clock that only the test moves.
struct Fixture {
    let clock = SimulatedClock()
    let log = Journal()
    let runtime: Runtime
    let objects: ObjectsComponent
    let journal = Journal()

    init(
        _ storage: any Storage = MemoryStorage(), _ change: (inout RuntimeConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        configuration.endProcess = { _ in }
        change(&configuration)
        let log = log
        runtime = Runtime(
            configuration, clock: clock, logger: Logger(label: "test") { _ in LogLines(journal: log) })
        objects = ObjectsComponent(storage, collection: .off, clock: clock)
        try runtime.addObjects(objects)
    }

    /// A client beside the runtime's work: it is not refused while components drain.
    var client: Client { Client(objects.store) }

    /// The metrics of a name, by the values of their labels.
    func metric(_ name: String) async -> [[String]: Double] {
        let family = await runtime.metrics.collect().first { $0.name == name }
        return (family?.samples ?? []).reduce(into: [:]) { $0[$1.labels.map(\.value) + [$1.suffix]] = $1.value }
    }

    var errors: [String] { log.entries.filter { $0.hasPrefix("error") || $0.hasPrefix("critical") } }
}

/// A storage in memory that never lists one kind.
struct StuckStorage: Storage {
    let memory = MemoryStorage()
    let stuck: ObjectKind
    let door = Door()

    func list(_ query: ListQuery) async throws -> ObjectPage {
        if query.selection.kind == stuck { try await door.pass() }
        return try await memory.list(query)
    }

    func get(_ key: ObjectKey) async throws -> Object? { try await memory.get(key) }
    func create(_ object: Object) async throws -> Object { try await memory.create(object) }
    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try await memory.update(object, if: preconditions)
    }
    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try await memory.delete(key, if: preconditions)
    }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await memory.watch(query, after: version)
    }
    func currentVersion() async throws -> ResourceVersion { try await memory.currentVersion() }
    func close() async throws { try await memory.close() }
}

extension SimulatedClock {
    /// Moves time on to a sleeper's deadline, once somebody sleeps until then and nobody wakes before.
    func advance(toSleeperAt time: Duration) async {
        let deadline = MonotonicTime(nanoseconds: time.nanoseconds)
        while nextDeadline != deadline { await Task.yield() }
        advance(to: deadline)
    }
}
