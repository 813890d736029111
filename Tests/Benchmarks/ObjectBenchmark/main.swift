import Glibc
import ObjectStore
import WeirRuntime

// What objects in memory cost: verbs through the store with its rules, one caller, and how soon watchers see writes.
// Each line is `name = value`.
//
// `object-benchmark [objects [verb...]]`: with verbs only those, and no watches, as a profiler wants it.

let clock = ProcessClock()
let verbs = Set(CommandLine.arguments.dropFirst(2))

/// CPU nanoseconds that this process has used.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// The fastest of some runs: how many turns a second, and CPU nanoseconds a turn.
func measure(_ name: String, _ turns: Int, runs: Int = 5, _ body: (Int) async throws -> Void) async rethrows {
    guard verbs.isEmpty || verbs.contains(name) else { return }
    var wall = Double.infinity
    var cpu = Double.infinity
    for run in 0..<runs {
        let begin = (clock.now, cpuNanoseconds())
        for turn in 0..<turns { try await body(run * turns + turn) }
        wall = min(wall, Double((clock.now - begin.0).nanoseconds) / Double(turns))
        cpu = min(cpu, (cpuNanoseconds() - begin.1) / Double(turns))
    }
    print("memory: \(name) = \(Int(1e9 / wall)) a second, \(Int(cpu)) ns CPU each")
}

func object(_ name: String, in namespace: String = "default", value: Int64 = 0) -> Object {
    Object(
        apiVersion: "example.com/v1", kind: "Widget",
        metadata: ObjectMetadata(name: name, namespace: namespace, labels: ["app": "bench"]),
        content: ["spec": ["size": .integer(value), "color": "red"]])
}

let count = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 100_000
let names = (0..<count).map { "object-\($0 &* 7_919 % count)" }
let store = ObjectStore(MemoryStorage(), configuration: ObjectStore.Configuration(kinds: .any))
let keys = names.map { object($0).key }

// Made beforehand, so that what is measured is the store, not the making of objects. Each run writes the other one.
let variants = (0..<2).map { variant in names.map { object($0, value: Int64(variant)) } }
let statuses = (0..<2).map { variant in
    variants[0].map { object in
        var object = object
        object.status = ["seen": .integer(Int64(variant))]
        return object
    }
}

try await measure("create", count, runs: 1) { turn in _ = try await store.create(variants[0][turn % count]) }
try await measure("get", count) { turn in _ = try await store.get(keys[turn % count]) }
try await measure("update", count) { turn in
    _ = try await store.update(variants[(turn / count + 1) % 2][turn % count], .main)
}
try await measure("status", count) { turn in
    _ = try await store.update(statuses[turn / count % 2][turn % count], .status)
}
try await measure("merge patch", count, runs: 3) { turn in
    _ = try await store.patch(
        keys[turn % count], .merge(["spec": ["size": .integer(Int64(turn + 1_000_000))]]), .main)
}
try await measure("list of 500 of 100,000", 200) { _ in
    _ = try await store.list(ListQuery(ObjectSelection(kind: keys[0].kind), limit: 500))
}
try await measure("delete", count, runs: 1) { turn in _ = try await store.delete(keys[turn % count], DeleteOptions()) }

// MARK: Watches

/// How late events came, in nanoseconds.
actor Delays {
    private var all: [Int64] = []

    func add(_ delays: [Int64]) { all += delays }

    func text() -> String {
        let sorted = all.sorted()
        func at(_ share: Double) -> String {
            let nanoseconds = sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
            return "\(nanoseconds / 1_000) us"
        }
        return "p50 \(at(0.5)), p99 \(at(0.99)), p99.9 \(at(0.999)), longest \(at(1)), of \(sorted.count) events"
    }
}

func follow(_ stream: WatchStream, _ delays: Delays) async throws {
    var seen: [Int64] = []
    while let events = try await stream.nextBatch() {
        let now = clock.now.nanoseconds
        for event in events {
            guard let sent = event.object?.spec?["size"]?.integerValue else { continue }
            seen.append(now - sent)
        }
    }
    await delays.add(seen)
}

guard verbs.isEmpty else { exit(0) }
let watched = MemoryStorage()
let watchedStore = ObjectStore(watched, configuration: ObjectStore.Configuration(kinds: .any))
let delays = Delays()
let writes = 10_000
let cpuBefore = cpuNanoseconds()
try await withThrowingTaskGroup(of: Void.self) { group in
    for number in 0..<1_000 {
        let selection = ObjectSelection(kind: keys[0].kind, namespace: "ns-\(number)")
        let stream = try await watchedStore.watch(WatchQuery(selection), after: .zero)
        group.addTask { try await follow(stream, delays) }
    }
    for _ in 0..<50 {
        let stream = try await watchedStore.watch(WatchQuery(ObjectSelection()), after: .zero)
        group.addTask { try await follow(stream, delays) }
    }
    group.addTask {
        let begin = clock.now
        for number in 0..<writes {
            try await clock.sleep(until: begin + .milliseconds(number))
            let namespace = "ns-\(number * 7_919 % 1_000)"
            _ = try await watchedStore.create(
                object("o\(number)", in: namespace, value: clock.now.nanoseconds))
        }
        try await watched.close()
    }
    try await group.waitForAll()
}
let share = (cpuNanoseconds() - cpuBefore) / 10e9
print("watches: 1,000 of a namespace each and 50 of everything, 1,000 writes a second =", await delays.text())
print("watches: CPU = \(Int(share * 100)) % of a core")
