import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

/// What a compacted log was given, as a list: what it may and must still hold follows from it, naively.
final class CleaningModel {
    struct Entry {
        var baseOffset: Int64
        /// Empty: a marker.
        var records: [FoundRecord]
        var producerID: Int64 = -1
        var baseSequence: Int32 = -1
        var isTransactional = false
        /// A marker's.
        var isCommit = false
        /// When it was appended, by the wall clock.
        var wallMilliseconds: Int64

        var lastOffset: Int64 { baseOffset + Int64(max(records.count, 1)) - 1 }
    }

    /// A record, and what became of it.
    struct Given {
        var record: FoundRecord
        var isAborted: Bool
        /// When it was appended, by the wall clock.
        var wallMilliseconds: Int64
    }

    private(set) var entries: [Entry] = []
    var committedEnd: Int64 = 0
    var nextValue = 0

    func append(_ entry: Entry) { entries.append(entry) }

    /// Forgets what a crash took: nothing that was committed.
    func truncate(to end: Int64) { entries.removeAll { $0.baseOffset >= end } }

    /// The next sequence number of an idempotent producer.
    func nextSequence(_ id: Int64) -> Int32 {
        guard let last = entries.last(where: { $0.producerID == id && !$0.records.isEmpty }) else { return 0 }
        return last.baseSequence + Int32(last.records.count)
    }

    /// Whether the producer has a transaction open.
    func isOpen(_ id: Int64) -> Bool {
        guard let last = entries.last(where: { $0.producerID == id }) else { return false }
        return !last.records.isEmpty && last.isTransactional
    }

    /// Every record by its offset, whether its transaction was aborted, and when it was appended.
    var given: [Int64: Given] {
        var all: [Int64: Given] = [:]
        var open: [Int64: [Int64]] = [:]
        for entry in entries {
            if entry.records.isEmpty {
                for offset in open.removeValue(forKey: entry.producerID) ?? [] {
                    all[offset]?.isAborted = !entry.isCommit
                }
                continue
            }
            for record in entry.records {
                all[record.offset] = Given(record: record, isAborted: false, wallMilliseconds: entry.wallMilliseconds)
                if entry.isTransactional { open[entry.producerID, default: []].append(record.offset) }
            }
        }
        return all
    }

    /// The last record of each key that was not aborted.
    func lastOffsets(_ given: [Int64: Given]) -> [String:
        Int64]
    {
        var last: [String: Int64] = [:]
        for (offset, entry) in given where !entry.isAborted {
            guard let key = entry.record.record.key else { continue }
            last[key] = max(last[key] ?? -1, offset)
        }
        return last
    }
}

/// A random life of a compacted log: producers, transactions, passes, crashes.
struct CleaningLife {
    let bench: LogBench
    let model = CleaningModel()
    var random: SeededRandom
    var settings = LogBench.compacted
    var limits = LogBench.limits

    init(seed: UInt64) {
        bench = LogBench(seed: seed, faults: .legal)
        random = SeededRandom(seed: seed &* 77 &+ 5)
        settings.segmentSizeBytesMax = Int.random(in: 400...4000, using: &random)
        settings.indexIntervalBytes = Int.random(in: 100...600, using: &random)
        settings.checkpointIntervalBytes = Int.random(in: 500...20_000, using: &random)
        settings.deleteRetentionMilliseconds = [0, 50, 100_000].randomElement(using: &random) ?? 0
        settings.durability = Int.random(in: 0..<4, using: &random) == 0 ? .memory : .synced
        settings.flushInterval = .milliseconds(5)
        limits.bufferSizeBytes = Int.random(in: 100...2000, using: &random)
        limits.mapSizeBytesMax = OffsetMap.slotSizeBytes * Int.random(in: 4...64, using: &random)
    }

    var seed: UInt64 { bench.simulator.seed }

