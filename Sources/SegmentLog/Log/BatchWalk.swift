/// Goes from batch to batch through bytes that were read: finds what a fetch returns.
///
/// Each batch is checked before it is believed, what lies outside its checksum too: offsets are dense,
/// and the epoch is the one known for the offset. Costs the checksum of what is returned.
struct BatchWalk: Sendable {
    /// What was found.
    enum Outcome: Equatable, Sendable {
        /// Whole batches, and the offset after their last.
        case found(Range<Int>, nextOffset: Int64)
        /// Only cleaned batches without records from the offset on: the last one's place, and the offset after it.
        case emptied(Range<Int>, nextOffset: Int64)
        /// More bytes are needed, this many in all.
        case needs(Int)
        /// A bad batch at this place, where this offset belongs.
        case damaged(Int, offset: Int64)
        /// The bytes end before the offset does.
        case nothing
    }

    /// The offset of the batch that the bytes begin with.
    var startOffset: Int64
    /// The offset wanted.
    var offset: Int64
    /// How much may be returned; the first batch always is.
    var sizeBytesMax: Int
    /// How many bytes the run has in all: a batch that goes beyond is none.
    var runSizeBytes: Int
    /// Where epochs began.
    var epochs: EpochCache

    /// Walks through `bytes`, a first part of the run or all of it.
    func run(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        var position = 0
        var expected = startOffset
        var first: Int?
        // The last cleaned batch before it: it need not be returned where records follow.
        var emptied: Range<Int>?
        func ended(_ damage: Int?) -> Outcome {
            if let first { return .found(first..<position, nextOffset: expected) }
            if let emptied { return .emptied(emptied, nextOffset: expected) }
            return damage.map { .damaged($0, offset: expected) } ?? .nothing
        }
        while position < runSizeBytes {
            let isNeeded = first == nil && emptied == nil
            let left = UnsafeRawBufferPointer(rebasing: bytes[position...])
            guard let batch = StoredBatch(left) else {
                if runSizeBytes - position < StoredBatch.headerSizeBytes { return ended(position) }
                return isNeeded ? .needs(position + StoredBatch.headerSizeBytes) : ended(nil)
            }
            guard batch.follows(offset: expected, epochs: 0...Int32.max), hasRightEpoch(batch),
                batch.sizeBytes <= runSizeBytes - position
            else { return ended(position) }
            // What would not be returned need not be read.
            if let first, position + batch.sizeBytes - first > sizeBytesMax { break }
            if batch.sizeBytes > left.count { return isNeeded ? .needs(position + batch.sizeBytes) : ended(nil) }
            guard batch.isIntact(left) else { return ended(position) }
            if batch.isInternal {
                // Never returned: the run of batches with offsets ends here.
                if !isNeeded { break }
            } else if batch.nextOffset > offset, first == nil {
                if batch.isEmptied { emptied = position..<position + batch.sizeBytes } else { first = position }
            }
            position += batch.sizeBytes
            expected = batch.nextOffset
        }
        return ended(nil)
    }

    private func hasRightEpoch(_ batch: StoredBatch) -> Bool {
        if batch.isInternal { return true }
        guard let epoch = epochs.epoch(at: batch.baseOffset) else { return true }
        return epoch == batch.epoch
    }
}
