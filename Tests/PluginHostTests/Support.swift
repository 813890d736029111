import Foundation
import Glibc
import Logging
import ObjectStore
import PluginHost
import Synchronization
import Testing
import WeirIO
import WeirPluginABI
import WeirRuntime
import WorkTracking

/// Builds the C fixtures: each a library of its own, so that no two tests share its variables.
enum Fixture {
    static var folder: URL { URL(fileURLWithPath: #filePath).deletingLastPathComponent() }

    /// A fixture as a shared library; `defines` go to the compiler.
    static func library(_ source: String, _ defines: [String] = []) throws -> String {
        let output = FileManager.default.temporaryDirectory
            .appendingPathComponent("weir-plugin-\(UUID().uuidString.prefix(8)).so").path
        let header = folder.appendingPathComponent("../../Sources/WeirPluginABI/include").path
        let file = folder.appendingPathComponent("Fixtures/\(source).c").path
        try run(
            "/usr/bin/env",
            ["cc", "-std=gnu11", "-Wall", "-shared", "-fPIC", "-pthread", "-I\(header)", "-o", output]
                + defines.map { "-D\($0)" } + [file])
        return output
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments.joined(separator: " ")) failed")
    }
}

/// The functions that the behaving fixture exports beside the plugin.
struct BehavingLibrary: @unchecked Sendable {
    let path: String
    /// Immutable: the library is never unloaded. Guarded by no lock.
    private let handle: UnsafeMutableRawPointer

    init(_ path: String) throws {
        self.path = path
        handle = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
    }

    private func symbol<Function>(_ name: String, as type: Function.Type) -> Function {
        guard let found = dlsym(handle, name) else { preconditionFailure("the fixture has no \(name)") }
        return unsafeBitCast(found, to: type)
    }

    /// The host's table that the plugin got.
    var host: weir_host_v1? {
        symbol("fixture_host", as: (@convention(c) () -> UnsafePointer<weir_host_v1>?).self)()?.pointee
    }

    /// Lets go what hangs.
    func release() { symbol("fixture_release", as: (@convention(c) () -> Void).self)() }

    func number(_ name: String) -> Int32 { symbol("fixture_\(name)", as: (@convention(c) () -> Int32).self)() }

    func handle(_ name: String) -> UInt64 { symbol("fixture_\(name)", as: (@convention(c) () -> UInt64).self)() }

    /// The calls that the plugin got, in order.
    var calls: [String] {
        var text = [CChar](repeating: 0, count: 4_096)
        symbol("fixture_calls", as: (@convention(c) (UnsafeMutablePointer<CChar>, Int) -> Void).self)(&text, text.count)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
    }
}

/// A runtime with a store of objects in memory and the behaving plugin.
struct PluginNode: Sendable {
    let runtime: Runtime
    let library: BehavingLibrary
    let plugin: PluginComponent
    let log: LogLines
    let records: MemoryRecords

    static let widget = ObjectKind(group: "example.com", name: "Widget")

    init(
        _ configuration: JSONValue = [:], grants: PluginSettings.Grants = .asNeeded,
        timeout: Duration = .seconds(60), startTimeout: Duration = .seconds(60),
        shutdown: (inout ShutdownPlan) -> Void = { _ in }
    ) throws {
        var setup = RuntimeConfiguration()
        setup.signals = nil
        setup.endProcess = { _ in }
        shutdown(&setup.shutdown)
        let lines = LogLines()
        log = lines
        let logger = Logger(label: "test") { _ in LineHandler(lines: lines) }
        runtime = Runtime(setup, clock: SystemClock(), logger: logger)
        try runtime.addObjects(ObjectsComponent(MemoryStorage(), clock: SystemClock()))
        let path = try Fixture.library("behaving")
        library = try BehavingLibrary(path)
        records = MemoryRecords()
        try runtime.host("kafka") { await $0.stopRequested() }
        let settings = PluginSettings(
            path: path, configuration: configuration, grants: grants, startTimeout: startTimeout, timeout: timeout)
        plugin = try PluginComponent(
            PluginLibrary(path, disk: SystemDisk()), settings,
            services: PluginServices(objects: { [weak runtime] in runtime?.objects }, records: records),
            runtime: runtime)
        try runtime.register(plugin)
    }

