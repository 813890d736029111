import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

/// What a log must hold, by what its callers were told. Fed by a random run, checked after each restart.
final class LogModel {
    /// Every value that an offset was given, the newest last: an append that failed may have left its own.
    var given: [Int64: [String]] = [:]
    /// Offsets below are committed: exactly the newest value.
    var committedEnd: Int64 = 0
    /// Offsets below are on the device.
    var syncedEnd: Int64 = 0
    var logStart: Int64 = 0
    /// Next sequence and last batch of each producer.
    var producers: [Int64: (next: Int32, last: ByteBuffer?, lastOffset: Int64)] = [:]
    var nextValue = 0
    /// The last stable offset that was seen last.
    var stableOffset: Int64 = 0
    /// What is transactional, and what is not.
    var history = TransactionHistory()

    /// What may follow on a restart: the end of what must be there.
    func requiredEnd(after ending: LogBench.Ending, _ durability: LogSettings.Durability) -> Int64 {
        ending == .kill || durability == .synced ? committedEnd : syncedEnd
    }

    /// Takes down that the log goes on from `end`.
    func restart(at end: Int64, holding values: [Int64: String]) {
        given = values.mapValues { [$0] }
        committedEnd = end
        syncedEnd = end
        stableOffset = 0
        producers = [0: (0, nil, 0), 1: (0, nil, 0), 2: (0, nil, 0), 3: (0, nil, 0)]
    }
}

/// A random life of a log: appends, reads, deletions, faults, and an end.
struct RandomLife {
    let bench: LogBench
    let model: LogModel
    var random: SeededRandom
    var settings: LogSettings

    init(seed: UInt64) {
        bench = LogBench(seed: seed, faults: .legal)
        model = LogModel()
        random = SeededRandom(seed: seed &* 31 &+ 7)
        settings = LogSettings()
        settings.segmentSizeBytesMax = Int.random(in: 600...6000, using: &random)
        settings.indexIntervalBytes = Int.random(in: 100...1000, using: &random)
        settings.checkpointIntervalBytes = Int.random(in: 500...20_000, using: &random)
        settings.durability = Bool.random(using: &random) ? .synced : .memory
        settings.flushInterval = .milliseconds(20)
        settings.retentionMilliseconds = nil
        settings.fileDeleteDelay = .milliseconds(5)
    }

