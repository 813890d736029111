import Glibc
import Logging
import ObjectLog
import ObjectStore
import SegmentLog
import WeirIO
import WeirRuntime

// What objects in a log cost, on a real directory with real syncs. Each line is `object log: what = figure`. Arguments:
// the directory (default: a new one in TMPDIR), then how many writes a figure is made of.

let clock = SystemClock()
let arguments = CommandLine.arguments
let directory = arguments.count > 1 ? arguments[1] : "/tmp/weir-object-log-benchmark.\(getpid())"
let writeCount = arguments.count > 2 ? Int(arguments[2]) ?? 100_000 : 100_000

/// CPU nanoseconds that this process has used, on all threads.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func report(_ what: String, _ figure: String) { print("object log: \(what) = \(figure)") }
func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

/// An object of about 300 bytes of JSON.
func widget(_ number: Int, caller: Int) -> Object {
    Object(
        apiVersion: "example.com/v1", kind: "Widget",
        metadata: ObjectMetadata(
            name: "widget-\(caller)-\(number)", namespace: "default", labels: ["app": "bench", "caller": "\(caller)"]),
        content: ["spec": ["size": .integer(Int64(number)), "colour": "green", "parts": ["one", "two", "three"]]])
}

final class Node {
    let loops = EventLoops(count: 1, clock: clock)
    let disk = SystemDisk()
    let provider: LocalLogProvider

    init(_ name: String) {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        provider = LocalLogProvider(
            directory: "\(directory)/\(name)", disk: disk, clock: clock, nodeID: 1, logger: logger)
    }

    func open() async throws -> ObjectLog {
        try await ObjectLog.open(among: provider.list(), from: provider, on: loops.loops[0], clock: clock)
    }
}

/// Writes by `callers` at once, each of which waits for its answer before it writes again.
func measureWrites(callers: Int, writes: Int) async throws {
    let node = Node("callers-\(callers)")
    let log = try await node.open()
    let each = max(1, writes / callers)
    let cpu = cpuNanoseconds()
    let begin = clock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callers {
            group.addTask {
                for number in 0..<each { _ = try await log.create(widget(number, caller: caller)) }
            }
        }
        try await group.waitForAll()
    }
    let seconds = Double((clock.now - begin).nanoseconds) / 1e9
    let used = cpuNanoseconds() - cpu
    let count = Double(each * callers)
    report(
        "creations a second, synced, \(callers) callers",
        "\(Int(count / seconds)), \(tenths(used / count / 1000)) us of CPU each")
    try await log.close()
    try await node.loops.shutdown()
}

func measureReplay(objects: Int) async throws {
    let node = Node("replay")
    let log = try await node.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<1000 {
            group.addTask {
                for number in 0..<objects / 1000 { _ = try await log.create(widget(number, caller: caller)) }
            }
        }
        try await group.waitForAll()
    }
    try await log.close()
    let cpu = cpuNanoseconds()
    let begin = clock.now
    let again = try await node.open()
    let seconds = Double((clock.now - begin).nanoseconds) / 1e9
    let used = (cpuNanoseconds() - cpu) / 1e9
    let count = try await again.list(ListQuery(ObjectSelection())).objects.count
    guard count == objects else { fatalError("\(count) objects came back, not \(objects)") }
    report("opening a log of \(objects) objects", "\(tenths(seconds * 1000)) ms, \(tenths(used * 1000)) ms of CPU")
    try await again.close()
    try await node.loops.shutdown()
}

/// Creations and deletions for ever: the size that the log does not grow past.
func measureCycles(_ cycles: Int) async throws {
    let node = Node("cycles")
    let log = try await node.open()
    let begin = clock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<256 {
            group.addTask {
                for number in 0..<cycles / 256 {
                    let object = try await log.create(widget(number, caller: caller))
                    _ = try await log.delete(object.key, if: .none)
                }
            }
        }
        try await group.waitForAll()
    }
    let seconds = Double((clock.now - begin).nanoseconds) / 1e9
    try await log.close()
    var size: Int64 = 0
    for name in try node.disk.list("\(directory)/cycles/@metadata-0") {
        let file = try node.disk.open("\(directory)/cycles/@metadata-0/\(name)", .existing)
        size += try file.size()
    }
    report(
        "\(cycles) creations and deletions, 256 callers",
        "\(Int(Double(cycles) * 2 / seconds)) writes a second, \(tenths(Double(size) / 1e6)) MB left on disk")
    try await node.loops.shutdown()
}

for callers in [1, 16, 256, 1024] {
    try await measureWrites(callers: callers, writes: callers == 1 ? writeCount / 50 : writeCount)
}
try await measureReplay(objects: 100_000)
try await measureCycles(writeCount)
try SystemDisk().remove(directory)