    mutating func step(_ log: LocalLog) {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<45: append(to: log)
        case 45..<53: end(Int64.random(in: 10...12, using: &random), in: log)
        case 53..<70: bench.simulator.run(for: .microseconds(Int.random(in: 1...20_000, using: &random)))
        case 70..<75: roll(log)
        case 75..<82:
            let limits = limits
            bench.loop.perform { log.clean(limits) { _ in } }
        case 82..<84: bench.loop.perform { log.stopCleaning() }
        case 84..<92: checkRead(log)
        case 92: advanceLogStart(log)
        default: _ = bench.simulator.step()
        }
        bench.loop.perform { model.committedEnd = max(model.committedEnd, log.highWatermark) }
    }

    /// Begins a new segment, unless the last one holds nothing.
    private func roll(_ log: LocalLog) {
        bench.loop.perform {
            if log.appended.nextOffset > log.active.baseOffset { try? log.roll() }
        }
    }

    private mutating func append(to log: LocalLog) {
        // Nobody, idempotent producers, transactional ones.
        let id: Int64 = [-1, -1, 1, 2, 10, 11, 12].randomElement(using: &random) ?? -1
        let isTransactional = id >= 10
        var records: [KeyedRecord] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            model.nextValue += 1
            let key = Int.random(in: 0..<30, using: &random) == 0 ? nil : "k\(Int.random(in: 0..<12, using: &random))"
            let isTombstone = key != nil && Int.random(in: 0..<5, using: &random) == 0
            let padding = String(repeating: "x", count: Int.random(in: 0...40, using: &random))
            records.append(KeyedRecord(key, isTombstone ? nil : "\(model.nextValue)\(padding)"))
        }
        let wall = bench.simulator.clock.wallMilliseconds
        let timestamp = wall - Int64.random(in: 0...50, using: &random)
        let sequence = id >= 0 ? model.nextSequence(id) : -1
        let batch = makeKeyed(
            records, codec: Codec.allCases.randomElement(using: &random) ?? .none, timestamp: timestamp,
            attributes: isTransactional ? .transactional : [], producer: id, epoch: id < 0 ? -1 : 0, sequence: sequence)
        bench.loop.perform {
            guard let receipt = try? log.append(batch, until: .committed, then: { _ in }) else { return }
            #expect(!receipt.isDuplicate, "seed \(seed)")
            let found = records.enumerated().map { index, record in
                FoundRecord(
                    offset: receipt.baseOffset + Int64(index), timestamp: timestamp + Int64(index), record: record)
            }
            model.append(
                CleaningModel.Entry(
                    baseOffset: receipt.baseOffset, records: found, producerID: Int64(id), baseSequence: sequence,
                    isTransactional: isTransactional, wallMilliseconds: wall))
        }
    }

    private mutating func end(_ id: Int64, in log: LocalLog) {
        guard model.isOpen(id) else { return }
        let isCommit = Bool.random(using: &random)
        let wall = bench.simulator.clock.wallMilliseconds
        let marker = TransactionMarker(
            producerID: id, producerEpoch: 0, isCommit: isCommit, coordinatorEpoch: 0, timestamp: wall)
        bench.loop.perform {
            guard let receipt = try? log.append(marker, then: { _ in }) else { return }
            model.append(
                CleaningModel.Entry(
                    baseOffset: receipt.baseOffset, records: [], producerID: id, isCommit: isCommit,
                    wallMilliseconds: wall))
        }
    }

    private mutating func advanceLogStart(_ log: LocalLog) {
        let (start, end) = bench.loop.perform { (log.logStartOffset, log.highWatermark) }
        let target = Int64.random(in: start...max(start, start + (end - start) / 3), using: &random)
        bench.loop.perform { log.advanceLogStart(to: target) { _ in } }
    }

    private mutating func checkRead(_ log: LocalLog) {
        let (start, end) = bench.loop.perform { (log.logStartOffset, log.highWatermark) }
        guard start < end else { return }
        let offset = Int64.random(in: start..<end, using: &random)
        let (given, seed) = (model.given, seed)
        bench.loop.perform {
            log.read(from: offset, sizeBytesMax: 300, bound: .highWatermark) { result in
                guard case .success(let read) = result else { return }
                expectGiven(read.records, from: offset, given, seed)
            }
        }
    }

    /// Runs passes until nothing is dirty, and expects one record a key and nothing aborted below the clean offset.
    mutating func cleanWhole(_ log: LocalLog) throws {
        bench.simulator.run(within: .seconds(60)) { log.cleaning == nil }
        roll(log)
        bench.simulator.run(within: .seconds(60)) {
            log.synced == log.appended && log.segments.dropLast().allSatisfy(\.isSealed) && log.committed == log.synced
        }
        var passes = 0
        while bench.loop.perform({ log.cleaning(wallMilliseconds: 0).dirtyBytes > 0 }), passes < 200 {
            try bench.clean(log, limits)
            passes += 1
        }
        #expect(passes < 200, "passes do not come to an end; seed \(seed)")
        bench.settle()
        try check(log)
        let given = model.given
        var seen: Set<String> = []
        for record in try bench.consumeRecords(log) where record.offset < log.cleanOffset {
            #expect(given[record.offset]?.isAborted == false, "\(record) was aborted; seed \(seed)")
            guard let key = record.record.key else { continue }
            #expect(seen.insert(key).inserted, "\(record) has another of its key; seed \(seed)")
        }
        #expect(
            try bench.disk.list(log.folder.path).allSatisfy { !$0.hasSuffix(".cleaned") && !$0.hasSuffix(".swap") },
            "seed \(seed)")
    }

    /// Expects a consumer of stable records, who is told of aborted transactions, to see every record that is there and
    /// was not aborted, and none that was.
    private func checkStable(_ log: LocalLog, _ given: [Int64: CleaningModel.Given]) throws {
        var (next, end) = bench.loop.perform { (log.logStartOffset, log.lastStableOffset) }
        let start = next
        var seen: Set<Int64> = []
        while next < end {
            let read = try bench.read(log, from: next, sizeBytesMax: 500, bound: .lastStableOffset)
            var named = read.abortedTransactions.sorted { $0.firstOffset < $1.firstOffset }[...]
            var aborted: Set<Int64> = []
            for batch in try batches(read.records) {
                while let first = named.first, first.firstOffset <= batch.header.lastOffset {
                    aborted.insert(first.producerID)
                    named.removeFirst()
                }
                next = batch.header.lastOffset + 1
                if batch.header.attributes.contains(.control) {
                    aborted.remove(batch.header.producerID)
                } else if !batch.header.attributes.contains(.transactional)
                    || !aborted.contains(batch.header.producerID)
                {
                    for record in batch.records { seen.insert(record.offset) }
                }
            }
        }
        for record in try bench.consumeRecords(log) where record.offset >= start && record.offset < end {
            let isAborted = given[record.offset]?.isAborted ?? true
            #expect(seen.contains(record.offset) == !isAborted, "\(record); seed \(seed)")
        }
    }

    /// Expects the log to hold what it must, and nothing that it was not given.
    func check(_ log: LocalLog) throws {
        let (start, end) = bench.loop.perform { (log.logStartOffset, log.highWatermark) }
        let given = model.given
        let last = model.lastOffsets(given)
        let wall = bench.simulator.clock.wallMilliseconds
        var found: [Int64: FoundRecord] = [:]
        for record in try bench.consumeRecords(log) { found[record.offset] = record }
        for (offset, record) in found where offset >= start {
            #expect(given[offset]?.record == record, "seed \(seed)")
        }
        for (offset, entry) in given where offset >= start && offset < end && found[offset] == nil {
            if entry.isAborted { continue }
            let key = entry.record.record.key
            if let key, last[key] ?? -1 > offset { continue }
            let isOldTombstone =
                key != nil && entry.record.record.value == nil
                && wall >= entry.wallMilliseconds + settings.deleteRetentionMilliseconds
            #expect(isOldTombstone, "\(entry.record) is lost; seed \(seed)")
        }
        try checkStable(log, given)
        bench.expectWholeFiles(log)
        for id in [1, 2, 10, 11, 12] as [Int64] {
            guard let known = log.producers.producers[id] else { continue }
            #expect(
                (known.batches.last?.lastSequence ?? -1) + 1 == model.nextSequence(id), "producer \(id); seed \(seed)")
            #expect((known.transactionOffset >= 0) == model.isOpen(id), "producer \(id); seed \(seed)")
        }
    }
}

/// Expects a read to lead on from `offset`, and each of its records to be what was given.
private func expectGiven(_ bytes: ByteBuffer, from offset: Int64, _ given: [Int64: CleaningModel.Given], _ seed: UInt64)
{
    guard let found = try? batches(bytes), let last = found.last else {
        Issue.record("a read from \(offset) gave nothing; seed \(seed)")
        return
    }
    #expect(last.header.lastOffset >= offset, "seed \(seed)")
    for batch in found where !batch.header.attributes.contains(.control) {
        for record in batch.records { #expect(given[record.offset]?.record == record, "seed \(seed)") }
    }
}