    mutating func step(_ log: LocalLog) {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<44: append(to: log)
        case 44..<60: transact(in: log)
        case 60..<75: bench.simulator.run(for: .microseconds(Int.random(in: 1...3000, using: &random)))
        case 75..<80: checkRead(log)
        case 80..<84: resend(to: log)
        case 84..<86: advanceLogStart(log)
        case 86..<88: bench.loop.perform { log.flush { _ in } }
        case 88..<90: fillDisk()
        case 90..<92: bench.disk.capacityBytes = 1 << 40
        default: _ = bench.simulator.step()
        }
        observe(log)
    }

    /// Notes what the log promises now.
    func observe(_ log: LocalLog) {
        bench.loop.perform {
            #expect(log.highWatermark >= model.committedEnd, "the high watermark fell; seed \(bench.simulator.seed)")
            model.committedEnd = max(model.committedEnd, log.highWatermark)
            model.syncedEnd = max(model.syncedEnd, log.synced.nextOffset)
            model.logStart = max(model.logStart, log.logStartOffset)
            if model.stableOffset == log.lastStableOffset { return }
            #expect(
                log.lastStableOffset > model.stableOffset, "the last stable offset fell; seed \(bench.simulator.seed)")
            checkStable(log)
        }
    }

    /// Expects the last stable offset to be what the batches say.
    func checkStable(_ log: LocalLog) {
        model.stableOffset = log.lastStableOffset
        let stable = model.history.stableOffset(highWatermark: log.highWatermark, logEnd: log.logEndOffset)
        #expect(
            log.lastStableOffset == max(stable, log.logStartOffset),
            "the last stable offset; seed \(bench.simulator.seed)")
    }

    mutating func append(to log: LocalLog) {
        let count = Int.random(in: 1...4, using: &random)
        var values: [String] = []
        for _ in 0..<count {
            model.nextValue += 1
            let padding = String(repeating: "x", count: Int.random(in: 0...60, using: &random))
            values.append("\(model.nextValue)\(padding)")
        }
        syncSequences(log)
        let id = Int64.random(in: -1...3, using: &random)
        let next = model.producers[id]?.next ?? 0
        let batch = makeBatch(
            values, producer: id, epoch: id < 0 ? -1 : 0, sequence: id < 0 ? -1 : next)
        let model = model
        bench.loop.perform {
            guard let receipt = try? log.append(batch, until: .committed, then: { _ in }), !receipt.isDuplicate
            else { return }
            for (index, value) in values.enumerated() {
                model.given[receipt.baseOffset + Int64(index), default: []].append(value)
            }
            model.history.note(.plain(count), at: receipt.baseOffset)
            if id >= 0 { model.producers[id] = (next + Int32(count), batch, receipt.baseOffset) }
        }
    }

    /// A failed append took sequences back: asks the log where each producer is.
    private func syncSequences(_ log: LocalLog) {
        bench.loop.perform {
            for id in model.producers.keys {
                guard let last = log.producers.producers[id]?.batches.last else {
                    model.producers[id] = nil
                    continue
                }
                if last.lastSequence + 1 != model.producers[id]?.next {
                    model.producers[id] = (last.lastSequence + 1, nil, 0)
                }
            }
        }
    }

    mutating func resend(to log: LocalLog) {
        syncSequences(log)
        guard let (_, last, offset) = model.producers.values.filter({ $0.last != nil }).randomElement(using: &random),
            let last
        else { return }
        bench.loop.perform {
            guard let receipt = try? log.append(last, until: .committed, then: { _ in }) else { return }
            #expect(receipt.isDuplicate && receipt.baseOffset == offset, "seed \(bench.simulator.seed)")
        }
    }

    mutating func advanceLogStart(_ log: LocalLog) {
        // Not beyond an open transaction: what a restart knows of one's beginning depends on the segments left then.
        let end = bench.loop.perform { log.lastStableOffset }
        let start = bench.loop.perform { log.logStartOffset }
        let target = Int64.random(in: start...max(start, end), using: &random)
        bench.loop.perform { log.advanceLogStart(to: target) { _ in } }
    }

    mutating func fillDisk() {
        bench.disk.capacityBytes = bench.disk.usedBytes + Int64.random(in: 0...9000, using: &random)
    }

    mutating func checkRead(_ log: LocalLog) {
        let (start, end) = bench.loop.perform { (log.logStartOffset, log.highWatermark) }
        guard start < end else { return }
        let offset = Int64.random(in: start..<end, using: &random)
        let (model, seed) = (model, bench.simulator.seed)
        bench.loop.perform {
            checkStable(log)
            log.read(from: offset, sizeBytesMax: 500, bound: .highWatermark) { result in
                guard case .success(let read) = result else { return }
                expect(read.records, model, offset..<read.highWatermark, seed)
            }
            log.read(from: offset, sizeBytesMax: 500, bound: .lastStableOffset) { result in
                guard case .success(let read) = result else { return }
                expectStable(read, model, from: offset, seed)
            }
        }
    }
}

/// Expects each record to be what its offset was given.
func expect(_ records: ByteBuffer, _ model: LogModel, _ range: Range<Int64>, _ seed: UInt64) {
    guard let found = try? offsetsAndValues(records) else {
        Issue.record("a read gave bytes that are no batches; seed \(seed)")
        return
    }
    for (offset, value) in found where offset >= range.lowerBound {
        #expect(offset < range.upperBound, "a record above the high watermark; seed \(seed)")
        #expect(model.given[offset]?.last == value, "offset \(offset); seed \(seed)")
    }
}

/// The records of a read, with their offsets.
func offsetsAndValues(_ records: ByteBuffer) throws -> [(Int64, String)] {
    var records = records
    var found: [(Int64, String)] = []
    while records.readableBytes > 0 {
        let header = try BatchHeader(of: records, at: records.readerIndex)
        guard let batch = records.readSlice(length: header.batchSizeBytes) else { break }
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 24)
        while let record = try reader.next() {
            found.append(
                (header.baseOffset + Int64(record.offsetDelta), record.value.map { String(buffer: $0) } ?? ""))
        }
    }
    return found
}

extension LogBench {
    /// Everything that can be read, offset by offset; what cannot is left out.
    func readEverything(_ log: LocalLog) throws -> (values: [Int64: String], unreadable: [Int64]) {
        var (next, end) = loop.perform { (log.logStartOffset, log.highWatermark) }
        var all: [Int64: String] = [:]
        var unreadable: [Int64] = []
        while next < end {
            do {
                let found = try offsetsAndValues(read(log, from: next).records).filter { $0.0 >= next }
                guard let last = found.last else {
                    unreadable.append(next)
                    next += 1
                    continue
                }
                for (offset, value) in found { all[offset] = value }
                next = last.0 + 1
            } catch let error as LogError where error.code == .storage {
                unreadable.append(next)
                next += 1
            }
        }
        return (all, unreadable)
    }
}
