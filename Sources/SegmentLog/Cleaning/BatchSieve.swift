import NIOCore
import RecordBatch

/// What a cleaning pass knows while it goes over the batches: what each record's fate follows from.
struct CleaningRules: Sendable {
    /// The last batch that a live producer is known by (KIP-98): its header stays, for the sequence number in it.
    struct LastBatch: Sendable, Equatable {
        /// Its last offset; nil: the producer is known by a marker only.
        var offset: Int64?
        /// The producer's epoch.
        var producerEpoch: Int16
    }

    /// Records below it lose to a later one of their key in the map.
    var mapEnd: Int64 = 0
    /// The time of the pass, in milliseconds since 1970.
    var wallMilliseconds: Int64
    /// How long tombstones and markers stay once nothing needs them but readers that are behind.
    var deleteRetentionMilliseconds: Int64
    /// Live producers by their ids.
    var producers: [Int64: LastBatch]
    /// Whether the producer's record at this offset is of an aborted transaction.
    var isAborted: @Sendable (_ producerID: Int64, _ offset: Int64) -> Bool

    /// Whether the batch is what its producer is known by.
    func isLast(_ batch: StoredBatch) -> Bool {
        guard batch.producerID >= 0, let last = producers[batch.producerID] else { return false }
        guard let offset = last.offset else { return batch.isControl && batch.producerEpoch == last.producerEpoch }
        return batch.nextOffset - 1 == offset
    }

    /// When what is first found superfluous now may go.
    var deleteHorizon: Int64 {
        let (sum, overflow) = wallMilliseconds.addingReportingOverflow(deleteRetentionMilliseconds)
        return overflow ? .max : sum
    }
}

/// What becomes of a batch.
enum SievedBatch {
    /// It stays, byte for byte.
    case kept
    /// This stands in its place.
    case replaced(ByteBuffer)
    /// Nothing of it is needed but its place.
    case emptied
}

/// Goes over a log's batches in their order and says what is left of each: the rules of Kafka's Cleaner, KIP-98 and KIP-534.
///
/// Keyless records stay: compaction cannot know what would supersede them.
struct BatchSieve {
    let rules: CleaningRules
    let map: OffsetMap
    let hashKey: HashKey
    /// Producers of whose transaction a batch was met, and no marker since.
    private var withData: Set<Int64> = []
    private var records = ByteBuffer()
    /// Markers of aborted transactions that were met and whose data is gone, by their offsets.
    var emptyAborts: [Int64] = []
    private(set) var keptRecords: Int64 = 0
    private(set) var droppedRecords: Int64 = 0
    private(set) var unreadableBatches: Int64 = 0

    init(rules: CleaningRules, map: OffsetMap, hashKey: HashKey) {
        self.rules = rules
        self.map = map
        self.hashKey = hashKey
    }

    /// What becomes of the batch in `bytes`, an intact one with offsets. One that cannot be decoded or encoded again
    /// stays as it is.
    mutating func sift(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) -> SievedBatch {
        do throws(BatchError) {
            return try batch.isControl ? siftMarker(batch, bytes) : siftData(batch, bytes)
        } catch {
            unreadableBatches += 1
            keptRecords += Int64(batch.recordCount)
            return .kept
        }
    }

    private mutating func siftData(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer
    ) throws(BatchError) -> SievedBatch {
        if batch.isTransactional { withData.insert(batch.producerID) }
        if batch.isEmptied { return rules.isLast(batch) ? .kept : .emptied }
        if batch.isTransactional, rules.isAborted(batch.producerID, batch.baseOffset) {
            droppedRecords += Int64(batch.recordCount)
            return empty(batch)
        }
        if batch.baseOffset >= rules.mapEnd {
            keptRecords += Int64(batch.recordCount)
            return .kept
        }
        return try siftRecords(batch, bytes)
    }

    /// A marker stays until its transaction's data is gone, and then for as long as a tombstone does.
    private mutating func siftMarker(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer
    ) throws(BatchError) -> SievedBatch {
        let hasData = withData.remove(batch.producerID) != nil
        if batch.isEmptied { return .emptied }
        if hasData { return .kept }
        if rules.isAborted(batch.producerID, batch.baseOffset) { emptyAborts.append(batch.baseOffset) }
        if batch.hasDeleteHorizon {
            // What a producer is known by stays whole: its epoch fences older ones.
            return batch.baseTimestamp <= rules.wallMilliseconds && !rules.isLast(batch) ? .emptied : .kept
        }
        var sieved = SievedRecords(batch: batch, records: ByteBuffer(), newBase: rules.deleteHorizon)
        var walk = RecordWalk(payload(of: batch, bytes), count: batch.recordCount)
        while let record = try walk.next() { sieved.append(record) }
        return .replaced(try sieved.batch(bytes))
    }

