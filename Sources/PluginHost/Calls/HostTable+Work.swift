internal import Dispatch
internal import Synchronization
internal import WeirPluginABI
internal import WorkTracking

/// Work: begin, fork, end, check, and the late answers of reconciles.
extension HostTable {
    static func fillWork(_ table: inout weir_host_v1) {
        table.work_begin = { host, name, operation in
            operation?.pointee = 0
            return HostTable.answerBlocking(host, .workBegin, nil) { calls throws(CallError) in
                try HostTable.begin(calls, nil, name, operation)
            }
        }
        table.work_fork = { host, parent, name, operation in
            operation?.pointee = 0
            return HostTable.answerBlocking(host, .workFork, nil) { calls throws(CallError) in
                guard let parent = try calls.operation(parent) else {
                    throw CallError(WEIR_BAD_HANDLE, "0 is no operation to fork")
                }
                return try HostTable.begin(calls, parent, name, operation)
            }
        }
        table.work_end = { host, operation, outcome in
            HostTable.answer(host, .workEnd, nil) { calls throws(CallError) in
                let code: Int32 =
                    switch Int32(bitPattern: outcome) {
                    case WEIR_OUTCOME_SUCCEEDED: WEIR_OK
                    case WEIR_OUTCOME_CANCELLED: WEIR_CANCELLED
                    default: WEIR_FAILED
                    }
                return try HostTable.end(calls, operation, Operation.Answer(code: code), of: .ownWork)
            }
        }
        table.work_check = { host, operation in
            HostTable.answer(host, .workCheck, nil) { calls throws(CallError) in
                guard let found = try calls.operation(operation) else {
                    throw CallError(WEIR_BAD_HANDLE, "0 is no operation")
                }
                guard !found.isCancelled else { throw CallError(WEIR_CANCELLED, "the operation is cancelled") }
                return nil
            }
        }
        table.reconcile_complete = { host, operation, code, requeueAfter, message in
            HostTable.answer(host, .reconcileComplete, nil) { calls throws(CallError) in
                let text = String(decoding: try Argument.bytes(message, "message") ?? [], as: UTF8.self)
                return try HostTable.end(
                    calls, operation,
                    Operation.Answer(code: code, requeueAfterMilliseconds: requeueAfter, message: text), of: .reconcile)
            }
        }
    }

    /// Begins a unit of work of the plugin's own and waits until it is admitted.
    private static func begin(
        _ calls: HostCalls, _ parent: Operation?, _ name: weir_bytes, _ handle: UnsafeMutablePointer<weir_handle>?
    ) throws(CallError) -> [UInt8]? {
        guard let handle else { throw CallError(WEIR_BAD_ARGUMENT, "operation is NULL") }
        let key = try Argument.text(name, "name")
        let operation = Operation(.ownWork)
        guard let number = calls.operations.insert(operation) else {
            throw CallError(WEIR_OVER_LIMIT, "plugin \(calls.name) has \(Limits.operationsMax) operations open")
        }
        let admission = Admission()
        let work: @Sendable () async -> Void = { [gate = calls.gate] in
            do {
                try await gate.track("work", key: key) {
                    admission.tell(nil)
                    let answer = await operation.serve()
                    switch answer.code {
                    case WEIR_OK: return
                    case WEIR_CANCELLED: throw CancellationError()
                    default: throw CallError(answer.code, answer.message)
                    }
                }
            } catch {
                // After the admission nobody listens any more: the gate has counted how it ended.
                admission.tell(CallError(error))
            }
        }
        // A task inherits the lineage of the operation that it is forked from, but may outlive it.
        if let parent {
            if !parent.perform({ Task { await work() } }) {
                admission.tell(CallError(WEIR_BAD_HANDLE, "the parent has ended"))
            }
        } else {
            Task { await work() }
        }
        if let refusal = admission.wait() {
            _ = calls.operations.remove(number)
            throw refusal
        }
        handle.pointee = number
        return nil
    }

    private static func end(
        _ calls: HostCalls, _ handle: UInt64, _ answer: Operation.Answer, of role: Operation.Role
    ) throws(CallError) -> [UInt8]? {
        guard let operation = calls.operations.value(handle), operation.role == role,
            calls.operations.remove(handle) != nil, operation.end(answer)
        else {
            throw CallError(
                WEIR_BAD_HANDLE, "operation \(handle) has ended, never was, or is ended by another function")
        }
        return nil
    }
}

/// Where a thread waits to hear whether its work is admitted.
private final class Admission: Sendable {
    private let answer = Mutex<CallError??>(nil)
    private let told = DispatchSemaphore(value: 0)

    /// Tells it; only the first time counts.
    func tell(_ refusal: CallError?) {
        let isFirst = answer.withLock { answer in
            guard answer == nil else { return false }
            answer = .some(refusal)
            return true
        }
        if isFirst { told.signal() }
    }

    /// Blocks until it is told; nil where the work is admitted.
    func wait() -> CallError? {
        told.wait()
        return answer.withLock { $0 } ?? nil
    }
}
