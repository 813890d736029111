internal import ObjectStore
internal import Reconciling
internal import WeirPluginABI
internal import WeirRuntime
internal import WorkTracking

/// The reconciles of one plugin: each an operation of the plugin's gate, in the plugin on a thread of its own.
final class PluginReconciler: Sendable {
    private let plugin: String
    private let calls: HostCalls
    private let instance: PluginInstance
    private let functions: PluginFunctions
    private let threads: CallThreads

    init(
        _ plugin: String, _ calls: HostCalls, _ instance: PluginInstance, _ functions: PluginFunctions, threadsMax: Int
    ) {
        self.plugin = plugin
        self.calls = calls
        self.instance = instance
        self.functions = functions
        threads = CallThreads(threadsMax: max(1, threadsMax))
    }

    /// Lets go of the threads that come back.
    func retire() { threads.retire() }

    /// Starts the reconciler of one kind; returns the name of its component once it works.
    func start(
        _ kind: ObjectKind, in runtime: Runtime, under component: String, _ settings: PluginSettings
    ) async throws -> String {
        try await KindSlots.slot(for: kind).start(self, runtime, component, settings, plugin)
    }

    /// Has the plugin look at one object.
    ///
    /// - Throws: `TerminalError` and `PluginError` as the plugin said.
    func reconcile(_ key: ObjectKey, _ object: Object?, failures: Int) async throws -> ReconcileResult {
        guard calls.state == .open else {
            throw PluginError(.givenUp, "plugin \(plugin) was given up or stopped; nothing reconciles \(key.kind)")
        }
        let answer = try await calls.gate.track("reconcile", key: key.description) {
            let operation = Operation(.reconcile)
            guard let handle = calls.operations.insert(operation) else {
                throw CallError(WEIR_OVER_LIMIT, "plugin \(plugin) has \(Limits.operationsMax) operations open")
            }
            defer { _ = calls.operations.remove(handle) }
            let call = ReconcileCall(
                key: key, object: object?.encoded(), failures: UInt32(clamping: failures), operation: handle)
            let isQueued = threads.submit { [functions, instance, calls] in
                let answer = call.perform(functions, instance)
                // A late answer takes the operation out itself.
                guard answer.code != WEIR_PENDING else { return }
                _ = calls.operations.remove(handle)
                operation.end(answer)
            }
            if !isQueued { operation.end(Operation.Answer(code: WEIR_STOPPED, message: "the plugin was stopped")) }
            let answer = await operation.serve()
            guard answer.code != WEIR_OK else { return answer }
            throw failure(answer, key)
        }
        guard answer.requeueAfterMilliseconds > 0 else { return .done }
        return .requeue(after: .milliseconds(min(answer.requeueAfterMilliseconds, Self.requeueMillisecondsMax)))
    }

    /// A year.
    private static let requeueMillisecondsMax: UInt64 = 365 * 86_400_000

    private func failure(_ answer: Operation.Answer, _ key: ObjectKey) -> any Error {
        let reason = answer.message.isEmpty ? "it returned code \(answer.code)" : answer.message
        switch answer.code {
        case WEIR_TERMINAL: return TerminalError(reason)
        case WEIR_CANCELLED: return CancellationError()
        default: return PluginError(.callFailed, "plugin \(plugin): \(reason)")
        }
    }
}

/// One call of a plugin's `reconcile`, ready to be made on a thread.
private struct ReconcileCall: Sendable {
    var key: ObjectKey
    var object: [UInt8]?
    var failures: UInt32
    var operation: UInt64

    /// Makes it, and reads the answer, whatever it is.
    func perform(_ functions: PluginFunctions, _ instance: PluginInstance) -> Operation.Answer {
        guard let reconcile = functions.table.reconcile else { return Operation.Answer(code: WEIR_OK) }
        let lent = LentBytes()
        defer { lent.takeBack() }
        var request = weir_request()
        request.struct_size = UInt32(MemoryLayout<weir_request>.size)
        request.failures = failures
        request.operation = operation
        request.kind = lent.lend(Array(key.kind.description.utf8))
        request.namespace_ = lent.lend(Array(key.namespace.utf8))
        request.name = lent.lend(Array(key.name.utf8))
        request.object = lent.lend(object)
        var requeueAfter: UInt64 = 0
        let (code, message) = MessageMemory.collect { room in
            var answer = weir_answer()
            answer.struct_size = UInt32(MemoryLayout<weir_answer>.size)
            answer.message = room.pointee
            let memory = room.pointee
            let code = reconcile(instance.opaque, &request, &answer)
            requeueAfter = answer.requeue_after_ms
            // Only the length is the plugin's to say.
            room.pointee = weir_message(data: memory.data, capacity: memory.capacity, size: answer.message.size)
            return code
        }
        return Operation.Answer(code: code, requeueAfterMilliseconds: requeueAfter, message: message)
    }
}