    private mutating func siftRecords(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer
    ) throws(BatchError) -> SievedBatch {
        let compressed = payload(of: batch, bytes)
        guard let codec = BatchHeader(unchecked: bytes).attributes.codec else {
            throw BatchError(.unsupportedCodec, "the batch names no codec")
        }
        guard codec != .none else { return try siftRecords(batch, bytes, compressed) }
        let uncompressed = try codec.decompress(
            ByteBuffer(bytes: compressed), sizeBytesMax: RecordSearch.uncompressedSizeBytesMax)
        var outcome: Result<SievedBatch, BatchError> = .success(.kept)
        uncompressed.withUnsafeReadableBytes { raw in
            do throws(BatchError) {
                outcome = .success(try siftRecords(batch, bytes, raw))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Finds out first what stays: most batches stay or go whole, and cost no copy.
    private mutating func siftRecords(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, _ raw: UnsafeRawBufferPointer
    ) throws(BatchError) -> SievedBatch {
        var kept: Int32 = 0
        var hasTombstone = false
        var walk = RecordWalk(raw, count: batch.recordCount)
        while let record = try walk.next() {
            guard isNeeded(record, of: batch) else { continue }
            kept += 1
            if record.key != nil, !record.hasValue { hasTombstone = true }
        }
        guard walk.isAtEnd else { throw BatchError(.invalid, "bytes are left over behind the batch's records") }
        let needsHorizon = hasTombstone && !batch.hasDeleteHorizon
        let sieved: SievedBatch =
            if kept == 0 { empty(batch) } else if kept == batch.recordCount, !needsHorizon { .kept } else {
                .replaced(try rewrite(batch, bytes, raw, needsHorizon ? rules.deleteHorizon : nil))
            }
        keptRecords += Int64(kept)
        droppedRecords += Int64(batch.recordCount - kept)
        return sieved
    }

    private mutating func rewrite(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, _ raw: UnsafeRawBufferPointer, _ newBase: Int64?
    ) throws(BatchError) -> ByteBuffer {
        records.clear()
        var sieved = SievedRecords(batch: batch, records: records, newBase: newBase)
        var walk = RecordWalk(raw, count: batch.recordCount)
        while let record = try walk.next() {
            if isNeeded(record, of: batch) { sieved.append(record) }
        }
        let replaced = try sieved.batch(bytes)
        records = sieved.records
        return replaced
    }

    /// Whether a record is the last of its key, and no tombstone whose time is over.
    private func isNeeded(_ record: RecordPlace, of batch: StoredBatch) -> Bool {
        let offset = batch.baseOffset &+ Int64(record.offsetDelta)
        guard offset < rules.mapEnd, let key = record.key else { return true }
        if let last = map.offset(of: KeyHash(key, key: hashKey)), last > offset { return false }
        return record.hasValue || !batch.hasDeleteHorizon || rules.wallMilliseconds < batch.baseTimestamp
    }

    /// Leaves of a batch what its producer is known by, or nothing.
    private func empty(_ batch: StoredBatch) -> SievedBatch {
        rules.isLast(batch) ? .replaced(batch.emptied()) : .emptied
    }

    private func payload(of batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[StoredBatch.headerSizeBytes..<batch.sizeBytes])
    }
}

/// The records that stay of one batch, on their way into its replacement.
private struct SievedRecords {
    let batch: StoredBatch
    var records: ByteBuffer
    /// What the records' times are counted from instead; nil: from what they were.
    let newBase: Int64?
    private var count: Int32 = 0
    private var maxTimestamp: Int64 = -1

    init(batch: StoredBatch, records: ByteBuffer, newBase: Int64?) {
        self.batch = batch
        self.records = records
        self.newBase = newBase
    }

    mutating func append(_ record: RecordPlace) {
        let timestamp = batch.baseTimestamp &+ record.timestampDelta
        maxTimestamp = max(maxTimestamp, timestamp)
        count += 1
        // With append time the batch's largest timestamp is every record's, and the deltas mean nothing.
        let delta = newBase.map { batch.hasAppendTime ? record.timestampDelta : timestamp &- $0 }
        records.writeRecord(record, timestampDelta: delta ?? record.timestampDelta)
    }

    /// The batch with these records in place of those in `bytes`.
    func batch(_ bytes: UnsafeRawBufferPointer) throws(BatchError) -> ByteBuffer {
        var header = BatchHeader(unchecked: bytes)
        header.recordCount = count
        if !batch.hasAppendTime { header.maxTimestamp = maxTimestamp }
        if let newBase {
            header.attributes.insert(.deleteHorizon)
            header.baseTimestamp = newBase
        }
        guard let codec = header.attributes.codec else {
            throw BatchError(.unsupportedCodec, "the batch names no codec")
        }
        return RecordBatchBuilder.batch(header, payload: try codec.compress(records))
    }
}

extension StoredBatch {
    /// The header alone: offsets, times, producer and sequence stay.
    func emptied() -> ByteBuffer {
        let flags = BatchAttributes(rawValue: attributes).intersection([.logAppendTime, .transactional, .control])
        return RecordBatchBuilder.batch(
            BatchHeader(
                baseOffset: baseOffset, partitionLeaderEpoch: epoch, attributes: flags,
                lastOffsetDelta: lastOffsetDelta,
                baseTimestamp: hasDeleteHorizon ? maxTimestamp : baseTimestamp, maxTimestamp: maxTimestamp,
                producerID: producerID, producerEpoch: producerEpoch, baseSequence: baseSequence),
            payload: ByteBuffer())
    }

    /// One batch in the place of `entries` emptied ones in a row.
    static func emptiedRun(offsets: Range<Int64>, entries: Int64, epoch: Int32) -> ByteBuffer {
        RecordBatchBuilder.batch(
            BatchHeader(
                baseOffset: offsets.lowerBound, partitionLeaderEpoch: epoch,
                lastOffsetDelta: Int32(offsets.count - 1), baseSequence: Int32(entries)),
            payload: ByteBuffer())
    }
}
