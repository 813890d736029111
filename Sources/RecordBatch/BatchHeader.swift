public import NIOCore

/// The header of a record batch, format version 2: the 61 bytes before the records.
///
/// Kafka, "Record Batch" of the protocol guide. All integers are big-endian. The checksum covers everything
/// from `attributes` on, so base offset and leader epoch can be set without it.
public struct BatchHeader: Sendable, Hashable {
    /// Bytes of the header.
    public static let sizeBytes = 61
    /// Bytes before those that `batchLength` counts.
    public static let lengthPrefixSizeBytes = 12
    /// Where the checksummed bytes begin.
    public static let checksummedFrom = 21
    /// The format version read and written here.
    public static let currentMagic: Int8 = 2

    /// Offset of the first record.
    public var baseOffset: Int64
    /// Bytes after this field.
    public var batchLength: Int32
    /// The epoch of the leader that appended it; -1 from a producer.
    public var partitionLeaderEpoch: Int32
    /// The format version.
    public var magic: Int8
    /// CRC-32C of everything from `attributes` on.
    public var checksum: UInt32
    /// Codec and flags.
    public var attributes: BatchAttributes
    /// Offset of the last record, counted from the base offset.
    public var lastOffsetDelta: Int32
    /// Timestamp that those of the records are counted from, in milliseconds since 1970; -1: none.
    public var baseTimestamp: Int64
    /// The largest timestamp, or the append time; -1: none.
    public var maxTimestamp: Int64
    /// The idempotent producer; -1: none.
    public var producerID: Int64
    /// Its epoch; -1: none.
    public var producerEpoch: Int16
    /// Its sequence number of the first record; -1: none.
    public var baseSequence: Int32
    /// Records in the batch.
    public var recordCount: Int32

    /// Bytes of the whole batch.
    public var batchSizeBytes: Int { Self.lengthPrefixSizeBytes + Int(batchLength) }
    /// Offset of the last record.
    public var lastOffset: Int64 { baseOffset &+ Int64(lastOffsetDelta) }
    /// Whether an idempotent producer sent it.
    public var hasProducer: Bool { producerID >= 0 }
    /// The sequence number of its last record; wraps from Int32.max to 0.
    public var lastSequence: Int32 { ProducerSequence.advance(baseSequence, by: lastOffsetDelta) }

    /// A header of an empty batch without producer.
    public init(
        baseOffset: Int64 = 0, batchLength: Int32 = 49, partitionLeaderEpoch: Int32 = -1, magic: Int8 = 2,
        checksum: UInt32 = 0, attributes: BatchAttributes = [], lastOffsetDelta: Int32 = 0, baseTimestamp: Int64 = -1,
        maxTimestamp: Int64 = -1, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1,
        recordCount: Int32 = 0
    ) {
        self.baseOffset = baseOffset
        self.batchLength = batchLength
        self.partitionLeaderEpoch = partitionLeaderEpoch
        self.magic = magic
        self.checksum = checksum
        self.attributes = attributes
        self.lastOffsetDelta = lastOffsetDelta
        self.baseTimestamp = baseTimestamp
        self.maxTimestamp = maxTimestamp
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.baseSequence = baseSequence
        self.recordCount = recordCount
    }

    /// Reads the header that begins at `index` of the buffer; nothing is moved or copied.
    ///
    /// Says nothing of the bytes behind it, nor of the checksum. Throws `truncated`, and `unsupportedMagic` for
    /// other format versions, whose fields lie elsewhere.
    public init(of buffer: ByteBuffer, at index: Int) throws(BatchError) {
        let available = buffer.writerIndex - index
        guard index >= buffer.readerIndex, available >= 17 else {
            throw BatchError(.truncated, "\(max(0, available)) bytes are less than a batch header")
        }
        let magic: Int8 = buffer.getInteger(at: index + 16) ?? 0
        guard magic == Self.currentMagic else {
            throw BatchError(.unsupportedMagic, "message format \(magic) is not supported; produce format 2")
        }
        guard available >= Self.sizeBytes else {
            throw BatchError(.truncated, "\(available) bytes are less than a batch header")
        }
        self = buffer.withUnsafeReadableBytes { bytes in
            BatchHeader(unchecked: UnsafeRawBufferPointer(rebasing: bytes[(index - buffer.readerIndex)...]))
        }
    }

    /// Reads a header from at least 61 bytes; the magic is the caller's to check.
    ///
    /// - Precondition: There are 61 bytes.
    public init(unchecked bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= Self.sizeBytes, "a batch header has 61 bytes")
        func load<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) -> Value {
            Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        baseOffset = load(0, Int64.self)
        batchLength = load(8, Int32.self)
        partitionLeaderEpoch = load(12, Int32.self)
        magic = load(16, Int8.self)
        checksum = load(17, UInt32.self)
        attributes = BatchAttributes(rawValue: load(21, Int16.self))
        lastOffsetDelta = load(23, Int32.self)
        baseTimestamp = load(27, Int64.self)
        maxTimestamp = load(35, Int64.self)
        producerID = load(43, Int64.self)
        producerEpoch = load(51, Int16.self)
        baseSequence = load(53, Int32.self)
        recordCount = load(57, Int32.self)
    }

    /// Appends the 61 bytes.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(baseOffset, batchLength, partitionLeaderEpoch, magic, checksum)
        buffer.writeMultipleIntegers(attributes.rawValue, lastOffsetDelta, baseTimestamp, maxTimestamp)
        buffer.writeMultipleIntegers(producerID, producerEpoch, baseSequence, recordCount)
    }
}

/// Codec and flags of a batch: its attributes field.
public struct BatchAttributes: OptionSet, Sendable, Hashable {
    /// The bits as they are on the wire.
    public let rawValue: Int16
    /// These bits.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// The timestamps are the time of the append, not of the creation.
    public static let logAppendTime = BatchAttributes(rawValue: 1 << 3)
    /// The batch is part of a transaction.
    public static let transactional = BatchAttributes(rawValue: 1 << 4)
    /// The batch is no user's: a transaction marker, or one of the log's own.
    public static let control = BatchAttributes(rawValue: 1 << 5)
    /// `baseTimestamp` is the horizon after which tombstones may go (KIP-534).
    public static let deleteHorizon = BatchAttributes(rawValue: 1 << 6)

    /// The bits that name the codec.
    static let codecMask: Int16 = 0x07

    /// The number of the codec, known or not.
    public var codecNumber: Int16 { rawValue & Self.codecMask }
    /// The codec; nil where the number is none of Kafka's.
    public var codec: Codec? { Codec(rawValue: codecNumber) }

    /// These flags with `codec`.
    public func with(_ codec: Codec) -> BatchAttributes {
        BatchAttributes(rawValue: rawValue & ~Self.codecMask | codec.rawValue)
    }
}

/// Arithmetic of producers' sequence numbers, which wrap from Int32.max to 0.
public enum ProducerSequence {
    /// The number `count` after `sequence`.
    public static func advance(_ sequence: Int32, by count: Int32) -> Int32 {
        let sum = Int64(sequence) + Int64(count)
        return Int32(truncatingIfNeeded: sum > Int64(Int32.max) ? sum - Int64(Int32.max) - 1 : sum)
    }
}
