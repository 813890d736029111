import NIOCore
import RecordBatch

/// Fills the map with the last offset of each key in the dirty part of a log. One thread at a time.
struct KeyScan {
    let map: OffsetMap
    let hashKey: HashKey
    /// Records before it are clean: a key's last one is among those behind it, or nowhere.
    let dirtyFrom: Int64
    let isAborted: @Sendable (_ producerID: Int64, _ offset: Int64) -> Bool
    /// The first offset that the map does not speak of.
    private(set) var end: Int64
    /// Whether the map was full before the segments ended.
    private(set) var isFull = false

    init(
        map: OffsetMap, hashKey: HashKey, dirtyFrom: Int64,
        isAborted: @escaping @Sendable (_ producerID: Int64, _ offset: Int64) -> Bool
    ) {
        self.map = map
        self.hashKey = hashKey
        self.dirtyFrom = dirtyFrom
        self.isAborted = isAborted
        end = dirtyFrom
    }

    /// Takes in the next batch, in the order of the offsets; nothing once the map is full.
    mutating func take(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) {
        guard !isFull, batch.nextOffset > end else { return }
        if batch.recordCount > 0, !batch.isControl,
            !(batch.isTransactional && isAborted(batch.producerID, batch.baseOffset))
        {
            // One that cannot be decoded supersedes nothing.
            do throws(BatchError) { try takeRecords(batch, bytes) } catch {}
        }
        if !isFull { end = batch.nextOffset }
    }

    private mutating func takeRecords(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) throws(BatchError) {
        let payload = UnsafeRawBufferPointer(rebasing: bytes[StoredBatch.headerSizeBytes..<batch.sizeBytes])
        guard let codec = BatchHeader(unchecked: bytes).attributes.codec else {
            throw BatchError(.unsupportedCodec, "the batch names no codec")
        }
        guard codec != .none else { return try takeRecords(batch, raw: payload) }
        let uncompressed = try codec.decompress(
            ByteBuffer(bytes: payload), sizeBytesMax: RecordSearch.uncompressedSizeBytesMax)
        var failure: BatchError?
        uncompressed.withUnsafeReadableBytes { raw in
            do throws(BatchError) { try takeRecords(batch, raw: raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func takeRecords(_ batch: StoredBatch, raw: UnsafeRawBufferPointer) throws(BatchError) {
        // First whether it is whole: the sieve keeps a batch that is not, and its records must not displace others.
        var check = RecordWalk(raw, count: batch.recordCount)
        while try check.next() != nil {}
        guard check.isAtEnd else { throw BatchError(.invalid, "bytes are left over behind the batch's records") }
        var walk = RecordWalk(raw, count: batch.recordCount)
        while let record = try walk.next() {
            let offset = batch.baseOffset &+ Int64(record.offsetDelta)
            guard offset >= dirtyFrom, let key = record.key else { continue }
            guard map.put(KeyHash(key, key: hashKey), offset) else {
                isFull = true
                return
            }
            end = offset + 1
        }
    }
}
