import NIOCore
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("Damage")
struct DamageTests {
    /// A log of single-record batches over several segments, and what it holds.
    private func filledLog(_ seed: UInt64, _ settings: LogSettings) throws -> (LogBench, LocalLog, [String]) {
        let bench = LogBench(seed: seed)
        let log = try bench.create(settings)
        var values: [String] = []
        for index in 0..<60 {
            values.append("value \(index) of seed \(seed)")
            try bench.append(makeBatch([values[index]]), to: log)
        }
        return (bench, log, values)
    }

    private func settings(_ random: inout SeededRandom) -> LogSettings {
        var settings = LogSettings()
        settings.segmentSizeBytesMax = Int.random(in: 700...8000, using: &random)
        settings.indexIntervalBytes = Int.random(in: 50...600, using: &random)
        settings.checkpointIntervalBytes = Int.random(in: 500...8000, using: &random)
        return settings
    }

    @Test("one flipped bit costs at most one batch, which is never served", arguments: 1..<9 as Range<UInt64>)
    func flippedBit(shard: UInt64) throws {
        for seed in shard * 1000..<shard * 1000 + 40 { try flip(seed) }
    }

    private func flip(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let settings = settings(&random)
        var (bench, log, values) = try filledLog(seed, settings)
        let isClosed = Bool.random(using: &random)
        if isClosed { try bench.close(log) }
        let segment = log.segments.randomElement(using: &random)!
        let bit = Int64.random(in: 0..<segment.summary.end * 8, using: &random)
        let path = log.folder.logFile(segment.baseOffset)
        bench.restart(after: .kill)
        try bench.flipBit(bit, of: path)
        log = try bench.open(settings)
        #expect(bench.loop.perform { log.highWatermark } == 60, "seed \(seed)")
        let (found, unreadable) = try bench.readEverything(log)
        #expect(unreadable.count <= 1, "offsets \(unreadable) after bit \(bit) of \(path); seed \(seed)")
        for (offset, value) in found { #expect(value == values[Int(offset)], "seed \(seed)") }
        #expect(found.count + unreadable.count == 60, "seed \(seed)")
        values.append("after")
        #expect(try bench.append(makeBatch(["after"]), to: log).baseOffset == 60, "seed \(seed)")
        #expect(try bench.readAll(log, from: 60) == ["after"], "seed \(seed)")
    }

    @Test("a missing or damaged index, checkpoint or recovery point costs nothing", arguments: 1..<60 as Range<UInt64>)
    func rebuilds(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let settings = settings(&random)
        var (bench, log, values) = try filledLog(seed, settings)
        if Bool.random(using: &random) { try bench.close(log) }
        bench.restart(after: .kill)
        for name in try bench.disk.list("logs/orders-0") where !name.hasSuffix(".log") {
            let path = "logs/orders-0/\(name)"
            switch Int.random(in: 0..<3, using: &random) {
            case 0: try bench.disk.remove(path)
            case 1:
                let size = Int64(bench.disk.contents(of: path)?.count ?? 0)
                if size > 0 {
                    let file = try bench.disk.open(path, .existing)
                    try file.truncate(to: Int64.random(in: 0..<size, using: &random))
                }
            default:
                let file = try bench.disk.open(path, .existing)
                let size = try file.size()
                if size > 0 {
                    try LogFolder.write(
                        [0xAB], to: file, at: Int64.random(in: 0..<size, using: &random))
                }
            }
        }
        log = try bench.open(settings)
        #expect(try bench.readAll(log) == values, "seed \(seed)")
        #expect(try bench.append(makeBatch(["after"]), to: log).baseOffset == 60, "seed \(seed)")
        values.append("after")
        bench.restart(after: .kill)
        log = try bench.open(settings)
        #expect(try bench.readAll(log) == values, "seed \(seed)")
    }

    @Test("is named in the metrics")
    func metrics() throws {
        let (bench, log, _) = try filledLog(1, LogSettings())
        try bench.close(log)
        bench.restart(after: .kill)
        try bench.flipBit(8 * 2000, of: "logs/orders-0/00000000000000000000.log")
        _ = try bench.readEverything(try bench.open())
        let provider = bench.provider
        let families = try bench.wait { await provider.collectMetrics() }
        let ranges = families.first { $0.name == "weir_log_damaged_ranges" }
        #expect(ranges?.samples.map(\.value) == [1])
        #expect(ranges?.samples[0].labels.map(\.value) == ["orders", "0"])
    }

    @Test("a batch inside of a damaged one's record does not pass for a real one")
    func embedded() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["first"]), to: log)
        var inner = makeBatch(["forged"])
        inner.setInteger(Int64(2), at: inner.readerIndex)
        inner.setInteger(Int32(0), at: inner.readerIndex + 12)
        var value = ByteBuffer(repeating: 0x41, count: 30)
        value.writeBuffer(&inner)
        value.writeBytes([UInt8](repeating: 0x42, count: 100))
        try bench.append(makeBatch(value: value), to: log)
        try bench.append(makeBatch(["third"]), to: log)
        try bench.close(log)
        bench.restart(after: .kill)
        let path = "logs/orders-0/00000000000000000000.log"
        let begin = 96 + makeBatch(["first"]).readableBytes
        // Its length: where the next batch begins is not known any more.
        try bench.flipBit(Int64(begin + 10) * 8, of: path)
        let (found, unreadable) = try bench.readEverything(try bench.open())
        #expect(found == [0: "first", 2: "third"])
        #expect(unreadable == [1])
    }
}
