import Glibc
import Logging
import ObjectStore
import SQLiteStorage
import Synchronization
import WeirRuntime

// What a process pays until its first objects are written and read, over one of the same libraries that does nothing.
// Without an argument it measures itself; each line is `name = value`, and scripts/bench prints them. Goals: 10 ms with
// objects in memory, 25 ms with SQLite.

struct Sample: Resource {
    static let definition = KindDefinition("example.com/v1", "Sample")
    struct Spec: Codable, Sendable {
        var size: Int
    }
    var metadata: ObjectMetadata
    var spec: Spec
}

func createAndGet(_ storage: any Storage) async throws {
    let store = ObjectStore(storage)
    store.register(Sample.definition)
    let client = Client(store)
    try await client.create(Sample(metadata: ObjectMetadata(name: "a"), spec: Sample.Spec(size: 1)))
    let found = try await client.get(Sample.self, "a")
    precondition(found.spec.size == 1, "what was written is what is read")
    try await storage.close()
}

/// The same with a runtime around it, from its start to its end.
func createAndGetHosted() async throws {
    let runtime = Runtime(logger: Logger(label: "start") { _ in SwiftLogNoOpLogHandler() })
    let objects = ObjectsComponent(MemoryStorage())
    objects.store.register(Sample.definition)
    try runtime.addObjects(objects)
    let report = try await runtime.run {
        let client = Client(objects.access)
        try await client.create(Sample(metadata: ObjectMetadata(name: "a"), spec: Sample.Spec(size: 1)))
        _ = try await client.get(Sample.self, "a")
        runtime.beginShutdown()
    }
    exit(report.exitCode)
}

/// Milliseconds from the start of this program with the arguments to its end.
func run(_ arguments: [String]) -> Double {
    var argv: [UnsafeMutablePointer<CChar>?] = (["/proc/self/exe"] + arguments).map { strdup($0) } + [nil]
    defer { for text in argv { free(text) } }
    var begin = timespec()
    clock_gettime(CLOCK_MONOTONIC, &begin)
    var pid: pid_t = 0
    precondition(posix_spawn(&pid, "/proc/self/exe", nil, nil, &argv, environ) == 0, "it can start itself")
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    precondition(status == 0, "the program that is measured works: \(arguments)")
    return Double(end.tv_sec - begin.tv_sec) * 1e3 + Double(end.tv_nsec - begin.tv_nsec) / 1e6
}

func text(_ milliseconds: Double) -> String { "\((milliseconds * 100).rounded() / 100) ms" }

func measure() {
    let folder = "/tmp/weir-start-\(getpid())"
    mkdir(folder, 0o755)
    let ways: [(name: String, arguments: (Int) -> [String])] = [
        ("empty", { _ in ["empty"] }), ("memory", { _ in ["memory"] }), ("runtime", { _ in ["runtime"] }),
        ("sqlite", { ["sqlite", "\(folder)/\($0).db"] }),
    ]
    var times = ways.map { _ in [Double]() }
    for turn in 0..<41 {
        for (index, way) in ways.enumerated() { times[index].append(run(way.arguments(turn))) }
        for suffix in ["", "-wal", "-shm"] { unlink("\(folder)/\(turn).db\(suffix)") }
    }
    rmdir(folder)
    // The fastest of each: the others were disturbed.
    let best = times.map { $0.min() ?? .infinity }
    print("start: an empty program with the same libraries =", text(best[0]))
    print("start: memory, create and get, over the empty program =", text(best[1] - best[0]))
    print("start: the same hosted by a runtime and drained, over the empty program =", text(best[2] - best[0]))
    print("start: SQLite with a new file, create and get, over the empty program =", text(best[3] - best[0]))
}

switch CommandLine.arguments.dropFirst().first {
case nil: measure()
case "memory": try await createAndGet(MemoryStorage())
case "runtime": try await createAndGetHosted()
case "sqlite": try await createAndGet(SQLiteStorage.open(CommandLine.arguments[2], clock: ProcessClock()))
default: break
}
