import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("A compacted log over random lives")
struct CleaningSimulationTests {
    @Test(
        "holds each key's last record, and nothing it was not given, over passes and crashes at any moment",
        arguments: 1..<9 as Range<UInt64>)
    func survives(shard: UInt64) throws {
        for seed in shard * 10_000..<shard * 10_000 + max(RecoverySimulationTests.seedsPerShard / 8, 1) {
            try live(seed)
        }
    }

    private func live(_ seed: UInt64) throws {
        var life = CleaningLife(seed: seed)
        var log = try life.bench.create(life.settings)
        for _ in 0..<3 {
            let cutsPower = life.settings.durability == .synced && Bool.random(using: &life.random)
            if cutsPower, Bool.random(using: &life.random) {
                var faults = DiskFaults.legal
                faults.powerCutAt = life.bench.disk.changeCount + Int.random(in: 1...300, using: &life.random)
                life.bench.disk.faults = faults
            }
            for _ in 0..<Int.random(in: 20...150, using: &life.random) { life.step(log) }
            if !cutsPower, Bool.random(using: &life.random) {
                life.bench.disk.faults = .legal
                try life.cleanWhole(log)
            }
            if !cutsPower, Bool.random(using: &life.random) { try? life.bench.close(log) }
            life.bench.restart(after: cutsPower ? .powerCut : .kill)
            life.bench.disk.faults = .legal
            if Int.random(in: 0..<4, using: &life.random) == 0 {
                try life.bench.disk.remove(log.folder.file(FileNames.checkpoint))
            }
            log = try life.bench.open(life.settings)
            let end = life.bench.loop.perform { log.logEndOffset }
            #expect(end >= life.model.committedEnd, "what was committed is lost; seed \(seed)")
            life.model.truncate(to: end)
            try life.check(log)
        }
        try life.cleanWhole(log)
    }

    /// Goes through all moments at which the power could go while a pass runs, and expects the log to be there, cleaned
    /// or not.
    @Test("a power cut at each change of the disk during a pass costs nothing", arguments: 0..<3)
    func survivesEachMoment(shard: Int) throws {
        var moment = 1 + shard
        while moment < 600 {
            let seed = UInt64(moment)
            let (bench, log) = try prepared(seed)
            let before = bench.disk.changeCount
            var faults = DiskFaults()
            faults.powerCutAt = before + moment
            bench.disk.faults = faults
            let answer = Slot<Result<CleaningOutcome, LogError>>()
            bench.loop.perform { log.clean(LogBench.limits) { answer.value = $0 } }
            bench.simulator.run(for: .seconds(5))
            let wasWhole = bench.disk.changeCount - before < moment
            bench.restart(after: .powerCut)
            let opened = try bench.open(LogBench.compacted)
            #expect(bench.loop.perform { opened.logEndOffset } == 91)
            let found = try bench.consumeRecords(opened)
            for key in 0..<7 {
                let last = found.last { $0.record.key == "k\(key)" }
                #expect(
                    last?.record.value == "\((0..<90).last { $0 % 7 == key } ?? -1)", "moment \(moment), seed \(seed)")
            }
            bench.expectWholeFiles(opened)
            try bench.clean(opened)
            #expect(try bench.consumeRecords(opened).count == 8, "moment \(moment), seed \(seed)")
            bench.expectWholeFiles(opened)
            if wasWhole { break }
            moment += 3
        }
        #expect(moment > 30 && moment < 600)
    }

    private func prepared(_ seed: UInt64) throws -> (LogBench, LocalLog) {
        let bench = LogBench(seed: seed)
        let log = try bench.create(LogBench.compacted)
        for number in 0..<90 {
            try bench.append(makeKeyed([KeyedRecord("k\(number % 7)", "\(number)")]), to: log)
        }
        try bench.roll(log)
        try bench.append(makeKeyed([KeyedRecord("z", "1")]), to: log)
        return (bench, log)
    }
}
