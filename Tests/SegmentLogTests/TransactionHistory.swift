import NIOCore
import RecordBatch
import Testing
import WeirSimulation

@testable import SegmentLog

/// What a log's batches say of transactions, found out by going through all of them each time.
final class TransactionHistory {
    /// A batch.
    enum Event: Equatable {
        /// Of no transaction, with so many records.
        case plain(Int)
        /// Of the producer's transaction, with so many records.
        case data(Int64, Int)
        /// The marker of the producer's transaction.
        case marker(Int64, isCommit: Bool)
    }

    /// By base offset.
    private var events: [Int64: Event] = [:]

    /// Notes a batch at the log's end: what was there and above was taken back.
    func note(_ event: Event, at offset: Int64) {
        for stale in events.keys where stale >= offset { events[stale] = nil }
        events[offset] = event
    }

    /// Takes the batches that a restart found for what was in `offsets`.
    func restart(in offsets: Range<Int64>, holding found: [(Int64, Event)]) {
        let first = found.first?.0 ?? offsets.lowerBound
        events = events.filter { $0.key < first }
        for (offset, event) in found { events[offset] = event }
    }

    private struct Transaction {
        var producerID: Int64
        var first: Int64
        var marker: Int64?
        var isCommit = false
    }

    private func transactions(logEnd: Int64) -> [Transaction] {
        var all: [Transaction] = []
        for (offset, event) in events.sorted(by: { $0.key < $1.key }) where offset < logEnd {
            switch event {
            case .plain: break
            case .data(let id, _):
                if !all.contains(where: { $0.producerID == id && $0.marker == nil }) {
                    all.append(Transaction(producerID: id, first: offset))
                }
            case .marker(let id, let isCommit):
                guard let place = all.firstIndex(where: { $0.producerID == id && $0.marker == nil }) else { continue }
                all[place].marker = offset
                all[place].isCommit = isCommit
            }
        }
        return all
    }

    /// Where the first transaction began whose marker is not committed, at most the high watermark.
    func stableOffset(highWatermark: Int64, logEnd: Int64) -> Int64 {
        let unstable = transactions(logEnd: logEnd).filter { $0.marker.map { $0 >= highWatermark } ?? true }
        return min(highWatermark, unstable.map(\.first).min() ?? .max)
    }

    /// Where the transactions without a marker began.
    func openOffsets(logEnd: Int64) -> [Int64] {
        transactions(logEnd: logEnd).filter { $0.marker == nil }.map(\.first).sorted()
    }

    /// The offsets of a batch's records that a consumer of committed records gets; all have ended.
    func visibleOffsets(ofBatchAt offset: Int64, logEnd: Int64) -> [Int64] {
        switch events[offset] {
        case .plain(let count): return (offset..<offset + Int64(count)).map { $0 }
        case .data(let id, let count):
            let own = transactions(logEnd: logEnd).last { $0.producerID == id && $0.first <= offset }
            guard own?.isCommit == true else { return [] }
            return (offset..<offset + Int64(count)).map { $0 }
        case .marker, nil: return []
        }
    }
}

/// Expects a read to give a consumer, which filters as Kafka's do, exactly the committed records. Returns what it
/// would ask for next.
@discardableResult
func expectStable(_ read: LogRead, _ model: LogModel, from offset: Int64, _ seed: UInt64) -> Int64 {
    var records = read.records
    var waiting = read.abortedTransactions.sorted { $0.firstOffset < $1.firstOffset }
    var aborting: Set<Int64> = []
    var next = offset
    while records.readableBytes > 0 {
        guard let header = try? BatchHeader(of: records, at: records.readerIndex),
            let batch = records.readSlice(length: header.batchSizeBytes)
        else {
            Issue.record("a read gave bytes that are no batches; seed \(seed)")
            return next
        }
        while let first = waiting.first, first.firstOffset <= header.lastOffset {
            aborting.insert(first.producerID)
            waiting.removeFirst()
        }
        var visible: [Int64] = []
        if header.attributes.contains(.control) {
            let marker = batch.withUnsafeReadableBytes { MarkerBatch.decode(StoredBatch($0)!, $0) }
            if marker?.isCommit == false { aborting.remove(header.producerID) }
        } else if !(header.attributes.contains(.transactional) && aborting.contains(header.producerID)) {
            visible = (header.baseOffset...header.lastOffset).map { $0 }
        }
        let expected = model.history.visibleOffsets(ofBatchAt: header.baseOffset, logEnd: read.highWatermark)
        #expect(visible == expected, "batch at \(header.baseOffset), read from \(offset); seed \(seed)")
        next = header.lastOffset + 1
    }
    #expect(next <= max(offset, read.lastStableOffset), "a record above the last stable offset; seed \(seed)")
    return next
}

