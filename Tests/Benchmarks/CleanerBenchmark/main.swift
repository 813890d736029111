import Glibc
import Logging
import NIOCore
import RecordBatch
import SegmentLog
import WeirIO
import WeirRuntime

// What compaction costs, on a real directory with real syncs. Each line is `cleaner: what = figure`. Arguments: the
// directory (default: a new one in TMPDIR), then megabytes of log, then keys.

let clock = SystemClock()
let arguments = CommandLine.arguments
let directory = arguments.count > 1 ? arguments[1] : "/tmp/weir-cleaner-benchmark.\(getpid())"
let megabytes = arguments.count > 2 ? Int(arguments[2]) ?? 1024 : 1024
let keyCount = arguments.count > 3 ? Int(arguments[3]) ?? 1_000_000 : 1_000_000

func report(_ what: String, _ figure: String) { print("cleaner: \(what) = \(figure)") }
func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

/// A line of /proc/self/status in bytes: VmRSS, VmHWM.
func memoryBytes(_ name: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix(name) else { continue }
        return (Int(text.split(whereSeparator: { !$0.isNumber }).first ?? "0") ?? 0) << 10
    }
    return 0
}

/// Batches of 100 records of a random key and 100 bytes, made before anything is measured.
func makeBatches(_ count: Int) throws -> [ByteBuffer] {
    var state: UInt64 = 42
    return try (0..<count).map { _ in
        var builder = RecordBatchBuilder()
        for _ in 0..<100 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = ByteBuffer(string: "key-\((state >> 33) % UInt64(keyCount))")
            builder.append(
                timestamp: clock.wallMilliseconds, key: key,
                value: ByteBuffer(repeating: UInt8(state >> 56), count: 100))
        }
        return try builder.build()
    }
}

/// Appends with a bounded number of batches on their way; gives batches a second.
func produce(_ batches: [ByteBuffer], to log: any ReplicatedLog, while goesOn: @escaping @Sendable (Int) -> Bool) async
    -> Double
{
    let begin = clock.now
    let feeder = Feeder(batches, log, goesOn)
    let count = await withCheckedContinuation { continuation in
        log.loop.execute { feeder.start { continuation.resume(returning: $0) } }
    }
    return Double(count) / (Double((clock.now - begin).nanoseconds) / 1e9)
}

/// Keeps 64 batches on their way. `@unchecked Sendable`: confined to the log's loop.
final class Feeder: @unchecked Sendable {
    private let batches: [ByteBuffer]
    private let log: any ReplicatedLog
    private let goesOn: @Sendable (Int) -> Bool
    private var next = 0
    private var inFlight = 0
    private var done: ((Int) -> Void)?

    init(_ batches: [ByteBuffer], _ log: any ReplicatedLog, _ goesOn: @escaping @Sendable (Int) -> Bool) {
        self.batches = batches
        self.log = log
        self.goesOn = goesOn
    }

    func start(_ done: @escaping (Int) -> Void) {
        self.done = done
        feed()
    }

    private func feed() {
        while inFlight < 64, goesOn(next) {
            inFlight += 1
            let batch = batches[next % batches.count]
            next += 1
            do throws(LogError) {
                _ = try log.append(batch, until: .committed) { [self] _ in
                    inFlight -= 1
                    feed()
                }
            } catch {
                print("cleaner: \(error)")
                exit(1)
            }
        }
        if inFlight == 0, let done {
            self.done = nil
            done(next)
        }
    }
}

let loops = EventLoops(count: 1, clock: clock)
let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
let provider = LocalLogProvider(directory: directory, disk: SystemDisk(), clock: clock, nodeID: 1, logger: logger)
var settings = LogSettings()
settings.compacts = true
settings.deletesOldSegments = false
settings.segmentSizeBytesMax = 64 << 20
let identity = LogIdentity(topicID: TopicID(high: 1, low: 1), topic: "bench", partition: 0)
let log = try await provider.create(identity, settings: settings, on: loops.loops[0])

let batches = try makeBatches(2000)
let sizeBytes = batches[0].readableBytes
let total = (megabytes << 20) / sizeBytes
// Each batch of the pool again and again would be few keys: every append's keys are of a pool that is large enough.
let pool = try makeBatches(min(total, max(2000, keyCount * 3 / 100)))
report("records of about 125 bytes, keys", "\(total * 100), \(keyCount)")
let alone = await produce(pool, to: log) { $0 < total }
report("appending alone, MB/s", tenths(alone * Double(sizeBytes) / 1e6))
let before = memoryBytes("VmRSS")

let cleaned = OutcomeBox()
let begin = clock.now
log.loop.execute {
    log.clean(CleaningLimits(hashKey: HashKey(1, 2))) { result in cleaned.set(result) }
}
let peak = PeakMemory()
let during = await produce(pool, to: log) { count in
    if count % 64 == 0 { peak.sample() }
    return !cleaned.isDone
}
peak.sample()
let outcome = try cleaned.get()
let seconds = Double(outcome.duration.nanoseconds) / 1e9
report("a pass over \(megabytes) MB, s", tenths(seconds))
report("a pass reads and writes, MB/s", tenths(Double(outcome.readBytes + outcome.writtenBytes) / 1e6 / seconds))
report("records dropped, kept", "\(outcome.droppedRecords), \(outcome.keptRecords)")
report("memory of the process before the pass, at most during it, MB", "\(before >> 20), \(peak.bytes >> 20)")
report("appending during the pass, MB/s", tenths(during * Double(sizeBytes) / 1e6))
exit(0)

/// What the pass came to. `@unchecked Sendable`: set once on the log's loop, read there and after the loop's work.
final class OutcomeBox: @unchecked Sendable {
    private var result: Result<CleaningOutcome, LogError>?
    var isDone: Bool { result != nil }
    func set(_ result: Result<CleaningOutcome, LogError>) { self.result = result }
    func get() throws -> CleaningOutcome {
        guard let result else { throw LogError(.closed, "the pass is not over") }
        return try result.get()
    }
}

/// The largest resident set seen. `@unchecked Sendable`: sampled on the log's loop, then read.
final class PeakMemory: @unchecked Sendable {
    private(set) var bytes = 0
    func sample() { bytes = max(bytes, memoryBytes("VmRSS")) }
}
