import CChecksum

/// The fixed fields of a v2 batch, as they are stored (docs/formats/log.md, "Batch").
///
/// Read once from the first 61 bytes; everything a log decides about a batch follows from them.
struct StoredBatch: Equatable, Sendable {
    /// Bytes before the first record.
    static let headerSizeBytes = 61
    /// Bytes before those that the length field counts.
    static let lengthEnd = 12
    /// Where the bytes begin that the checksum covers.
    static let checksummedFrom = 21
    /// Base offset, length and leader epoch: what a log patches lies here, outside the checksum.
    static let prefixSizeBytes = 16
    /// In the attributes: its records are of their producer's transaction.
    static let transactionalBit: Int16 = 0x10
    /// In the attributes: it holds no records of anybody's.
    static let controlBit: Int16 = 0x20

    /// The offset of its first record.
    var baseOffset: Int64
    /// The whole batch, base offset and length fields included.
    var sizeBytes: Int
    /// The leader epoch (Raft: the term).
    var epoch: Int32
    /// The batch format; 2 is the only one a log takes.
    var magic: Int8
    /// CRC-32C of what follows it.
    var checksum: UInt32
    /// Compression, timestamp type, transactional, control.
    var attributes: Int16
    /// The last offset, relative to the base; −1 in an internal batch.
    var lastOffsetDelta: Int32
    /// The first record's timestamp.
    var baseTimestamp: Int64
    /// The largest timestamp of its records.
    var maxTimestamp: Int64
    /// Whose it is; −1: nobody's.
    var producerID: Int64
    /// The epoch of its producer.
    var producerEpoch: Int16
    /// The sequence number of its first record.
    var baseSequence: Int32
    /// How many records it says it has.
    var recordCount: Int32

    /// The fields in `bytes`; nil where these are fewer than 61.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSizeBytes, let start = bytes.baseAddress else { return nil }
        func load<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) -> Value {
            Value(bigEndian: start.loadUnaligned(fromByteOffset: offset, as: type))
        }
        baseOffset = load(0, Int64.self)
        sizeBytes = Int(load(8, Int32.self)) + Self.lengthEnd
        epoch = load(12, Int32.self)
        magic = load(16, Int8.self)
        checksum = load(17, UInt32.self)
        attributes = load(21, Int16.self)
        lastOffsetDelta = load(23, Int32.self)
        baseTimestamp = load(27, Int64.self)
        maxTimestamp = load(35, Int64.self)
        producerID = load(43, Int64.self)
        producerEpoch = load(51, Int16.self)
        baseSequence = load(53, Int32.self)
        recordCount = load(57, Int32.self)
    }

    /// Whether it is a transaction marker or an internal batch.
    var isControl: Bool { attributes & Self.controlBit != 0 }
    /// Whether its records, or its marker, are of its producer's transaction.
    var isTransactional: Bool { attributes & Self.transactionalBit != 0 }
    /// Whether it is one of the log's own: no records, no offsets, never returned by a fetch.
    var isInternal: Bool { lastOffsetDelta == -1 && recordCount == 0 && isControl }
    /// Whether its records are gone: it was cleaned, and only its offsets and its producer's last sequence are left.
    var isEmptied: Bool { recordCount == 0 && lastOffsetDelta >= 0 }
    /// Whether it stands for emptied entries in a row (docs/formats/log.md, "Cleaned batches").
    var isEmptiedRun: Bool { isEmptied && producerID < 0 && baseSequence > 0 }
    /// How many Raft entries it is; a segment's header, which is none, counts as one here.
    var entryCount: Int64 { isEmptiedRun ? Int64(baseSequence) : 1 }
    /// Whether its base timestamp is the time after which its tombstones, or it as a marker, may go (KIP-534).
    var hasDeleteHorizon: Bool { attributes & 0x40 != 0 }
    /// Whether its records all carry `maxTimestamp` (LogAppendTime).
    var hasAppendTime: Bool { attributes & 0x08 != 0 }
    /// The offset after its last record.
    var nextOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) &+ 1 }

    /// Whether the bytes that follow the header may be asked for: the size is one a batch can have.
    var hasPlausibleSize: Bool { sizeBytes >= Self.headerSizeBytes }

    /// Whether the fields can be those of the batch that follows, at `offset` and in one of `epochs`.
    func follows(offset: Int64, epochs: ClosedRange<Int32>) -> Bool {
        magic == 2 && hasPlausibleSize && baseOffset == offset && epochs.contains(epoch)
            && (lastOffsetDelta >= 0 ? recordCount >= 0 : isInternal)
    }

    /// Whether the checksum of the whole batch in `bytes` is right.
    func isIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= sizeBytes, let start = bytes.baseAddress else { return false }
        let from = Self.checksummedFrom
        return weir_crc32c(0, start + from, sizeBytes - from) == checksum
    }
}