extension RandomLife {
    /// Ids of producers that have transactions: others than those of the rest of a life.
    private static let transactional: ClosedRange<Int64> = 10...13

    /// A batch of a transaction, or a marker: sometimes of a new epoch, sometimes a coordinator's.
    mutating func transact(in log: LocalLog) {
        let id = Int64.random(in: Self.transactional, using: &random)
        let known = bench.loop.perform { log.producers.producers[id] }
        let isMarker = Int.random(in: 0..<3, using: &random) == 0
        let isCommit = Bool.random(using: &random)
        let newEpoch = Int.random(in: 0..<4, using: &random) == 0
        let epoch = (known?.epoch ?? 0) + (newEpoch ? 1 : 0)
        if isMarker { return end(id, epoch, isCommit, in: log) }
        let isCoordinators = Int.random(in: 0..<4, using: &random) == 0
        let count = Int.random(in: 1...3, using: &random)
        let last = newEpoch ? nil : known?.batches.last?.lastSequence
        var values: [String] = []
        for _ in 0..<count {
            model.nextValue += 1
            values.append("\(model.nextValue)")
        }
        let batch = makeBatch(
            values, producer: id, epoch: epoch, sequence: isCoordinators ? -1 : (last ?? -1) + 1, isTransactional: true)
        let model = model
        bench.loop.perform {
            let origin: AppendOrigin = isCoordinators ? .coordinator : .client
            guard let receipt = try? log.append(batch, from: origin, until: .committed, then: { _ in }) else { return }
            for (index, value) in values.enumerated() {
                model.given[receipt.baseOffset + Int64(index), default: []].append(value)
            }
            model.history.note(.data(id, count), at: receipt.baseOffset)
        }
    }

    private func end(_ id: Int64, _ epoch: Int16, _ isCommit: Bool, in log: LocalLog) {
        let marker = TransactionMarker(
            producerID: id, producerEpoch: epoch, isCommit: isCommit, coordinatorEpoch: 1, timestamp: 1000)
        bench.loop.perform {
            guard let receipt = try? log.append(marker, then: { _ in }) else { return }
            model.given[receipt.baseOffset, default: []].append("\0\0\0\0\0\u{1}")
            model.history.note(.marker(id, isCommit: isCommit), at: receipt.baseOffset)
        }
    }
}

extension LogBench {
    /// Every batch that can be read, in order.
    func readBatches(_ log: LocalLog) throws -> [(Int64, TransactionHistory.Event)] {
        var (next, end) = loop.perform { (log.logStartOffset, log.highWatermark) }
        var found: [(Int64, TransactionHistory.Event)] = []
        while next < end {
            var records = try read(log, from: next).records
            while records.readableBytes > 0 {
                let header = try BatchHeader(of: records, at: records.readerIndex)
                guard let batch = records.readSlice(length: header.batchSizeBytes) else { return found }
                let marker = batch.withUnsafeReadableBytes { MarkerBatch.decode(StoredBatch($0)!, $0) }
                if let marker {
                    found.append((header.baseOffset, .marker(header.producerID, isCommit: marker.isCommit)))
                } else if header.attributes.contains(.transactional) {
                    found.append((header.baseOffset, .data(header.producerID, Int(header.recordCount))))
                } else {
                    found.append((header.baseOffset, .plain(Int(header.recordCount))))
                }
                next = header.lastOffset + 1
            }
        }
        return found
    }
}
