public import NIOCore

/// One record of a batch, with its offset and time counted from the batch's.
public struct Record: Sendable, Hashable {
    /// A header of a record: a name, and bytes or nothing.
    public struct Header: Sendable, Hashable {
        /// The name; not unique.
        public var key: String
        /// The bytes; nil is null, which is not empty.
        public var value: ByteBuffer?

        /// A header.
        public init(key: String, value: ByteBuffer?) {
            self.key = key
            self.value = value
        }
    }

    /// The fewest bytes that a record takes: length, attributes, deltas, two lengths and a count.
    static let sizeBytesMin = 7

    /// Offset, counted from the batch's base offset.
    public var offsetDelta: Int32
    /// Milliseconds, counted from the batch's base timestamp.
    public var timestampDelta: Int64
    /// The key; nil is null, which is not empty.
    public var key: ByteBuffer?
    /// The value; nil is null: a tombstone in compacted topics.
    public var value: ByteBuffer?
    /// The headers, in order.
    public var headers: [Header]

    /// A record.
    public init(
        offsetDelta: Int32 = 0, timestampDelta: Int64 = 0, key: ByteBuffer? = nil, value: ByteBuffer?,
        headers: [Header] = []
    ) {
        self.offsetDelta = offsetDelta
        self.timestampDelta = timestampDelta
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Reads the records of one batch, one after another.
///
/// Total: any bytes give records or an error, and nothing is allocated but what the bytes at hand justify. Keys and
/// values share the storage of the (decompressed) bytes.
public struct RecordReader: Sendable {
    private var bytes: ByteBuffer
    private var left: Int32

    /// A reader of the batch that begins at the buffer's reader index and has `header`.
    ///
    /// Decompresses the records, to at most `uncompressedSizeBytesMax` bytes. A control batch without records
    /// gives none.
    public init(_ batch: ByteBuffer, header: BatchHeader, uncompressedSizeBytesMax: Int) throws(BatchError) {
        guard
            header.batchSizeBytes >= BatchHeader.sizeBytes,
            let records = batch.getSlice(
                at: batch.readerIndex + BatchHeader.sizeBytes, length: header.batchSizeBytes - BatchHeader.sizeBytes)
        else { throw BatchError(.truncated, "the buffer ends before the batch does") }
        guard let codec = header.attributes.codec else {
            throw BatchError(.unsupportedCodec, "codec \(header.attributes.codecNumber) is unknown")
        }
        guard header.recordCount >= 0 else { throw BatchError(.invalid, "\(header.recordCount) records") }
        bytes = try codec.decompress(records, sizeBytesMax: uncompressedSizeBytesMax)
        left = header.recordCount
    }

    /// Whether all records were read and no bytes are left over.
    public var isAtEnd: Bool { left == 0 && bytes.readableBytes == 0 }

    /// The next record; nil after the last.
    public mutating func next() throws(BatchError) -> Record? {
        guard left > 0 else { return nil }
        guard let size = bytes.readVarint(), size >= 0, var record = bytes.readSlice(length: Int(size)) else {
            throw Self.damaged
        }
        left -= 1
        guard record.readInteger(as: Int8.self) != nil, let timestampDelta = record.readVarlong(),
            let offsetDelta = record.readVarint()
        else { throw Self.damaged }
        let key = try Self.bytes(&record)
        let value = try Self.bytes(&record)
        let headers = try Self.headers(&record)
        guard record.readableBytes == 0 else { throw Self.damaged }
        return Record(
            offsetDelta: offsetDelta, timestampDelta: timestampDelta, key: key, value: value, headers: headers)
    }

    private static func headers(_ record: inout ByteBuffer) throws(BatchError) -> [Record.Header] {
        guard let count = record.readVarint(), count >= 0, Int(count) <= record.readableBytes / 2 else { throw damaged }
        var headers: [Record.Header] = []
        headers.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let key = try bytes(&record) else { throw damaged }
            guard let name = String(validating: key.readableBytesView, as: UTF8.self) else { throw damaged }
            headers.append(Record.Header(key: name, value: try bytes(&record)))
        }
        return headers
    }

    private static func bytes(_ record: inout ByteBuffer) throws(BatchError) -> ByteBuffer? {
        guard let size = record.readVarint(), size >= -1 else { throw damaged }
        if size == -1 { return nil }
        guard let slice = record.readSlice(length: Int(size)) else { throw damaged }
        return slice
    }

    private static var damaged: BatchError { BatchError(.invalid, "a record's lengths contradict its bytes") }
}
