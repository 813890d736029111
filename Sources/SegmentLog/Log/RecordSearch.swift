import NIOCore
import RecordBatch

/// Finds records of one intact batch by their timestamps.
struct RecordSearch {
    /// What a batch's records may take when they are decompressed for a search.
    static let uncompressedSizeBytesMax = 128 << 20

    let batch: StoredBatch
    let bytes: UnsafeRawBufferPointer
    /// Offsets that count.
    let offsets: Range<Int64>

    /// The first record of at least `timestamp`.
    func first(atLeast timestamp: Int64) -> TimestampedOffset? {
        search { found, _ in found.timestamp >= timestamp ? .stop : .skip }
    }

    /// The first of the records with the largest timestamp.
    func largest() -> TimestampedOffset? {
        search { found, best in found.timestamp > best?.timestamp ?? -1 ? .keep : .skip }
    }

    private enum Choice {
        case skip
        case keep
        case stop
    }

    /// Goes through the records that count. Where they cannot be read, the batch's own largest timestamp
    /// stands for all of them: an answer too early, which a consumer filters.
    private func search(
        _ choose: (TimestampedOffset, TimestampedOffset?) -> Choice
    ) -> TimestampedOffset? {
        var best: TimestampedOffset?
        if batch.hasAppendTime {
            let whole = wholeBatch
            return choose(whole, nil) == .skip ? nil : whole
        }
        do throws(BatchError) {
            let buffer = ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<batch.sizeBytes]))
            var reader = try RecordReader(
                buffer, header: BatchHeader(unchecked: bytes), uncompressedSizeBytesMax: Self.uncompressedSizeBytesMax)
            while let record = try reader.next() {
                let offset = batch.baseOffset &+ Int64(record.offsetDelta)
                guard offsets.contains(offset) else { continue }
                let found = TimestampedOffset(
                    offset: offset, timestamp: batch.baseTimestamp &+ record.timestampDelta, leaderEpoch: batch.epoch)
                switch choose(found, best) {
                case .skip: continue
                case .keep: best = found
                case .stop: return found
                }
            }
            return best
        } catch {
            let whole = wholeBatch
            return choose(whole, nil) == .skip ? nil : whole
        }
    }

    private var wholeBatch: TimestampedOffset {
        TimestampedOffset(
            offset: max(batch.baseOffset, offsets.lowerBound), timestamp: batch.maxTimestamp, leaderEpoch: batch.epoch)
    }
}
