import Glibc
import ObjectStore
import SQLiteStorage
import Synchronization
import WeirIO
import WeirRuntime
import WeirSimulation

/// Writes to a file that others write to at the same moment, and watches it: what the tests of SQLiteStorage start
/// several of, and kill.
///
///     weir-storage-writer FILE ID TASKS SEED
///
/// Each task adds 1 to counters (`Counter` objects, which are there) by compare-and-swap, and creates and deletes
/// objects of its own. Every success is a line on standard output, written before the next write begins: `ack COUNTER
/// VALUE`. The watch sees all objects from the first change on; a change that is missing, doubled or out of order ends
/// the process with status 3. The object `Control/stop` ends the writing, which `Done/ID` tells; `Control/finish` ends
/// the process, which tells how many events it has seen, and their digest: `seen COUNT DIGEST`.
@main
struct WeirStorageWriter {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let tasks = Int(arguments[3]), let seed = UInt64(arguments[4]) else {
            say("usage: weir-storage-writer FILE ID TASKS SEED", to: 2)
            exit(64)
        }
        var configuration = SQLiteStorage.Configuration()
        configuration.historyMax = 1 << 24
        let storage = try await SQLiteStorage.open(arguments[1], configuration: configuration, clock: SystemClock())
        let stop = StopFlag()
        var random = SeededRandom(seed: seed)
        let writers = (0..<tasks).map { task in
            CounterWriter(storage, name: "\(arguments[2])-\(task)", random: random.split())
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch(storage, stop) }
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for var writer in writers {
                        group.addTask { try await writer.run(until: stop) }
                    }
                    try await group.waitForAll()
                }
                _ = try await storage.create(object("Done", arguments[2]))
            }
            try await group.waitForAll()
        }
        try await storage.close()
    }

    /// Checks every change until `Control/finish`.
    private static func watch(_ storage: SQLiteStorage, _ stop: StopFlag) async throws {
        var log = WatchLog()
        for try await event in try await storage.watch(WatchQuery(ObjectSelection()), after: .zero) {
            if let problem = log.take(event) {
                say("broken: \(problem)")
                exit(3)
            }
            guard event.object?.kind == "Control" else { continue }
            if event.object?.metadata.name == "stop" { stop.raise() }
            if event.object?.metadata.name == "finish" { break }
        }
        say("seen \(log.count) \(log.digest)")
    }
}

/// Whether the writing is over.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    var isRaised: Bool { flag.load(ordering: .relaxed) }

    func raise() { flag.store(true, ordering: .relaxed) }
}

/// What a watch of everything has seen: each change once, and in order.
struct WatchLog {
    private(set) var count: UInt64 = 0
    /// FNV-1a over versions, kinds of change and keys.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Takes the next event; returns what is wrong with it.
    mutating func take(_ event: WatchEvent) -> String? {
        guard event.resourceVersion.value == count + 1 else {
            return "change \(event.resourceVersion) came after \(count)"
        }
        count += 1
        for byte in "\(count) \(event.change.rawValue) \(event.object?.key.description ?? "")".utf8 {
            digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        return nil
    }
}

/// One task that writes.
struct CounterWriter {
    private let storage: SQLiteStorage
    private let name: String
    private var random: SeededRandom
    private var made: [ObjectKey] = []
    private var madeCount = 0

    init(_ storage: SQLiteStorage, name: String, random: SeededRandom) {
        self.storage = storage
        self.name = name
        self.random = random
    }

    mutating func run(until stop: StopFlag) async throws {
        let counters = try await storage.list(
            ListQuery(ObjectSelection(kind: ObjectKind(group: "test", name: "Counter")))
        )
        .objects.map(\.key)
        while !stop.isRaised {
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                madeCount += 1
                made.append(try await storage.create(object("Item", "\(name)-\(madeCount)")).key)
            case 1 where !made.isEmpty:
                _ = try await storage.delete(made.removeLast(), if: .none)
            default:
                try await add(to: counters[Int.random(in: 0..<counters.count, using: &random)])
            }
        }
    }

    /// Adds 1, unless somebody else was quicker.
    private func add(to key: ObjectKey) async throws {
        guard var counter = try await storage.get(key) else { preconditionFailure("counters are never removed") }
        let value = (counter.spec?["value"]?.integerValue ?? 0) + 1
        counter.spec = ["value": .integer(value)]
        do {
            _ = try await storage.update(counter, if: Preconditions(resourceVersion: counter.metadata.resourceVersion))
            say("ack \(key.name) \(value)")
        } catch let error as ObjectError where error.reason == .conflict {}
    }
}

/// An object of the test.
func object(_ kind: String, _ name: String) -> Object {
    Object(apiVersion: "test/v1", kind: kind, metadata: ObjectMetadata(name: name, namespace: "default"))
}

/// Writes a line at once: a process that is killed has told what it was told.
func say(_ line: String, to descriptor: Int32 = 1) {
    let bytes = Array("\(line)\n".utf8)
    var written = 0
    while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        written += count
    }
}
