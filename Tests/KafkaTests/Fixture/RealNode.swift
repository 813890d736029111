import Foundation
import Logging
import NIOCore
import ObjectLog
import ObjectStore
import SegmentLog
import Synchronization
import WeirIO
import WeirRuntime

@testable import Kafka

/// A whole node on real loops, a real disk and a real port, in this process.
final class RealNode {
    let runtime: Runtime
    let plugin: KafkaPlugin
    let loops: EventLoops
    let folder: String

    var endpoint: BrokerEndpoint {
        get throws {
            guard let endpoint = plugin.endpoint else {
                throw ListenerError(listener: Self.anyPort, reason: "not open")
            }
            return endpoint
        }
    }

    var bootstrap: String {
        get throws { "\(try endpoint.host):\(try endpoint.port)" }
    }

    private static let anyPort = Listener(name: "PLAINTEXT", host: "127.0.0.1", port: 0)

    init(settings: [String: String] = [:], folder: String? = nil, loopCount: Int = 2) async throws {
        let clock = SystemClock()
        let logger = Logger(label: "node") { _ in SwiftLogNoOpLogHandler() }
        self.folder = folder ?? NSTemporaryDirectory() + "weir-kafka-" + UUID().uuidString
        loops = EventLoops(count: loopCount, clock: clock)
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        // A starved machine must not end the tests.
        configuration.endProcess = { _ in }
        runtime = Runtime(configuration, clock: clock, logger: logger)
        var values = ["listeners": "PLAINTEXT://127.0.0.1:0"]
        values.merge(settings) { $1 }
        let connectionLoops = ConnectionLoops(group: loops.group) { [loops] in loops.loop(for: $0) }
        let broker = try BrokerSettings(values: values)
        let logs = LocalLogProvider(
            directory: self.folder, disk: SystemDisk(), clock: clock, nodeID: 1, logger: logger)
        let storage = try await ObjectLog.open(
            among: try await logs.list(), from: logs, on: loops.loops[0], clock: clock)
        let objects = ObjectsComponent(storage, clock: clock)
        try runtime.addObjects(objects)
        plugin = try runtime.addKafka(
            KafkaParts(
                nodeID: 1, clusterID: "real-node-of-a-test---", settings: broker, logProvider: logs,
                objects: objects.access, clock: clock, partitionLoops: loops.loops,
                connectionLoops: connectionLoops, host: runtime, logger: logger))
    }

    /// Runs `body` against a node that serves, then takes it down in stages.
    @discardableResult
    static func with<Value>(
        settings: [String: String] = [:], folder: String? = nil, _ body: (RealNode) async throws -> Value
    ) async throws -> (value: Value, report: ExitReport) {
        let node = try await RealNode(settings: settings, folder: folder)
        try await node.runtime.start()
        let result: Result<Value, any Error>
        do { result = .success(try await body(node)) } catch { result = .failure(error) }
        let report = await node.runtime.shutdown()
        try await node.loops.shutdown()
        if folder == nil { try? FileManager.default.removeItem(atPath: node.folder) }
        return (try result.get(), report)
    }
}

/// A program that was run to its end.
struct Finished {
    var status: Int32
    var output: String
    var errors: String

    /// Runs a program with `input` on its standard input.
    static func run(_ program: String, _ arguments: [String], input: String = "") async throws -> Finished {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        let ended = AsyncStream<Void>.makeStream()
        process.terminationHandler = { _ in ended.continuation.finish() }
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        async let output = text(stdout)
        async let errors = text(stderr)
        let texts = await (output, errors)
        for await _ in ended.stream {}
        return Finished(status: process.terminationStatus, output: texts.0, errors: texts.1)
    }

    private static func text(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    /// Whether the machine has the program.
    static func isInstalled(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }
}
