/// The sparse indexes of one segment: offset, Raft index and time to position.
///
/// An entry points at a batch with offsets, at the first and then every `intervalBytes`. A sealed
/// segment's indexes end with an entry for its end, which says that they are whole.
struct SegmentIndex: Equatable, Sendable {
    let baseOffset: Int64
    let firstIndex: Int64
    var intervalBytes: Int
    private(set) var offsets: [OffsetIndexEntry] = []
    private(set) var times: [TimeIndexEntry] = []
    /// Bytes since the batch of the last entry began.
    private(set) var sizeBytesSinceEntry = 0
    /// The first record's timestamp, or a marker's before it; −1: none.
    private(set) var firstTimestamp: Int64 = -1
    /// The largest timestamp of a record; −1: none.
    private(set) var maxTimestamp: Int64 = -1
    /// The base offset of the batch that has it.
    private(set) var maxTimestampOffset: Int64 = -1

    init(baseOffset: Int64, firstIndex: Int64, intervalBytes: Int) {
        self.baseOffset = baseOffset
        self.firstIndex = firstIndex
        self.intervalBytes = intervalBytes
    }

    /// The indexes of a segment whose entries were kept.
    init(
        _ summary: SegmentSummary, intervalBytes: Int, offsets: [OffsetIndexEntry], times: [TimeIndexEntry],
        sizeBytesSinceEntry: Int = 0
    ) {
        self.init(baseOffset: summary.baseOffset, firstIndex: summary.firstIndex, intervalBytes: intervalBytes)
        self.offsets = offsets
        self.times = times
        self.sizeBytesSinceEntry = sizeBytesSinceEntry
        firstTimestamp = summary.firstTimestamp
        maxTimestamp = summary.maxTimestamp
        maxTimestampOffset = summary.maxTimestampOffset
    }

    /// Notes a batch that was written at `position` as the entry `index`.
    mutating func note(_ batch: StoredBatch, position: Int64, index: Int64) {
        defer { sizeBytesSinceEntry += batch.sizeBytes }
        if batch.isInternal { return }
        if offsets.isEmpty || sizeBytesSinceEntry >= intervalBytes {
            addEntry(offset: batch.baseOffset, position: position, index: index)
            sizeBytesSinceEntry = 0
        }
        // A cleaned batch without records is in the log for its offsets, not for its times.
        if batch.isEmptied { return }
        if firstTimestamp < 0 { firstTimestamp = batch.hasDeleteHorizon ? batch.maxTimestamp : batch.baseTimestamp }
        // A marker is no record that anybody searches by its time.
        if batch.isControl { return }
        if batch.maxTimestamp > maxTimestamp {
            maxTimestamp = batch.maxTimestamp
            maxTimestampOffset = batch.baseOffset
        }
    }

    /// Adds the entry of the segment's end.
    mutating func seal(nextOffset: Int64, position: Int64, nextIndex: Int64) {
        addEntry(offset: nextOffset, position: position, index: nextIndex)
    }

    /// Whether it is whole: it ends with the segment's end.
    func isSealed(as summary: SegmentSummary) -> Bool {
        guard let last = offsets.last else { return false }
        return Int64(last.position) == summary.end && Int64(last.relativeOffset) == summary.nextOffset - baseOffset
            && isAscending
    }

    /// The last indexed batch that begins at or below `offset`; nil: all begin above it.
    func floor(offset: Int64) -> (offset: Int64, position: Int64)? {
        let relative = offset - baseOffset
        guard relative >= 0 else { return nil }
        let after = offsets.firstIndex(where: { Int64($0.relativeOffset) > relative })
        guard after > 0 else { return nil }
        let entry = offsets[after - 1]
        return (baseOffset + Int64(entry.relativeOffset), Int64(entry.position))
    }

    /// An offset below which no record has a timestamp of at least `timestamp`.
    func floor(timestamp: Int64) -> Int64 {
        let after = times.firstIndex(where: { $0.maxTimestamp >= timestamp })
        return after == 0 ? baseOffset : baseOffset + Int64(times[after - 1].relativeOffset)
    }

    private mutating func addEntry(offset: Int64, position: Int64, index: Int64) {
        let relativeOffset = UInt32(clamping: offset - baseOffset)
        offsets.append(
            OffsetIndexEntry(
                relativeOffset: relativeOffset, position: UInt32(clamping: position),
                relativeIndex: UInt32(clamping: index - firstIndex)))
        if maxTimestamp > (times.last?.maxTimestamp ?? -1) {
            times.append(TimeIndexEntry(maxTimestamp: maxTimestamp, relativeOffset: relativeOffset))
        }
    }

    private var isAscending: Bool {
        zip(offsets, offsets.dropFirst()).allSatisfy {
            $0.position < $1.position && $0.relativeOffset < $1.relativeOffset && $0.relativeIndex < $1.relativeIndex
        }
            && zip(times, times.dropFirst()).allSatisfy {
                $0.maxTimestamp < $1.maxTimestamp && $0.relativeOffset <= $1.relativeOffset
            }
    }
}

extension Array {
    /// The first index whose element satisfies a condition that all later ones satisfy too; `count`: none.
    /// O(log n).
    fileprivate func firstIndex(where isAfter: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// What is known of a segment without reading it.
struct SegmentSummary: Equatable, Sendable {
    /// The offset of its first record.
    var baseOffset: Int64
    /// The Raft index of its first entry.
    var firstIndex: Int64
    /// Where its batches end.
    var end: Int64 = 0
    /// The offset after its last record.
    var nextOffset: Int64
    /// The Raft index after its last entry.
    var nextIndex: Int64
    /// The first record's timestamp, or a marker's before it; −1: none.
    var firstTimestamp: Int64 = -1
    /// The largest timestamp of a record; −1: none.
    var maxTimestamp: Int64 = -1
    /// The base offset of the batch that has it.
    var maxTimestampOffset: Int64 = -1

    static let sizeBytes = 64

    /// An empty segment.
    init(baseOffset: Int64, firstIndex: Int64) {
        self.baseOffset = baseOffset
        self.firstIndex = firstIndex
        nextOffset = baseOffset
        nextIndex = firstIndex
    }

    func write(to writer: inout ByteWriter) {
        for field in [
            baseOffset, firstIndex, end, nextOffset, nextIndex, firstTimestamp, maxTimestamp, maxTimestampOffset,
        ] {
            writer.write(field)
        }
    }

    init?(_ reader: inout ByteReader) {
        guard let baseOffset = reader.read(Int64.self), let firstIndex = reader.read(Int64.self),
            let end = reader.read(Int64.self), let nextOffset = reader.read(Int64.self),
            let nextIndex = reader.read(Int64.self), let firstTimestamp = reader.read(Int64.self),
            let maxTimestamp = reader.read(Int64.self), let maxTimestampOffset = reader.read(Int64.self)
        else { return nil }
        self.baseOffset = baseOffset
        self.firstIndex = firstIndex
        self.end = end
        self.nextOffset = nextOffset
        self.nextIndex = nextIndex
        self.firstTimestamp = firstTimestamp
        self.maxTimestamp = maxTimestamp
        self.maxTimestampOffset = maxTimestampOffset
    }
}

/// A part of a segment that cannot be read any more.
struct DamagedRange: Equatable, Sendable {
    /// The bytes.
    var positions: Range<Int64>
    /// The offsets that were there.
    var offsets: Range<Int64>
}
