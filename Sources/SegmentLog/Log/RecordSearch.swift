/// Finds records of one intact batch by their timestamps.
struct RecordSearch {
    let batch: StoredBatch
    let bytes: UnsafeRawBufferPointer
    /// Offsets that count.
    let offsets: Range<Int64>

    /// The first record of at least `timestamp`.
    func first(atLeast timestamp: Int64) -> TimestampedOffset? {
        let offset = max(batch.baseOffset, offsets.lowerBound)
        return TimestampedOffset(offset: offset, timestamp: batch.maxTimestamp, leaderEpoch: batch.epoch)
    }

    /// The first of the records with the largest timestamp.
    func largest() -> TimestampedOffset? {
        TimestampedOffset(
            offset: max(batch.baseOffset, offsets.lowerBound), timestamp: batch.maxTimestamp, leaderEpoch: batch.epoch)
    }
}
