/// The transactions of one log: which are open, which are ending, which were aborted.
///
/// A transaction is *open* from its first batch to its marker, and *ending* until that marker is committed. Both hold the
/// last stable offset back. Everything here follows from the batches, in their order.
struct LogTransactions: Equatable, Sendable {
    /// A transaction without a marker.
    struct Started: Equatable, Sendable {
        var producerID: Int64
        /// Where its first batch is; `nextOffset` is that batch's offset.
        var start: LogPoint
    }

    /// A transaction whose marker is not committed yet.
    private struct Ending: Equatable, Sendable {
        var transaction: Started
        var markerOffset: Int64
    }

    /// Ascending by their first offsets.
    private(set) var open: ContiguousArray<Started> = []
    /// What was aborted, uncommitted markers included: their transactions lie above the last stable offset.
    private(set) var aborted = AbortedIndex()
    /// Ascending by their markers' offsets.
    private var ending: ContiguousArray<Ending> = []
    /// The least start of these.
    private var endingStart: LogPoint?

    /// Where the first batch is that a reader of stable records must not see yet; nil: no transaction is open or ending.
    var firstUnstable: LogPoint? {
        guard let first = open.first?.start else { return endingStart }
        guard let endingStart, endingStart.nextOffset < first.nextOffset else { return first }
        return endingStart
    }

    /// Opens a transaction with the batch that goes to `start`, the log's end.
    mutating func open(_ producerID: Int64, at start: LogPoint) {
        open.append(Started(producerID: producerID, start: start))
    }

    /// Ends the transaction that began at `firstOffset` with the marker at `markerOffset`, the log's end.
    mutating func end(_ firstOffset: Int64, with markerOffset: Int64, isCommit: Bool) {
        let place = place(ofStartAtLeast: firstOffset)
        precondition(
            place < open.count && open[place].start.nextOffset == firstOffset, "a producer's transaction is listed")
        let transaction = open.remove(at: place)
        ending.append(Ending(transaction: transaction, markerOffset: markerOffset))
        if firstOffset < endingStart?.nextOffset ?? .max { endingStart = transaction.start }
        if isCommit { return }
        aborted.append(
            AbortedRange(
                producerID: transaction.producerID, firstOffset: firstOffset, lastOffset: markerOffset,
                stableOffset: open.first?.start.nextOffset ?? markerOffset + 1))
    }

    /// Takes in that everything below `offset` is committed. Cheap where nothing is ending.
    mutating func commit(below offset: Int64) {
        guard let first = ending.first, first.markerOffset < offset else { return }
        ending.removeAll { $0.markerOffset < offset }
        endingStart = leastStart
    }

    /// Takes back what the batches at `offset` and above did.
    mutating func truncate(to offset: Int64) {
        aborted.truncate(to: offset)
        while let last = ending.last, last.markerOffset >= offset {
            ending.removeLast()
            open.insert(last.transaction, at: place(ofStartAtLeast: last.transaction.start.nextOffset))
        }
        while let last = open.last, last.start.nextOffset >= offset { open.removeLast() }
        endingStart = leastStart
    }

    /// Forgets aborted transactions whose data was cleaned away, by their markers' offsets.
    mutating func forgetAborted(_ markers: [Int64]) { aborted.forget(markers) }

    /// Forgets what was aborted and ended below the log start.
    mutating func trim(below offset: Int64) { aborted.trim(below: offset) }

    private var leastStart: LogPoint? {
        ending.min { $0.transaction.start.nextOffset < $1.transaction.start.nextOffset }?.transaction.start
    }

    /// The first open transaction that begins at `offset` or above.
    private func place(ofStartAtLeast offset: Int64) -> Int {
        var low = 0
        var high = open.count
        while low < high {
            let middle = (low + high) / 2
            if open[middle].start.nextOffset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

// MARK: Snapshot

extension LogTransactions {
    private static let startedSizeBytes = 8 + LogPoint.sizeBytes

    /// Writes what is open and what was aborted; what is ending counts as ended, for a snapshot's markers are synced.
    func write(to writer: inout ByteWriter) {
        writer.write(UInt32(open.count))
        for transaction in open {
            writer.write(transaction.producerID)
            transaction.start.write(to: &writer)
        }
        aborted.write(to: &writer)
    }

    /// What `write` wrote; nil where the bytes are not that.
    init?(_ reader: inout ByteReader) {
        guard let count = reader.readCount(of: Self.startedSizeBytes) else { return nil }
        for _ in 0..<count {
            guard let producerID = reader.read(Int64.self), let start = LogPoint(&reader),
                open.last.map({ $0.start.nextOffset < start.nextOffset }) ?? true
            else { return nil }
            open.append(Started(producerID: producerID, start: start))
        }
        guard let aborted = AbortedIndex(&reader) else { return nil }
        self.aborted = aborted
    }
}
