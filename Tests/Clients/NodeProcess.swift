import Foundation
import Glibc
import Testing

/// The release build of `weir` as a process of its own, on free ports, in a temporary folder.
final class NodeProcess {
    private struct Endpoints: Decodable {
        var pid: Int32
    }

    let folder: URL
    let kafka: String
    let http: String
    /// Seconds from the start of the process to its ready line.
    let readySeconds: Double
    private let process: ChildProcess

    var pid: Int32 { process.pid }
    var kafkaPort: UInt16 { UInt16(kafka.split(separator: ":").last ?? "") ?? 0 }
    var server: String { "http://\(http)" }
    /// Everything that the node wrote on its standard error.
    var log: String { (try? String(contentsOf: folder.appendingPathComponent("stderr.log"), encoding: .utf8)) ?? "" }

    /// Starts a node and waits for its ready line; its endpoints file proves that the listener is its own.
    init(folder: URL? = nil, arguments: [String] = [], kafkaPort: UInt16 = 0) throws {
        self.folder = folder ?? Self.temporaryFolder()
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let begin = monotonicSeconds()
        process = try ChildProcess(
            try Program.weir(),
            ["serve", "--data-dir", self.folder.path, "--kafka-port", "\(kafkaPort)", "--http-port", "0"] + arguments,
            errors: self.folder.appendingPathComponent("stderr.log"))
        let line = process.readLine() ?? ""
        readySeconds = monotonicSeconds() - begin
        let words = line.split(separator: " ")
        guard words.count == 3, words[0] == "ready" else {
            let said =
                (try? String(contentsOf: self.folder.appendingPathComponent("stderr.log"), encoding: .utf8)) ?? ""
            throw Failure("weir serve printed '\(line)' and ended with \(process.wait()): \(said)")
        }
        kafka = String(words[1].dropFirst("kafka=".count))
        http = String(words[2].dropFirst("http=".count))
        let file = self.folder.appendingPathComponent("endpoints.json")
        let endpoints = try JSONDecoder().decode(Endpoints.self, from: Data(contentsOf: file))
        try #require(endpoints.pid == process.pid)
    }

    func signal(_ number: Int32) {
        process.signal(number)
    }

    /// Sends `signal` and waits for the end: the exit code (or the negative signal), and how long it took.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> (status: Int32, seconds: Double) {
        let begin = monotonicSeconds()
        process.signal(signal)
        let status = process.wait()
        return (status, monotonicSeconds() - begin)
    }

    /// What the node wrote about its last end.
    func exitReport() throws -> ExitReportFile {
        let file = folder.appendingPathComponent("last-exit.json")
        return try JSONDecoder().decode(ExitReportFile.self, from: Data(contentsOf: file))
    }

    static func temporaryFolder() -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("weir-test-\(UUID().uuidString.prefix(8))")
    }

    func removeFolder() {
        try? FileManager.default.removeItem(at: folder)
    }
}

/// `last-exit.json`, as its readers know it.
struct ExitReportFile: Decodable {
    struct Stage: Decodable {
        var name: String
        var durationMs: Double
        var outcome: String
    }

    struct Component: Decodable {
        var name: String
        var inFlight: Int
        var peak: Int
        var started: UInt64
        var succeeded: UInt64
        var failed: UInt64
        var cancelled: UInt64
        var abandoned: UInt64
        var rejected: [String: UInt64]
        var drainMs: Double
    }

    var verdict: String
    var exitCode: Int32
    var signal: String?
    var durationMs: Double
    var stages: [Stage]
    var components: [Component]
}

/// The programs that the tests drive; `make test` names them in the environment.
enum Program {
    static var isBuilt: Bool { ProcessInfo.processInfo.environment["WEIR_BINARY"] != nil }

    static func weir() throws -> String {
        try #require(
            ProcessInfo.processInfo.environment["WEIR_BINARY"], "WEIR_BINARY names no program; run `make test`")
    }

    static func python() throws -> String {
        try #require(ProcessInfo.processInfo.environment["WEIR_TEST_PYTHON"], "WEIR_TEST_PYTHON names no python")
    }

    /// The Python that has Quix Streams, which wants an older librdkafka than the rest.
    static func streamsPython() throws -> String {
        try #require(
            ProcessInfo.processInfo.environment["WEIR_TEST_STREAMS_PYTHON"],
            "WEIR_TEST_STREAMS_PYTHON names no python; run `make test`")
    }

    /// A script beside the tests.
    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Scripts/\(name)").path
    }

    /// The folder with the conformance clients; nil where it is not there.
    static var conformance: String? {
        guard let folder = ProcessInfo.processInfo.environment["WEIR_TEST_CONFORMANCE"] else { return nil }
        return FileManager.default.fileExists(atPath: folder + "/clients/clients_smoke.py") ? folder : nil
    }

    /// Runs a weir command.
    static func weir(_ arguments: String...) throws -> String {
        try ChildProcess.run(try weir(), arguments)
    }
}
