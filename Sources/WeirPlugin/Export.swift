internal import Synchronization
internal import WeirPluginABI

/// The table that the host asks a library for; what the entry function returns.
///
/// A library exports one plugin: the first one that is asked for stays.
public func export<P: Plugin>(_ type: P.Type, _ abi: UInt32) -> UnsafeRawPointer? {
    Exported.shared.withLock { exported in
        if exported == nil { exported = Exported(type) }
        return exported.map { UnsafeRawPointer($0.table) }
    }
}

/// The plugin of this library, and its table.
///
/// `@unchecked Sendable`: immutable, and what it points to lives as long as the process.
private struct Exported: @unchecked Sendable {
    static let shared = Mutex<Exported?>(nil)

    let type: any Plugin.Type
    let table: UnsafeMutablePointer<weir_plugin_v1>

    init(_ type: any Plugin.Type) {
        self.type = type
        table = .allocate(capacity: 1)
        table.initialize(to: weir_plugin_v1())
        table.pointee.abi_version = UInt32(WEIR_ABI_VERSION)
        table.pointee.struct_size = UInt32(MemoryLayout<weir_plugin_v1>.size)
        table.pointee.manifest = Self.lasting((try? JSON.encode(type.manifest)) ?? [])
        Self.fill(&table.pointee)
    }

    /// Bytes that live as long as the process.
    private static func lasting(_ bytes: [UInt8]) -> weir_bytes {
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = memory.initialize(from: bytes)
        return weir_bytes(data: UnsafePointer(memory.baseAddress), size: bytes.count)
    }

    private static func fill(_ table: inout weir_plugin_v1) {
        table.start = { host, instance, error in
            guard let host, let instance, let type = Exported.shared.withLock({ $0?.type }) else {
                return WEIR_BAD_ARGUMENT
            }
            return Exported.attempt(error) {
                let host = Host(table: HostTable(pointer: host))
                let plugin = try type.init(host: host)
                instance.pointee = Unmanaged.passRetained(Instance(plugin, host)).toOpaque()
            }
        }
        table.hand_over = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.handOver() }
        }
        table.drain = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.drain() } }
        table.cancel = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.cancel() } }
        table.resume = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.resume() } }
        table.flush = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.flush() } }
        // The instance is never freed: threads of the plugin may still be in it.
        table.stop = { instance, error in Exported.attempt(error) { try Instance.of(instance)?.plugin.stop() } }
        table.reconcile = { instance, request, answer in
            guard let instance = Instance.of(instance), let request, let answer else { return WEIR_BAD_ARGUMENT }
            return Exported.reconcile(instance.plugin, Request(request.pointee, instance.host.table), &answer.pointee)
        }
    }

    private static func reconcile(
        _ plugin: any Plugin, _ request: Request, _ answer: inout weir_answer
    ) -> Int32 {
        do {
            switch try plugin.reconcile(request).kind {
            case .done: return WEIR_OK
            case .later: return WEIR_PENDING
            case .again(let milliseconds):
                answer.requeue_after_ms = milliseconds
                return WEIR_OK
            }
        } catch {
            say("\(error)", &answer.message)
            return error is TerminalFailure ? WEIR_TERMINAL : WEIR_FAILED
        }
    }

    private static func attempt(_ message: UnsafeMutablePointer<weir_message>?, _ body: () throws -> Void) -> Int32 {
        do {
            try body()
            return WEIR_OK
        } catch {
            if let message { say("\(error)", &message.pointee) }
            return WEIR_FAILED
        }
    }

    private static func say(_ text: String, _ message: inout weir_message) {
        guard let data = message.data else { return }
        var size = 0
        for byte in text.utf8 where size < message.capacity {
            data[size] = CChar(bitPattern: byte)
            size += 1
        }
        message.size = size
    }
}

/// A plugin that was started, behind the pointer that the host hands back.
private final class Instance: Sendable {
    let plugin: any Plugin
    let host: Host

    init(_ plugin: any Plugin, _ host: Host) {
        self.plugin = plugin
        self.host = host
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> Instance? {
        opaque.map { Unmanaged<Instance>.fromOpaque($0).takeUnretainedValue() }
    }
}
