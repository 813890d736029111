public import NIOCore

/// Makes one batch out of records.
public struct RecordBatchBuilder: Sendable {
    /// The codec of the records.
    public var codec: Codec
    /// The codec's effort, as it counts it; nil: its default.
    public var level: Int32?
    /// Flags beside the codec.
    public var attributes: BatchAttributes
    /// The idempotent producer; -1: none.
    public var producerID: Int64
    /// Its epoch.
    public var producerEpoch: Int16
    /// Its sequence number of the first record.
    public var baseSequence: Int32

    /// Records so far.
    public private(set) var recordCount: Int32 = 0
    private var records = ByteBuffer()
    private var baseTimestamp: Int64 = -1
    private var maxTimestamp: Int64 = -1

    /// A batch without records.
    public init(
        codec: Codec = .none, attributes: BatchAttributes = [], producerID: Int64 = -1, producerEpoch: Int16 = -1,
        baseSequence: Int32 = -1
    ) {
        self.codec = codec
        self.attributes = attributes
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.baseSequence = baseSequence
    }

    /// Bytes of the batch so far, its records not compressed.
    public var sizeBytes: Int { BatchHeader.sizeBytes + records.readableBytes }

    /// Appends a record with an absolute timestamp, in milliseconds since 1970.
    public mutating func append(
        timestamp: Int64, key: ByteBuffer? = nil, value: ByteBuffer?, headers: [Record.Header] = []
    ) {
        if recordCount == 0 { baseTimestamp = timestamp }
        maxTimestamp = max(maxTimestamp, timestamp)
        let timestampDelta = timestamp &- baseTimestamp
        var size = 1 + ByteBuffer.varlongSizeBytes(timestampDelta) + ByteBuffer.varintSizeBytes(recordCount)
        size += Self.sizeBytes(key) + Self.sizeBytes(value) + ByteBuffer.varintSizeBytes(Int32(headers.count))
        for header in headers {
            let count = header.key.utf8.count
            size += ByteBuffer.varintSizeBytes(Int32(count)) + count + Self.sizeBytes(header.value)
        }
        records.reserveCapacity(minimumWritableBytes: size + 5)
        records.writeVarint(Int32(size))
        records.writeInteger(Int8(0))
        records.writeVarlong(timestampDelta)
        records.writeVarint(recordCount)
        write(key)
        write(value)
        records.writeVarint(Int32(headers.count))
        for header in headers {
            records.writeVarint(Int32(header.key.utf8.count))
            records.writeString(header.key)
            write(header.value)
        }
        recordCount += 1
    }

    /// The batch, with its checksum.
    public func build(baseOffset: Int64 = 0, leaderEpoch: Int32 = -1) throws(BatchError) -> ByteBuffer {
        let payload = try codec.compress(records, level: level)
        return Self.batch(
            BatchHeader(
                baseOffset: baseOffset, partitionLeaderEpoch: leaderEpoch, attributes: attributes.with(codec),
                lastOffsetDelta: recordCount - 1, baseTimestamp: baseTimestamp, maxTimestamp: maxTimestamp,
                producerID: producerID, producerEpoch: producerEpoch, baseSequence: baseSequence,
                recordCount: recordCount),
            payload: payload)
    }

    /// A batch of any header and payload, with its length and its checksum: for the log's own entries.
    public static func batch(_ header: BatchHeader, payload: ByteBuffer) -> ByteBuffer {
        var header = header
        header.batchLength = Int32(
            BatchHeader.sizeBytes - BatchHeader.lengthPrefixSizeBytes + payload.readableBytes)
        header.checksum = 0
        var batch = ByteBufferAllocator().buffer(capacity: header.batchSizeBytes)
        header.write(to: &batch)
        batch.writeImmutableBuffer(payload)
        let count = header.batchSizeBytes - BatchHeader.checksummedFrom
        batch.setInteger(Checksum.crc32c(batch, at: BatchHeader.checksummedFrom, count: count), at: 17)
        return batch
    }

    private mutating func write(_ bytes: ByteBuffer?) {
        guard let bytes else {
            records.writeVarint(-1)
            return
        }
        records.writeVarint(Int32(bytes.readableBytes))
        records.writeImmutableBuffer(bytes)
    }

    private static func sizeBytes(_ bytes: ByteBuffer?) -> Int {
        let count = bytes?.readableBytes ?? 0
        return ByteBuffer.varintSizeBytes(bytes == nil ? -1 : Int32(count)) + count
    }
}