    var objects: any ObjectAccess { get throws { try #require(runtime.objects) } }

    func addWidget(_ name: String) async throws {
        var widget = Object(
            apiVersion: "example.com/v1", kind: "Widget",
            metadata: ObjectMetadata(name: name, namespace: "default"))
        widget.spec = ["size": 1]
        _ = try await objects.create(widget)
    }

    func addConfigMap(_ name: String) async throws {
        _ = try await objects.create(
            Object(apiVersion: "v1", kind: "ConfigMap", metadata: ObjectMetadata(name: name, namespace: "default")))
    }

    func widget(_ name: String) async throws -> Object {
        try await objects.get(ObjectKey(Self.widget, namespace: "default", name: name))
    }

    /// Calls a host function from a thread that may block.
    func call<Value: Sendable>(_ body: @escaping @Sendable (weir_host_v1) -> Value) async throws -> Value {
        let host = SentHost(table: try #require(library.host))
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body(host.table)) }
        }
    }

    /// Immutable; the functions are thread-safe by their contract.
    private struct SentHost: @unchecked Sendable {
        var table: weir_host_v1
    }
}

/// Waits until something holds: what is waited for happens on threads that nobody can wait for otherwise.
func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ holds: () async throws -> Bool
) async throws {
    let clock = SystemClock()
    let end = clock.now + .seconds(30)
    while try await !holds() {
        guard clock.now < end else {
            Issue.record("never: \(what)", sourceLocation: sourceLocation)
            throw CancellationError()
        }
        try await clock.sleep(for: .milliseconds(2))
    }
}

/// What was logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
    func count(containing text: String) -> Int { all.count { $0.contains(text) } }
}

struct LineHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .debug
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level): \(event.message)") }
}

/// Records in memory: one partition a topic.
final class MemoryRecords: RecordAccess {
    private let topics = Mutex<[String: [StoredRecord]]>([:])

    func produce(
        topic: String, partition: Int32?, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader]
    ) async throws -> (partition: Int32, offset: Int64) {
        topics.withLock { topics in
            let offset = Int64(topics[topic, default: []].count)
            topics[topic, default: []].append(StoredRecord(offset: offset, key: key, value: value, headers: headers))
            return (0, offset)
        }
    }

    func consume(topic: String, partition: Int32, from offset: Int64, max: Int) async throws -> [StoredRecord] {
        guard let records = topics.withLock({ $0[topic] }) else {
            throw RecordAccessError(.notFound, "there is no topic \(topic)")
        }
        return Array(records.dropFirst(Int(offset)).prefix(max))
    }

    func offset(topic: String, partition: Int32, of position: Int64) async throws -> Int64 {
        position == -2 ? 0 : Int64(topics.withLock { $0[topic] ?? [] }.count)
    }
}

extension weir_host_v1 {
    /// Makes a call with texts as bytes; gives the code and the text of the result, which is released.
    func result(
        _ texts: [String], _ call: ([weir_bytes], UnsafeMutablePointer<weir_result>) -> Int32
    ) -> (code: Int32, text: String) {
        var memory: [UnsafeMutableBufferPointer<UInt8>] = []
        defer { for bytes in memory { bytes.deallocate() } }
        let arguments = texts.map { text in
            let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
            _ = bytes.initialize(from: text.utf8)
            memory.append(bytes)
            return weir_bytes(data: UnsafePointer(bytes.baseAddress), size: text.utf8.count)
        }
        var result = weir_result()
        let code = call(arguments, &result)
        var text = ""
        if let data = result.bytes.data {
            text = String(decoding: UnsafeBufferPointer(start: data, count: result.bytes.size), as: UTF8.self)
        }
        if result.handle != 0 { _ = release(host, result.handle) }
        return (code, text)
    }
}
