import Foundation
import Testing

/// `Samples/CustomReconciler`, as its users run it, with real Kafka clients.
@Suite(
    "A reconciler beside the broker", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: Script.python != nil, "WEIR_TEST_PYTHON names no python; run `make test`"))
struct CustomReconcilerTests {
    /// The sample as a process, and where it serves.
    private struct Node {
        let program: Program
        let kafka: String
        let http: String
        let folder: TemporaryFolder

        init(_ folder: TemporaryFolder, port: String = "0") throws {
            self.folder = folder
            program = try Program("CustomReconciler", [folder.path, port])
            let words = program.read(until: "\n").split(whereSeparator: \.isWhitespace)
            try #require(words.count == 3 && words[0] == "ready", "\(program.readAll(.error))")
            kafka = String(words[1].dropFirst("kafka=".count))
            http = String(words[2].dropFirst("http=".count))
        }

        var port: String { String(kafka.split(separator: ":").last ?? "") }

        func pipelines(_ words: String...) throws -> String { try Script("pipelines.py", [http] + words).run() }

        func read(_ topic: String) throws -> [String] {
            try Script(client: "read_all.py", [kafka, topic]).run().split(separator: "\n")
                .map { String($0.drop { $0 != " " }.dropFirst()) }
        }

        /// Ends it as a crash would.
        func kill() {
            program.signal(SIGKILL)
            #expect(program.exitStatus() == .killed(SIGKILL))
        }

        /// Ends it and checks what it tells of its end.
        func stop() throws {
            program.signal(SIGTERM)
            #expect(program.exitStatus() == .exited(0), "\(program.readAll(.error).suffix(2_000))")
            let file = URL(fileURLWithPath: "\(folder.path)/last-exit.json")
            let report = try JSONDecoder().decode(Report.self, from: Data(contentsOf: file))
            #expect(report.verdict == "clean")
            #expect(report.signal == "SIGTERM")
            #expect(report.components.contains { $0.name == "reconcile/pipeline" && $0.started > 0 })
            for component in report.components {
                #expect(component.inFlight == 0, "\(component.name)")
                #expect(component.abandoned == 0, "\(component.name)")
                #expect(component.cancelled == 0, "\(component.name)")
            }
        }
    }

    /// `last-exit.json`.
    private struct Report: Decodable {
        struct Component: Decodable {
            var name: String
            var inFlight: Int
            var started: Int
            var cancelled: Int
            var abandoned: Int
        }
        var verdict: String
        var signal: String?
        var components: [Component]
    }

    /// What `produce_forever.py` says at its end.
    private struct Summary: Decodable {
        var acknowledged: Int
        var left: Int
        var failed: Int
    }

    @Test("ended and killed under load and started again, has every record that was acknowledged, copied exactly once")
    func underLoad() throws {
        let folder = try TemporaryFolder()
        var node = try Node(folder)
        #expect(try node.pipelines("make", "shout", "said", "shouted") == "")
        let load = try Script(
            client: "produce_forever.py", [node.kafka, "said", "\(folder.path)/acknowledged", "--size", "40"])
        try load.start()
        for signal in [SIGTERM, SIGKILL, SIGKILL, SIGTERM] {
            // Each line is of 2,000 acknowledgements; the first says that it has started.
            try load.read(lines: 3)
            if signal == SIGTERM { try node.stop() } else { node.kill() }
            node = try Node(folder, port: node.port)
        }
        try load.read(lines: 1)
        let last = try load.finish().split(separator: "\n").last ?? ""
        let summary = try JSONDecoder().decode(Summary.self, from: Data(last.utf8))
        #expect(summary.failed == 0)
        #expect(summary.left == 0)
        let count = summary.acknowledged
        #expect(try node.pipelines("list") == "said\nshouted\n", "topics outlive the process")
        _ = try node.pipelines("until", "shout", "\(count)")
        let said = try node.read("said")
        #expect(said.count == count)
        #expect(Set(said.map { $0.prefix(12) }).count == count, "each of them once")
        #expect(try node.read("shouted") == said.map { $0.uppercased() })
        try node.stop()
    }

