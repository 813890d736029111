internal import Logging
internal import ObjectStore
internal import WeirPluginABI
internal import WorkTracking

/// The table of functions that a plugin gets: C on the outside, `HostCalls` on the inside.
///
/// One function a member: it reads the arguments, asks the grants, and waits for the answer.
enum HostTable {
    typealias Result = UnsafeMutablePointer<weir_result>?

    /// The table for one plugin. It lives as long as the process: threads of a stopped plugin may still call it.
    static func make(for calls: HostCalls) -> UnsafePointer<weir_host_v1> {
        let table = UnsafeMutablePointer<weir_host_v1>.allocate(capacity: 1)
        table.initialize(to: weir_host_v1())
        table.pointee.abi_version = PluginLibrary.hostABIVersion
        table.pointee.struct_size = UInt32(MemoryLayout<weir_host_v1>.size)
        table.pointee.host = calls.handle
        fillGeneral(&table.pointee)
        fillObjects(&table.pointee)
        fillRecords(&table.pointee)
        fillWork(&table.pointee)
        return UnsafePointer(table)
    }

    private static func fillGeneral(_ table: inout weir_host_v1) {
        table.release = { host, result in
            HostTable.answer(host, .release, nil) { calls throws(CallError) in
                guard calls.results.remove(result) != nil else {
                    throw CallError(WEIR_BAD_HANDLE, "result \(result) was released, or never was")
                }
                return nil
            }
        }
        table.log = { host, level, message in
            HostTable.answer(host, .log, nil) { calls throws(CallError) in
                let cut = weir_bytes(data: message.data, size: min(message.size, Limits.logLineBytesMax))
                let line = String(decoding: try Argument.bytes(cut, "message") ?? [], as: UTF8.self)
                calls.logger.log(level: HostTable.level(level), "\(line)")
                return nil
            }
        }
        table.config = { host, result in
            HostTable.answer(host, .config, result) { calls throws(CallError) in
                guard result != nil else { throw CallError(WEIR_BAD_ARGUMENT, "result is NULL") }
                return calls.configuration
            }
        }
    }

    private static func level(_ level: Int32) -> Logger.Level {
        switch level {
        case WEIR_LOG_DEBUG: .debug
        case WEIR_LOG_INFO: .info
        case WEIR_LOG_WARNING: .warning
        case WEIR_LOG_ERROR: .error
        default: .notice
        }
    }

    // MARK: What every function does

    /// Answers one call: finds the plugin, runs `body`, and hands its bytes or its sentence over.
    static func answer(
        _ host: UInt64, _ function: HostFunction, _ result: Result,
        _ body: (HostCalls) throws(CallError) -> [UInt8]?
    ) -> Int32 {
        result?.pointee = weir_result()
        guard let calls = HostRegistry.calls(host) else { return WEIR_BAD_HANDLE }
        guard calls.state == .open else { return WEIR_STOPPED }
        calls.probe.count(function)
        do throws(CallError) {
            if let bytes = try body(calls) { try hand(bytes, to: result, calls) }
            return WEIR_OK
        } catch {
            calls.probe.countFailure(function)
            // A sentence that finds no room is lost; the code is not.
            try? hand(Array(error.message.utf8), to: result, calls)
            return error.code
        }
    }

    /// Answers one call that blocks: not from a task, whose thread others need.
    static func answerBlocking(
        _ host: UInt64, _ function: HostFunction, _ result: Result,
        _ body: (HostCalls) throws(CallError) -> [UInt8]?
    ) -> Int32 {
        answer(host, function, result) { calls throws(CallError) in
            // The tasks of a few threads carry the whole node, the one that would answer among them.
            guard withUnsafeCurrentTask(body: { $0 == nil }) else {
                throw CallError(
                    WEIR_WRONG_THREAD, "host functions block: call them from a thread of your own, not from a task")
            }
            return try body(calls)
        }
    }

    private static func hand(_ bytes: [UInt8], to result: Result, _ calls: HostCalls) throws(CallError) {
        guard let result, !bytes.isEmpty else { return }
        let memory = ResultMemory(bytes)
        guard let handle = calls.results.insert(memory) else {
            throw CallError(
                WEIR_OVER_LIMIT, "\(Limits.resultsMax) results were not released; release each after reading it")
        }
        result.pointee.bytes = weir_bytes(data: UnsafePointer(memory.bytes.baseAddress), size: bytes.count)
        result.pointee.handle = handle
    }
}
