import WeirRuntime

/// One segment of an open log. Confined to the log's loop.
final class Segment {
    /// What is known without reading it; the last segment's end moves with each write.
    var summary: SegmentSummary
    /// Nil: sealed, and not read lately.
    var file: (any DiskFile)?
    /// Nil: sealed, and not read lately.
    var index: SegmentIndex?
    /// In the order of their positions.
    private(set) var damaged: [DamagedRange]
    /// Entries of the index that are in the index files.
    var offsetEntriesStored: Int
    var timeEntriesStored: Int
    /// Zeros are written up to here.
    var filledTo: Int64
    /// Where zeros are being written: bytes that nobody else may write to.
    var filling: Range<Int64>?
    /// Nothing is written to it any more, and its indexes are stored.
    var isSealed = false
    /// When it was read last, for sealed ones: a count that rises.
    var lastRead: UInt64 = 0

    var baseOffset: Int64 { summary.baseOffset }

    init(_ recovered: RecoveredSegment) {
        summary = recovered.summary
        file = recovered.file
        index = recovered.index
        damaged = recovered.damaged
        offsetEntriesStored = recovered.offsetEntriesStored
        timeEntriesStored = recovered.timeEntriesStored
        filledTo = recovered.summary.end
    }

    /// Notes a range that cannot be read; false where it was known.
    func addDamage(_ range: DamagedRange) -> Bool {
        if damaged.contains(where: { $0.positions.overlaps(range.positions) }) { return false }
        damaged.append(range)
        damaged.sort { $0.positions.lowerBound < $1.positions.lowerBound }
        return true
    }

    /// The damaged range that `offset` was in.
    func damage(at offset: Int64) -> DamagedRange? {
        damaged.isEmpty ? nil : damaged.first { $0.offsets.contains(offset) }
    }

    /// A batch at or before the one that holds `offset`, and the end of the intact run it begins.
    func start(for offset: Int64, in index: SegmentIndex, limit: Int64) -> ReadStart? {
        guard var start = index.floor(offset: offset).map({ ReadStart(offset: $0.offset, position: $0.position) })
        else { return damaged.isEmpty ? nil : startBehindDamage(offset, limit) }
        start.limit = limit
        for range in damaged {
            if range.offsets.upperBound <= offset, range.positions.upperBound > start.position {
                start.offset = range.offsets.upperBound
                start.position = range.positions.upperBound
            } else if range.positions.lowerBound >= start.position {
                start.limit = min(start.limit, range.positions.lowerBound)
            }
        }
        return start
    }

    private func startBehindDamage(_ offset: Int64, _ limit: Int64) -> ReadStart? {
        guard let range = damaged.last(where: { $0.offsets.upperBound <= offset }) else { return nil }
        return ReadStart(offset: range.offsets.upperBound, position: range.positions.upperBound, limit: limit)
    }
}

/// Where a read begins to look for its batch.
struct ReadStart: Sendable {
    /// The offset of the batch at `position`.
    var offset: Int64
    /// Where the batch begins.
    var position: Int64
    /// Where the run of intact bytes ends that may be read.
    var limit: Int64 = 0
}

/// The newest batches' places: what waits at the tail is counted and found exactly.
struct RecentBatches {
    private static let countMax = 64
    private var entries: ContiguousArray<(offset: Int64, position: Int64)> = []
    /// Where the oldest entry is, once full.
    private var oldest = 0

    /// Notes the newest batch.
    mutating func note(offset: Int64, position: Int64) {
        if entries.count < Self.countMax {
            if entries.isEmpty { entries.reserveCapacity(Self.countMax) }
            entries.append((offset, position))
        } else {
            entries[oldest] = (offset, position)
            oldest = (oldest + 1) % Self.countMax
        }
    }

    /// The noted batch that holds `offset`; nil where it is older than all of them.
    func floor(offset: Int64) -> (offset: Int64, position: Int64)? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : self[low - 1]
    }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        oldest = 0
    }

    private subscript(age: Int) -> (offset: Int64, position: Int64) {
        entries[(oldest + age) % entries.count]
    }
}
