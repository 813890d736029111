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
                faults.powerCutAt = life.bench.disk.changeCount + Int.random(in: 1...80, using: &life.random)
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
        try checkReplay(log)
        try checkTransactions(log, from: start, to: end)
        model.restart(at: end, holding: found)
        model.logStart = start
    }

    /// Expects what producers and transactions are at to be what a replay of the whole log gives.
    private func checkReplay(_ log: LocalLog) throws {
        let start = bench.loop.perform { log.segments[0].baseOffset }
        guard start == 0 else { return }
        var replayed = LogState(nextOffset: 0, nextIndex: 1, logStart: 0)
        for segment in log.segments {
            let bytes = bench.disk.contents(of: log.folder.logFile(segment.baseOffset)) ?? []
            bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < Int(segment.summary.end) {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
                    guard let batch = StoredBatch(rest) else { break }
                    replayed.replay(
                        batch, rest, segment: segment.baseOffset, position: Int64(position), wallMilliseconds: 0)
                    position += batch.sizeBytes
                }
            }
        }
        replayed.transactions.trim(below: bench.loop.perform { log.logStartOffset })
        let seed = bench.simulator.seed
        #expect(log.producers.producers.mapValues(\.batches) == replayed.producers.producers.mapValues(\.batches))
        #expect(log.producers.descriptions.map(\.epoch) == replayed.producers.descriptions.map(\.epoch))
        #expect(log.transactions == replayed.transactions, "seed \(seed)")
    }

    /// Expects transactions to be what the batches that can be read and those before them say.
    private func checkTransactions(_ log: LocalLog, from start: Int64, to end: Int64) throws {
        let (seed, history) = (bench.simulator.seed, model.history)
        history.restart(in: start..<end, holding: try bench.readBatches(log))
        bench.loop.perform {
            let stable = history.stableOffset(highWatermark: end, logEnd: end)
            #expect(log.lastStableOffset == max(start, stable), "after a restart; seed \(seed)")
            #expect(
                log.producers.descriptions.filter { $0.openTransactionOffset >= 0 }.map(\.openTransactionOffset)
                    .sorted()
                    == history.openOffsets(logEnd: end), "after a restart; seed \(seed)")
        }
        var next = start
        while next < end {
            let read = try bench.read(log, from: next, sizeBytesMax: 1000, bound: .lastStableOffset)
            if read.records.readableBytes == 0 { break }
            next = expectStable(read, model, from: next, seed)
        }
        #expect(next == bench.loop.perform { log.lastStableOffset }, "seed \(seed)")
    }
}
