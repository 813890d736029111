import Glibc
import NIOCore
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("A log over random lives")
struct RecoverySimulationTests {
    /// Seeds of one of the eight shards; `make simulate` asks for more in all.
    static let seedsPerShard = getenv("WEIR_TEST_SEEDS").flatMap { UInt64(String(cString: $0)) }.map { $0 / 8 } ?? 40

    @Test("holds what it promised after kills and power cuts at any moment", arguments: 1..<9 as Range<UInt64>)
    func survives(shard: UInt64) throws {
        for seed in shard * 10_000..<shard * 10_000 + Self.seedsPerShard { try live(seed) }
    }

    private func live(_ seed: UInt64) throws {
        var life = RandomLife(seed: seed)
        var log = try life.bench.create(life.settings)
        for _ in 0..<4 {
            let cutsPower = Bool.random(using: &life.random)
            if cutsPower, Bool.random(using: &life.random) {
                var faults = DiskFaults.legal
                faults.powerCutAt = Int.random(in: 1...80, using: &life.random)
                life.bench.disk.faults = faults
            } else if Int.random(in: 0..<4, using: &life.random) == 0 {
                var faults = DiskFaults.legal
                // Without syncs that are waited for, what a failing one drops was committed.
                faults.failedSync = life.settings.durability == .synced ? 0.05 : 0
                faults.failedWrite = 0.01
                faults.afterFailedSync = Bool.random(using: &life.random) ? .keepsPages : .dropsPages
                life.bench.disk.faults = faults
            }
            for _ in 0..<Int.random(in: 5...120, using: &life.random) { life.step(log) }
            let endsCleanly = !cutsPower && Int.random(in: 0..<3, using: &life.random) == 0
            if endsCleanly {
                life.bench.disk.capacityBytes = 1 << 40
                try? life.bench.close(log)
            }
            let ending: LogBench.Ending = cutsPower ? .powerCut : .kill
            life.bench.restart(after: ending)
            life.bench.disk.capacityBytes = 1 << 40
            life.bench.disk.faults = .legal
            log = try life.bench.open(life.settings)
            try life.check(log, after: ending)
        }
    }
}

extension RandomLife {
    /// Expects the opened log to hold what was promised, densely and in order.
    func check(_ log: LocalLog, after ending: LogBench.Ending) throws {
        let seed = bench.simulator.seed
        let (start, end) = bench.loop.perform { (log.logStartOffset, log.logEndOffset) }
        #expect(bench.loop.perform { log.highWatermark } == end, "all that was recovered is committed; seed \(seed)")
        #expect(
            end >= model.requiredEnd(after: ending, settings.durability),
            "ends at \(end), promised \(model.committedEnd), synced \(model.syncedEnd), \(ending); seed \(seed)")
        if ending == .kill || settings.durability == .synced {
            #expect(start >= model.logStart, "the log start fell; seed \(seed)")
        }
        let (found, unreadable) = try bench.readEverything(log)
        #expect(unreadable.isEmpty, "offsets \(unreadable.prefix(5)) of \(start)..<\(end) cannot be read; seed \(seed)")
        let exactEnd = model.requiredEnd(after: ending, settings.durability)
        for offset in start..<end {
            let given = model.given[offset] ?? []
            let value = found[offset]
            let isRight = offset < exactEnd ? value == given.last : value.map(given.contains) ?? false
            #expect(isRight, "offset \(offset) holds \(value ?? "nothing"), not one of \(given); seed \(seed)")
            if !isRight { break }
        }
        try checkProducers(log)
        model.restart(at: end, holding: found)
        model.logStart = start
    }

    /// Expects the producers' state to be what a replay of the whole log gives.
    private func checkProducers(_ log: LocalLog) throws {
        let start = bench.loop.perform { log.segments[0].baseOffset }
        guard start == 0 else { return }
        var replayed = ProducerStates()
        for segment in log.segments {
            let bytes = bench.disk.contents(of: log.folder.logFile(segment.baseOffset)) ?? []
            bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < Int(segment.summary.end),
                    let batch = StoredBatch(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                {
                    replayed.replay(batch, wallMilliseconds: 0)
                    position += batch.sizeBytes
                }
            }
        }
        let known = log.producers.producers.mapValues(\.batches)
        #expect(known == replayed.producers.mapValues(\.batches), "seed \(bench.simulator.seed)")
    }
}
