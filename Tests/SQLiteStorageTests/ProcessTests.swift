import Foundation
import GRDB
import ObjectStore
import SQLiteStorage
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// Several processes on one file: `weir-storage-writer`, and the test itself.
///
/// WEIR_TEST_SECONDS says how long they write.
@Suite("Processes that share a file", .serialized, .timeLimit(.minutes(5)))
struct ProcessTests {
    private static var seconds: Double { environment("WEIR_TEST_SECONDS").flatMap(Double.init) ?? 3 }
    private static var seed: UInt64 { environment("WEIR_TEST_SEED").flatMap { UInt64($0) } ?? 20_261_121 }

    private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    @Test("lose no update, and each sees every change once and in order")
    func sharing() async throws {
        let field = try await Field(seed: Self.seed)
        for _ in 0..<4 { try field.startWriter() }
        try await SystemClock().sleep(for: .milliseconds(Int64(Self.seconds * 1000)))
        let outcome = try await field.end()

        for writer in field.writers {
            #expect(writer.exitStatus == 0, "seed \(Self.seed), \(writer.name): \(writer.lines.suffix(3))")
        }
        let seen = Set(field.writers.compactMap(\.seen) + [outcome.seen])
        #expect(seen.count == 1, "each process has seen the same changes: \(seen)")
        #expect(field.writers.allSatisfy { $0.seen != nil })
        for (counter, value) in outcome.counters {
            let acknowledged = field.acknowledged(counter)
            #expect(acknowledged.sorted() == Array(1...max(1, value)), "seed \(Self.seed), \(counter)")
        }
        print("sharing: \(outcome.revision) changes in \(Self.seconds) s, \(field.acknowledgedCount) counter updates")
        try field.checkFile(upTo: outcome.revision)
    }

    @Test("go on where one of them is killed at any moment")
    func kills() async throws {
        let field = try await Field(seed: Self.seed)
        var random = SeededRandom(seed: Self.seed)
        for _ in 0..<4 { try field.startWriter() }
        let kills = max(8, Int(Self.seconds * 2))
        for _ in 0..<kills {
            try await SystemClock().sleep(for: .milliseconds(Int64.random(in: 20...350, using: &random)))
            field.killWriter(using: &random)
            try field.startWriter()
        }
        // The last ones too get to write something.
        try await SystemClock().sleep(for: .milliseconds(200))
        let outcome = try await field.end()

        for writer in field.writers {
            let expected = writer.wasKilled ? SIGKILL : 0
            #expect(writer.exitStatus == expected, "seed \(Self.seed), \(writer.name): \(writer.lines.suffix(3))")
        }
        let survivors = field.writers.filter { !$0.wasKilled }
        #expect(Set(survivors.compactMap(\.seen) + [outcome.seen]).count == 1)
        var unacknowledged = 0
        for (counter, value) in outcome.counters {
            let acknowledged = field.acknowledged(counter)
            #expect(
                Set(acknowledged).count == acknowledged.count, "seed \(Self.seed): an update of \(counter) was lost")
            #expect(acknowledged.max() ?? 0 <= value, "seed \(Self.seed): what was acknowledged of \(counter) is gone")
            unacknowledged += Int(value) - acknowledged.count
        }
        // One that is killed may have written what it did not live to tell: one write a task.
        #expect(unacknowledged <= kills * Field.tasks)
        print("kills: \(kills), \(outcome.revision) changes, \(unacknowledged) updates that nobody was told of")
        try field.checkFile(upTo: outcome.revision)
    }
}

/// A file, the processes that write it, and the test's own storage on it.
private final class Field {
    static let tasks = 4
    private static let counters = ["a", "b", "c"]

    struct Outcome {
        var revision: UInt64
        var counters: [(String, Int64)]
        var seen: String
    }

    let folder: Folder
    private let storage: SQLiteStorage
    private let watching: Task<String, any Error>
    private(set) var writers: [WriterProcess] = []
    private var random: SeededRandom

