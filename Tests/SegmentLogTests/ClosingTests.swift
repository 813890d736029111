import NIOCore
import SegmentLog
import Testing
import WeirRuntime
import WeirSimulation

@Suite("Closing logs")
struct ClosingTests {
    private func identity(_ partition: Int32) -> LogIdentity {
        LogIdentity(topicID: TopicID(high: 7, low: 9), topic: "orders", partition: partition)
    }

    private func counter(_ name: String, _ bench: LogBench) throws -> Double? {
        let provider = bench.provider
        let families = try bench.wait { await provider.collectMetrics() }
        return families.first { $0.name == "weir_log_\(name)_total" }?.samples.first?.value
    }

    @Test("a log that was never written to closes without touching the disk")
    func closesNewLog() throws {
        let bench = LogBench()
        let log = try bench.create()
        let before = bench.disk.changeCount
        try bench.close(log)
        #expect(bench.disk.changeCount == before)
    }

    @Test("a log that was not written to since it was opened closes without touching the disk")
    func closesOpenedLog() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a"]), to: log)
        try bench.close(log)
        bench.restart()
        let again = try bench.open()
        let before = bench.disk.changeCount
        try bench.close(again)
        #expect(bench.disk.changeCount == before)
        bench.restart(after: .powerCut)
        #expect(try bench.readAll(try bench.open()) == ["a"])
    }

    /// More than what the next open may read.
    private let long = String(repeating: "x", count: 70_000)

    @Test("a short tail is read again instead of stored, also when it has grown over several starts")
    func readsShortTail() throws {
        let bench = LogBench()
        var log = try bench.create()
        var expected: [String] = []
        for round in 0..<6 {
            let value = String(repeating: "\(round)", count: 20_000)
            try bench.append(makeBatch([value]), to: log)
            expected.append(value)
            let stored = try #require(try counter("checkpoints", bench))
            try bench.close(log)
            #expect(try counter("checkpoints", bench) == stored + (round == 3 ? 1 : 0))
            bench.restart()
            log = try bench.open()
            #expect(try bench.readAll(log) == expected)
            let read = try #require(try counter("recovered_bytes", bench))
            #expect(read <= Double(64 << 10))
            #expect((read > 0) == (round != 3))
        }
    }

    @Test("a log that was written to a lot leaves a checkpoint behind: the next open reads no batch")
    func storesCheckpoint() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch([long]), to: log)
        try bench.close(log)
        bench.restart()
        let again = try bench.open()
        #expect(try counter("recovered_bytes", bench) == 0)
        #expect(try bench.readAll(again) == [long])
    }

    @Test("an index that was made again is stored when the log closes, written to or not")
    func storesRebuiltIndex() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch([long]), to: log)
        try bench.close(log)
        try bench.flipBit(3, of: "logs/orders-0/00000000000000000000.index")
        bench.restart()
        try bench.close(try bench.open())
        #expect(try counter("rebuilt_indexes", bench) == 1)
        bench.restart()
        _ = try bench.open()
        #expect(try counter("rebuilt_indexes", bench) == 0)
    }

    @Test("many logs that close at once leave a checkpoint each, and one's failure is its own")
    func closesSideBySide() throws {
        let bench = LogBench()
        let count: Int32 = 300
        let logs = try (0..<count).map { try bench.create(LogSettings(), identity($0)) }
        for (number, log) in logs.enumerated() { try bench.append(makeBatch(["\(number)", long]), to: log) }
        bench.disk.faults.triggers = [
            DiskFaults.Trigger(.rename, pathSuffix: "orders-7/checkpoint.draft"),
            DiskFaults.Trigger(.sync, pathSuffix: "orders-8/checkpoint.draft"),
            DiskFaults.Trigger(.write, pathSuffix: "orders-9/checkpoint.draft"),
        ]
        let stored = try #require(try counter("checkpoints", bench))
        let answered = Slot<Int>()
        answered.value = 0
        bench.loop.perform {
            for log in logs {
                log.close { result in
                    if case .success = result { answered.value! += 1 }
                }
            }
        }
        bench.simulator.run(within: .seconds(600)) { answered.value == Int(count) }
        #expect(answered.value == Int(count))
        #expect(try counter("checkpoints", bench) == stored + Double(count) - 3)
        bench.restart()
        for number in 0..<count {
            let log = try bench.open(LogSettings(), identity(number))
            #expect(try bench.readAll(log) == ["\(number)", long])
            let scans = try #require(try counter("recovered_bytes", bench)) > 0
            #expect(scans == (number >= 7))
        }
    }

    @Test("a power cut while logs close costs nothing that was committed", arguments: 1..<60 as Range<UInt64>)
    func survivesPowerCut(seed: UInt64) throws {
        let bench = LogBench(seed: seed)
        let logs = try (0..<8).map { try bench.create(LogSettings(), identity($0)) }
        for (number, log) in logs.enumerated() { try bench.append(makeBatch(["\(number)", long]), to: log) }
        bench.disk.faults.powerCutAt = bench.disk.changeCount + Int(seed)
        bench.loop.perform { for log in logs { log.close { _ in } } }
        bench.simulator.run(for: .seconds(1))
        bench.restart(after: .powerCut)
        for number in 0..<Int32(8) {
            let log = try bench.open(LogSettings(), identity(number))
            #expect(try bench.readAll(log) == ["\(number)", long], "seed \(seed)")
        }
    }
}