    @Test("makes topics, copies what is wanted, and takes its topics with it")
    func cascade() throws {
        let node = try Node(try TemporaryFolder())
        #expect(try node.pipelines("make", "some", "all", "some", "7 ") == "")
        #expect(try node.pipelines("make", "other", "in", "out") == "")
        let count = 500
        _ = try Script(
            client: "produce_forever.py",
            [node.kafka, "all", "\(node.folder.path)/acknowledged", "--count", "\(count)", "--size", "20"]
        ).run()
        // As after a crash between a copy and the status: what the copies say counts.
        for _ in 0..<2 {
            _ = try node.pipelines("until", "some", "\(count)")
            _ = try node.pipelines("forget", "some")
        }
        _ = try node.pipelines("until", "some", "\(count)")
        let wanted = try node.read("all").filter { $0.contains("7 ") }
        #expect(wanted.count == count / 10)
        #expect(try node.read("some") == wanted.map { $0.uppercased() })
        _ = try node.pipelines("delete", "some", "all", "some")
        #expect(try node.pipelines("list") == "in\nout\n", "those of others stay")
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(node.folder.path)/topics")
        #expect(!names.contains("all-0") && !names.contains("some-0"), "\(names)")
        // The name is free for another one.
        #expect(try node.pipelines("make", "some", "all", "some") == "")
        #expect(try node.read("some") == [])
        try node.stop()
    }

    @Test("leaves a topic alone that is not its own, and refuses what is no pipeline")
    func refusals() throws {
        let node = try Node(try TemporaryFolder())
        #expect(try node.pipelines("make", "first", "a", "b") == "")
        #expect(try node.pipelines("make", "second", "b", "c") == "")
        let message = try node.pipelines("fails", "second")
        #expect(message.contains("topic 'b' belongs to Pipeline 'first'"), "\(message)")
        #expect(try node.pipelines("make", "third", "", "c").hasPrefix("422 "))
        let second = try Program.run("CustomReconciler", [node.folder.path, "0"])
        #expect(second.status == .exited(78))
        #expect(second.complaints.contains("process \(node.program.pid) uses the data folder"))
        try node.stop()
    }
}

/// A python script that drives a node.
private final class Script {
    static var python: String? { ProcessInfo.processInfo.environment["WEIR_TEST_PYTHON"] }

    struct Failed: Error {
        var said: String
    }

    private let process = Process()
    private let input = Foundation.Pipe()
    private let output = Foundation.Pipe()
    private let errors: TemporaryFolder
    private let errorFile: String
    private var unread: [UInt8] = []

    /// A script of the samples' tests.
    convenience init(_ name: String, _ arguments: [String]) throws {
        try self.init(path: "Tests/Samples/Scripts/\(name)", arguments)
    }

    /// A script of the clients' tests.
    convenience init(client name: String, _ arguments: [String]) throws {
        try self.init(path: "Tests/Clients/Scripts/\(name)", arguments)
    }

    private init(path: String, _ arguments: [String]) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let script = tests.deletingLastPathComponent().appendingPathComponent(path)
        errors = try TemporaryFolder()
        errorFile = try errors.write("stderr", "")
        process.executableURL = URL(fileURLWithPath: Self.python ?? "")
        process.arguments = [script.path] + arguments
        // A node that is started meanwhile must not hold the pipe open.
        for end in [input.fileHandleForWriting, output.fileHandleForReading] {
            _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: errorFile)
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func start() throws { try process.run() }

    /// Waits for so many more lines of its output.
    func read(lines count: Int) throws {
        var left = count
        while left > 0 {
            guard let end = unread.firstIndex(of: 10) else {
                let more = output.fileHandleForReading.availableData
                guard !more.isEmpty else { throw Failed(said: complaints) }
                unread += more
                continue
            }
            unread.removeFirst(end + 1)
            left -= 1
        }
    }

    /// Closes its input and waits for its end; the rest of what it printed.
    func finish() throws -> String {
        try input.fileHandleForWriting.close()
        unread += output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: unread, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failed(said: complaints + text) }
        return text
    }

    func run() throws -> String {
        try start()
        return try finish()
    }

    private var complaints: String { (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? "" }
}