    init(seed: UInt64) async throws {
        random = SeededRandom(seed: seed ^ 0xf1e1d)
        folder = try Folder()
        let storage = try await folder.open { $0.historyMax = 1 << 24 }
        self.storage = storage
        for counter in Self.counters {
            _ = try await storage.create(
                Object(
                    apiVersion: "test/v1", kind: "Counter",
                    metadata: ObjectMetadata(name: counter, namespace: "default"), content: ["spec": ["value": 0]]))
        }
        let stream = try await storage.watch(everything, after: .zero)
        watching = Task {
            var count: UInt64 = 0
            var digest: UInt64 = 0xcbf2_9ce4_8422_2325
            for try await event in stream {
                #expect(event.resourceVersion.value == count + 1)
                count += 1
                for byte in "\(count) \(event.change.rawValue) \(event.object?.key.description ?? "")".utf8 {
                    digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
                }
                if event.object?.kind == "Control", event.object?.metadata.name == "finish" { break }
            }
            return "seen \(count) \(digest)"
        }
    }

    func startWriter() throws {
        let name = "w\(writers.count)"
        writers.append(
            try WriterProcess(
                name, folder, arguments: [folder.file(), name, String(Self.tasks), String(random.next() >> 1)]))
    }

    func killWriter(using random: inout SeededRandom) {
        let living = writers.filter { !$0.wasKilled }
        living[Int.random(in: 0..<living.count, using: &random)].kill()
    }

    /// Tells the writers to stop, waits for them, and reads what is there.
    func end() async throws -> Outcome {
        _ = try await storage.create(control("stop"))
        for writer in writers where !writer.wasKilled { try await wait(for: writer) }
        let finish = try await storage.create(control("finish"))
        for writer in writers {
            while writer.isRunning { try await SystemClock().sleep(for: .milliseconds(5)) }
        }
        let seen = try await watching.value
        var counters: [(String, Int64)] = []
        for name in Self.counters {
            let key = ObjectKey(ObjectKind(group: "test", name: "Counter"), namespace: "default", name: name)
            counters.append((name, try await storage.get(key)?.spec?["value"]?.integerValue ?? 0))
        }
        try await storage.close()
        return Outcome(revision: finish.metadata.resourceVersion?.value ?? 0, counters: counters, seen: seen)
    }

    private func control(_ name: String) -> Object {
        Object(apiVersion: "test/v1", kind: "Control", metadata: ObjectMetadata(name: name, namespace: "default"))
    }

    /// Returns when the writer has said that it is done, or has ended without.
    private func wait(for writer: WriterProcess) async throws {
        let key = ObjectKey(ObjectKind(group: "test", name: "Done"), namespace: "default", name: writer.name)
        while try await storage.get(key) == nil, writer.isRunning {
            try await SystemClock().sleep(for: .milliseconds(10))
        }
    }

    func acknowledged(_ counter: String) -> [Int64] {
        writers.flatMap { writer in
            writer.lines.compactMap { line in
                let words = line.split(separator: " ")
                return words.count == 3 && words[0] == "ack" && words[1] == counter ? Int64(words[2]) : nil
            }
        }
    }

    var acknowledgedCount: Int { Self.counters.map { acknowledged($0).count }.reduce(0, +) }

    /// The file is sound, and holds every revision once.
    func checkFile(upTo revision: UInt64) throws {
        let found = try folder.connection().read { database in
            try ["PRAGMA integrity_check", "SELECT count(*) FROM change", "SELECT max(revision) FROM change"]
                .map { try String.fetchOne(database, sql: $0) }
        }
        #expect(found == ["ok", String(revision), String(revision)])
    }
}

/// A process of `weir-storage-writer`, whose lines go to a file.
private final class WriterProcess {
    let name: String
    private let process = Process()
    private let output: String
    private(set) var wasKilled = false

    init(_ name: String, _ folder: Folder, arguments: [String]) throws {
        self.name = name
        output = folder.file("\(name).txt")
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let test = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        process.executableURL = URL(fileURLWithPath: test).deletingLastPathComponent()
            .appendingPathComponent("weir-storage-writer")
        process.arguments = arguments
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardOutput = file
        process.standardError = file
        try process.run()
    }

    deinit { if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) } }

    var isRunning: Bool { process.isRunning }
    var exitStatus: Int32 { process.terminationStatus }

    var lines: [Substring] {
        ((try? String(contentsOfFile: output, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    var seen: String? { lines.last { $0.hasPrefix("seen ") }.map(String.init) }

    func kill() {
        wasKilled = true
        Glibc.kill(process.processIdentifier, SIGKILL)
    }
}
