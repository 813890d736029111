import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("Log start, retention and times")
struct LogStartTests {
    private func smallSegments() -> LogSettings {
        var settings = LogSettings()
        settings.segmentSizeBytesMax = 500
        settings.retentionMilliseconds = nil
        settings.fileDeleteDelay = .seconds(5)
        return settings
    }

    private func fill(_ bench: LogBench, _ log: LocalLog, _ count: Int) throws {
        for index in 0..<count { try bench.append(makeBatch(["\(index)"], timestamp: Int64(index * 10)), to: log) }
    }

    @Test("DeleteRecords moves the start into a batch, for good, and never back", arguments: [0, 1, 2])
    func deleteRecords(ending: Int) throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a", "b", "c"]), to: log)
        #expect(try bench.answer { log.advanceLogStart(to: 2, then: $0) } == 2)
        #expect(try bench.answer { log.advanceLogStart(to: 1, then: $0) } == 2)
        #expect(throws: LogError.self) { try bench.answer { log.advanceLogStart(to: 9, then: $0) } }
        #expect(throws: LogError.self) { try bench.read(log, from: 1) }
        #expect(try values(bench.read(log, from: 2).records) == ["a", "b", "c"])
        switch ending {
        case 0: try bench.close(log)
        case 1: bench.restart(after: .kill)
        default: bench.restart(after: .powerCut)
        }
        if ending == 0 { bench.restart() }
        let again = try bench.open()
        #expect(bench.loop.perform { again.logStartOffset } == 2)
        #expect(try bench.append(makeBatch(["d"]), to: again).baseOffset == 3)
        #expect(try bench.answer { again.advanceLogStart(to: nil, then: $0) } == 4)
    }

    @Test("retention by size drops whole segments and their files")
    func bySize() throws {
        let bench = LogBench()
        var settings = smallSegments()
        settings.retentionBytes = 1200
        let log = try bench.create(settings)
        try fill(bench, log, 40)
        let before = bench.loop.perform { log.sizeBytes }
        bench.loop.perform { log.enforceRetention(wallMilliseconds: 0) }
        bench.simulator.run(for: .seconds(1))
        let (after, start) = bench.loop.perform { (log.sizeBytes, log.logStartOffset) }
        #expect(before > 2000 && after >= 1200 && after < 1200 + 600)
        #expect(start > 0)
        #expect(try bench.readAll(log) == (Int(start)..<40).map(String.init))
        #expect(try bench.disk.list("logs/orders-0").contains { $0.hasSuffix(".log.deleted") })
        bench.simulator.run(for: .seconds(6))
        #expect(try !bench.disk.list("logs/orders-0").contains { $0.hasSuffix(".deleted") })
        bench.restart(after: .powerCut)
        let again = try bench.open(settings)
        #expect(bench.loop.perform { again.logStartOffset } == start)
    }

    @Test("retention by time goes by the largest timestamp, and rolls a segment that expired as a whole")
    func byTime() throws {
        let bench = LogBench()
        var settings = smallSegments()
        settings.retentionMilliseconds = 1000
        let log = try bench.create(settings)
        try fill(bench, log, 10)
        bench.loop.perform { log.enforceRetention(wallMilliseconds: 1000) }
        bench.simulator.run(for: .seconds(1))
        #expect(bench.loop.perform { log.logStartOffset } == 0)
        bench.loop.perform { log.enforceRetention(wallMilliseconds: 1091) }
        bench.simulator.run(for: .seconds(1))
        #expect(bench.loop.perform { log.logStartOffset } == 10)
        #expect(bench.loop.perform { log.segments.count } == 1)
        #expect(try bench.append(makeBatch(["next"]), to: log).baseOffset == 10)
    }

    @Test("a timestamp finds its first record, in every codec", arguments: Codec.allCases)
    func timestamps(codec: Codec) throws {
        let bench = LogBench()
        var settings = smallSegments()
        settings.indexIntervalBytes = 120
        let log = try bench.create(settings)
        for index in 0..<20 {
            try bench.append(
                makeBatch(["a\(index)", "b\(index)"], codec: codec, timestamp: Int64(index * 10)), to: log)
        }
        for (timestamp, offset) in [(0, 0), (1, 1), (2, 2), (95, 20), (190, 38), (191, 39)] as [(Int64, Int64)] {
            #expect(try bench.answer { log.findOffset(timestamp: timestamp, then: $0) }?.offset == offset)
        }
        #expect(try bench.answer { log.findOffset(timestamp: 192, then: $0) } == nil)
        let largest = try bench.answer { log.findLargestTimestamp(then: $0) }
        #expect(largest == TimestampedOffset(offset: 39, timestamp: 191, leaderEpoch: 0))
        #expect(bench.loop.perform { log.endOffset(ofEpoch: 0) } == EpochEnd(epoch: 0, endOffset: 40))
    }

    @Test("a full disk refuses appends, serves reads, and goes on when there is room")
    func fullDisk() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a"], producer: 1, epoch: 0, sequence: 0), to: log)
        bench.settle()
        bench.disk.capacityBytes = bench.disk.usedBytes
        var refused = 0
        let value = String(repeating: "v", count: 100_000)
        for _ in 0..<8 {
            do {
                try bench.append(makeBatch([value]), to: log)
            } catch let error as LogError {
                #expect(error.code == .full)
                refused += 1
            }
        }
        #expect(refused > 0)
        #expect(try bench.readAll(log).first == "a")
        bench.disk.capacityBytes = 1 << 40
        bench.simulator.run(for: .seconds(1))
        let receipt = try bench.append(makeBatch([value], producer: 1, epoch: 0, sequence: 1), to: log)
        #expect(receipt.baseOffset == Int64(9 - refused))
        bench.restart(after: .powerCut)
        let again = try bench.open()
        #expect(try bench.readAll(again).count == 10 - refused)
    }

    @Test("a failed sync ends writing for good")
    func failedSync() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a"]), to: log)
        bench.settle()
        var faults = DiskFaults()
        faults.triggers = [.init(.sync, pathSuffix: ".log")]
        bench.disk.faults = faults
        #expect(throws: LogError.self) { try bench.append(makeBatch(["b"]), to: log) }
        bench.disk.faults = DiskFaults()
        #expect(throws: LogError.self) { try bench.append(makeBatch(["c"]), to: log) }
        #expect(bench.loop.perform { log.highWatermark } == 1)
        #expect(try bench.readAll(log) == ["a"])
        bench.restart(after: .kill)
        let again = try bench.open()
        let end = bench.loop.perform { again.highWatermark }
        bench.restart(after: .powerCut)
        #expect(try bench.readAll(try bench.open()).count == Int(end))
    }

    @Test("a deleted log's name is free at once, and its waiters are told")
    func delete() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a"]), to: log)
        let provider = bench.provider
        try bench.wait { try await provider.delete(LogBench.identity) }
        #expect(throws: LogError.self) { try bench.append(makeBatch(["b"]), to: log) }
        let newer = LogIdentity(topicID: TopicID(high: 1, low: 2), topic: "orders", partition: 0)
        let fresh = try bench.create(LogSettings(), newer)
        #expect(bench.loop.perform { fresh.logEndOffset } == 0)
        #expect(try bench.disk.list("logs").contains { $0.hasPrefix(".deleted.") })
        bench.simulator.run(for: .seconds(100))
        #expect(try bench.disk.list("logs") == ["orders-0"])
        #expect(try bench.wait { try await provider.list() } == [newer])
    }
}
