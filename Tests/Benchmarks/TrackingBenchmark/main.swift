import Glibc
import ObjectStore
import WorkTracking

// What tracking costs over the direct call, in CPU time of this thread, both in one run. Each line is `name = value`;
// scripts/bench prints them. Goals: 15 ns a synchronous call, 150 ns an asynchronous one.

/// CPU nanoseconds that this thread has used.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func text(_ nanoseconds: Double) -> String {
    "\((nanoseconds * 10).rounded() / 10) ns"
}

/// A storage that does next to nothing, so that what is measured is what stands around it.
struct OneObject: Storage {
    let object: Object

    @inline(never)
    func get(_ key: ObjectKey) async throws -> Object? { object }
    func list(_ query: ListQuery) async throws -> ObjectPage { ObjectPage(objects: [], resourceVersion: .zero) }
    func create(_ object: Object) async throws -> Object { object }
    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object { object }
    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object { object }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        throw ObjectError(.badRequest, "nothing to watch")
    }
    @inline(never)
    func currentVersion() async throws -> ResourceVersion { ResourceVersion(7) }
    func close() async throws {}
}

/// The same, synchronous: work of some nanoseconds, which the optimiser cannot drop.
@inline(never)
func direct(_ input: Int) -> Int {
    var value = UInt64(truncatingIfNeeded: input)
    for _ in 0..<20 { value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
    return Int(truncatingIfNeeded: value)
}

@inline(never)
func directAsync(_ input: Int) async -> Int { direct(input) }

/// Runs two ways of doing one thing in turns, and prints what the second costs over the first: the fastest of nine
/// turns each, because the others were disturbed.
func compare(_ name: String, _ turns: Int, _ plain: (Int) async throws -> Void, _ tracked: (Int) async throws -> Void)
    async throws
{
    var best = (plain: Double.infinity, tracked: Double.infinity)
    for _ in 0..<9 {
        var begin = cpuNanoseconds()
        try await plain(turns)
        best.plain = min(best.plain, (cpuNanoseconds() - begin) / Double(turns))
        begin = cpuNanoseconds()
        try await tracked(turns)
        best.tracked = min(best.tracked, (cpuNanoseconds() - begin) / Double(turns))
    }
    print("tracking: \(name), over the direct call, CPU =", text(best.tracked - best.plain), "on", text(best.plain))
}

let registry = WorkRegistry()
let gate = try registry.register("bench")
let listed = try registry.register("listed", GateOptions(slowOperations: .listed))
nonisolated(unsafe) var sink = 0

try await compare("synchronous call", 1_000_000) { turns in
    for turn in 0..<turns { sink &+= direct(turn) }
} _: { turns in
    for turn in 0..<turns { sink &+= try gate.trackNow("bench") { direct(turn) } }
}
try await compare("async call", 500_000) { turns in
    for turn in 0..<turns { sink &+= await directAsync(turn) }
} _: { turns in
    for turn in 0..<turns {
        sink &+= try await gate.track("bench", lineage: .leaf) { await directAsync(turn) }
    }
}
try await compare("async call that vouches for what it begins", 200_000) { turns in
    for turn in 0..<turns { sink &+= await directAsync(turn) }
} _: { turns in
    for turn in 0..<turns {
        sink &+= try await gate.track("bench") { await directAsync(turn) }
    }
}

let key = ObjectKey(ObjectKind(group: "", name: "ConfigMap"), namespace: "default", name: "settings")
let storage = OneObject(
    object: Object(apiVersion: "v1", kind: "ConfigMap", metadata: ObjectMetadata(name: "settings")))
/// As the object store holds it: the type is not known where it is called.
func call(_ storage: any Storage, _ turns: Int) async throws {
    for _ in 0..<turns { sink &+= try await storage.get(key) == nil ? 0 : 1 }
}
func callVersion(_ storage: any Storage, _ turns: Int) async throws {
    for _ in 0..<turns { sink &+= Int(try await storage.currentVersion().value) }
}
let tracked = TrackedStorage(storage, gate: gate)
let trackedListed = TrackedStorage(storage, gate: listed)
try await compare("get of a tracked storage", 500_000) {
    try await call(storage, $0)
} _: {
    try await call(tracked, $0)
}
try await compare("version of a tracked storage", 500_000) {
    try await callVersion(storage, $0)
} _: {
    try await callVersion(tracked, $0)
}
try await compare("get of a tracked storage that lists its operations", 500_000) {
    try await call(storage, $0)
} _: {
    try await call(trackedListed, $0)
}
if sink == 1 { print("") }
