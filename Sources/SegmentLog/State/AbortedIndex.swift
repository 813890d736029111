/// One aborted transaction of a log.
struct AbortedRange: Equatable, Sendable {
    /// Whose.
    var producerID: Int64
    /// Its first offset.
    var firstOffset: Int64
    /// The offset of its marker.
    var lastOffset: Int64
    /// Every transaction that began below it had ended when this one had: what follows begins at it or later.
    var stableOffset: Int64
}

/// The aborted transactions of a log: what a fetch names, so that its consumer leaves their records out.
///
/// Kafka's transaction index (KIP-98), whole and in memory: it follows from the log. Entries whose marker lies below the
/// log start are dropped. A value, so that the cleaner takes a copy to its thread.
struct AbortedIndex: Equatable, Sendable {
    /// Ascending by the markers' offsets.
    private(set) var entries: ContiguousArray<AbortedRange> = []

    var isEmpty: Bool { entries.isEmpty }

    /// The transactions that have an offset from `first` up to `end` (not included): O(log n), and what it passes.
    func overlapping(_ first: Int64, _ end: Int64) -> [AbortedTransaction] {
        var found: [AbortedTransaction] = []
        guard first < end else { return found }
        for entry in entries[place(ofMarkerAtLeast: first)...] {
            if entry.firstOffset < end {
                found.append(AbortedTransaction(producerID: entry.producerID, firstOffset: entry.firstOffset))
            }
            if entry.stableOffset >= end { break }
        }
        return found
    }

    /// Whether the producer's record at `offset` is of an aborted transaction.
    func isAborted(producerID: Int64, offset: Int64) -> Bool {
        for entry in entries[place(ofMarkerAtLeast: offset)...] {
            if entry.producerID == producerID, entry.firstOffset <= offset { return true }
            if entry.stableOffset > offset { return false }
        }
        return false
    }

    /// Adds the transaction whose marker is the newest.
    mutating func append(_ entry: AbortedRange) {
        assert(
            entries.last.map { $0.lastOffset < entry.lastOffset } ?? true, "markers come in the order of the offsets")
        entries.append(entry)
    }

    /// Forgets those whose markers lie at these offsets: their data was cleaned away.
    mutating func forget(_ markers: [Int64]) {
        let gone = Set(markers)
        entries.removeAll { gone.contains($0.lastOffset) }
    }

    /// Forgets those that ended below `offset`.
    mutating func trim(below offset: Int64) {
        entries.removeFirst(place(ofMarkerAtLeast: offset))
    }

    /// Forgets those whose marker lies at `offset` or above.
    mutating func truncate(to offset: Int64) {
        entries.removeLast(entries.count - place(ofMarkerAtLeast: offset))
    }

    /// The first entry whose marker lies at `offset` or above.
    private func place(ofMarkerAtLeast offset: Int64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].lastOffset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension AbortedIndex {
    private static let entrySizeBytes = 32

    func write(to writer: inout ByteWriter) {
        writer.write(UInt32(entries.count))
        for entry in entries {
            writer.write(entry.producerID)
            writer.write(entry.firstOffset)
            writer.write(entry.lastOffset)
            writer.write(entry.stableOffset)
        }
    }

    /// What `write` wrote; nil where the bytes are not that.
    init?(_ reader: inout ByteReader) {
        guard let count = reader.readCount(of: Self.entrySizeBytes) else { return nil }
        entries.reserveCapacity(count)
        for _ in 0..<count {
            guard let producerID = reader.read(Int64.self), let first = reader.read(Int64.self),
                let last = reader.read(Int64.self), let stable = reader.read(Int64.self),
                first <= last, entries.last.map({ $0.lastOffset < last }) ?? true
            else { return nil }
            entries.append(
                AbortedRange(producerID: producerID, firstOffset: first, lastOffset: last, stableOffset: stable))
        }
    }
}
