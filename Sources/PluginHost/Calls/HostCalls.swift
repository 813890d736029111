internal import Dispatch
internal import Logging
internal import ObjectStore
internal import Synchronization
internal import WeirPluginABI
internal import WeirRuntime
internal import WorkTracking

/// What the host functions of one plugin act on: its grants, its gate, and what it holds open.
///
/// It outlives the plugin: a thread of a stopped plugin still finds it, and is told that the plugin is stopped.
final class HostCalls: Sendable {
    /// What plugins may use of the node.
    struct Services: Sendable {
        var objects: (any ObjectAccess)?
        var records: (any RecordAccess)?
    }

    /// Whether host functions answer.
    enum Life: Int {
        case open
        /// Stopped in order.
        case stopped
        /// Given up because it missed a deadline.
        case givenUp
    }

    let name: String
    /// The handle that the plugin gives with every call.
    let handle: UInt64
    let services: Services
    let grants: Grants
    let gate: Gate
    let logger: Logger
    let probe: PluginProbe
    /// The plugin's configuration, as JSON.
    let configuration: [UInt8]
    let operations: SlotTable<Operation>
    let watches: SlotTable<ObjectWatch>
    let results: SlotTable<ResultMemory>
    /// Tells watches their events.
    let watchThreads = CallThreads(threadsMax: Limits.watchThreadsMax)
    private let life = Atomic<Int>(Life.open.rawValue)

    init(
        name: String, services: Services, grants: Grants, gate: Gate, logger: Logger, probe: PluginProbe,
        configuration: [UInt8]
    ) {
        let number = HostRegistry.nextNumber()
        self.name = name
        self.services = services
        self.grants = grants
        self.gate = gate
        self.logger = logger
        self.probe = probe
        self.configuration = configuration
        handle = HostRegistry.handle(number)
        operations = SlotTable(tag: number << 2 | 1, countMax: Limits.operationsMax)
        watches = SlotTable(tag: number << 2 | 2, countMax: Limits.watchesMax)
        results = SlotTable(tag: number << 2 | 3, countMax: Limits.resultsMax)
        HostRegistry.add(self)
    }

    /// Whether host functions answer.
    var state: Life { Life(rawValue: life.load(ordering: .acquiring)) ?? .stopped }

    /// Host functions answer no more; the first reason stays.
    func end(_ reason: Life) {
        _ = life.compareExchange(
            expected: Life.open.rawValue, desired: reason.rawValue, ordering: .acquiringAndReleasing)
    }

    /// Refuses what the configuration does not grant; logs each kind of refusal once.
    func require(_ verb: Verb, _ kind: ObjectKind, namespace: String?) throws(CallError) {
        guard !grants.allow(verb, kind, namespace: namespace) else { return }
        throw refusal(verb, kind.description, "\(kind)\(namespace.map { " in namespace '\($0)'" } ?? "")")
    }

    /// Refuses what the configuration does not grant.
    func require(_ verb: Verb, topic: String) throws(CallError) {
        guard !grants.allow(verb, topic: topic) else { return }
        throw refusal(verb, "topic \(topic)", "topic '\(topic)'")
    }

    private func refusal(_ verb: Verb, _ label: String, _ what: String) -> CallError {
        let message = "plugin \(name) may not \(verb.rawValue) \(what); grant it in [[plugins.grants]]"
        if probe.countRefusal(verb, label) { logger.warning("\(message)") }
        return CallError(WEIR_FORBIDDEN, message)
    }

    /// The operation of a handle; nil for 0.
    func operation(_ handle: UInt64) throws(CallError) -> Operation? {
        guard handle != 0 else { return nil }
        guard let operation = operations.value(handle) else {
            throw CallError(WEIR_BAD_HANDLE, "operation \(handle) has ended, or never was")
        }
        return operation
    }

    /// Runs `body` as part of an operation, or as one of its own, and blocks the thread until it is done.
    func wait<Value: Sendable>(
        for operation: Operation?, _ access: Access, _ body: @escaping @Sendable () async throws -> Value
    ) throws(CallError) -> Value {
        let outcome = Mutex<Result<Value, CallError>?>(nil)
        let done = DispatchSemaphore(value: 0)
        let finish: @Sendable (Result<Value, CallError>) -> Void = { result in
            outcome.withLock { $0 = result }
            done.signal()
        }
        let perform: @Sendable () async throws -> Value = { [gate] in
            guard operation == nil else { return try await body() }
            return try await gate.track("call", access: access) { try await body() }
        }
        let job: @Sendable () async -> Void = {
            do {
                finish(.success(try await perform()))
            } catch {
                finish(.failure(CallError(error)))
            }
        }
        if let operation {
            guard operation.perform(job) else { throw CallError(WEIR_BAD_HANDLE, "the operation has ended") }
        } else {
            Task { await job() }
        }
        done.wait()
        guard let result = outcome.withLock({ $0 }) else {
            throw CallError(WEIR_FAILED, "the call ended without an answer")
        }
        return try result.get()
    }
}

/// All plugins that ever ran in this process, by the handle that they call with.
///
/// C functions have no context of their own, so the way from a handle to its plugin is a table of the process.
enum HostRegistry {
    private struct State {
        var number: UInt16 = 0
        var byHandle: [UInt64: HostCalls] = [:]
    }

    private static let state = Mutex(State())

    static func nextNumber() -> UInt16 {
        state.withLock { state in
            precondition(state.number < 1 << 14 - 1, "a process has at most 16,382 plugins in its life")
            state.number += 1
            return state.number
        }
    }

    static func handle(_ number: UInt16) -> UInt64 { UInt64(number) << 50 | 1 }

    static func add(_ calls: HostCalls) {
        state.withLock { $0.byHandle[calls.handle] = calls }
    }

    static func calls(_ handle: UInt64) -> HostCalls? {
        state.withLock { $0.byHandle[handle] }
    }
}

/// Memory of a result that the plugin has to give back.
///
/// `@unchecked Sendable`: immutable after its making; freed when nobody holds it.
final class ResultMemory: @unchecked Sendable {
    let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ content: [UInt8]) {
        bytes = .allocate(capacity: max(1, content.count))
        _ = bytes.initialize(from: content)
    }

    deinit {
        bytes.deallocate()
    }
}
