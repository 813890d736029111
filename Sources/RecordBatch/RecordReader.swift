public import NIOCore

/// Reads the records of one batch, one after another.
///
/// Total: any bytes give records or an error, and nothing is allocated but what the bytes at hand justify. Keys and
/// values share the storage of the (decompressed) bytes.
public struct RecordReader: Sendable {
    private let bytes: ByteBuffer
    private var position = 0
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
        bytes = try codec.decompress(records, sizeBytesMax: uncompressedSizeBytesMax).slice()
        left = header.recordCount
    }

    /// Whether all records were read and no bytes are left over.
    public var isAtEnd: Bool { left == 0 && position == bytes.readableBytes }

    /// The next record; nil after the last.
    public mutating func next() throws(BatchError) -> Record? {
        let bytes = self.bytes
        var record: Record?
        try nextLayout { (layout, raw) throws(BatchError) in
            record = try Record(layout, raw, in: bytes)
        }
        return record
    }

    /// Gives `body` where the parts of the next record lie, without making anything of them; false after the last.
    @discardableResult
    mutating func nextLayout(
        _ body: (RecordLayout, UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) -> Bool {
        guard left > 0 else { return false }
        let start = position
        position = try bytes.withUnsafeReadableBytes { (raw) throws(BatchError) -> Int in
            let layout = try RecordLayout(raw, at: start)
            try body(layout, raw)
            return layout.end
        }
        left -= 1
        return true
    }
}

extension Record {
    /// The record that `layout` found in `raw`, the readable bytes of `bytes`.
    fileprivate init(
        _ layout: RecordLayout, _ raw: UnsafeRawBufferPointer, in bytes: ByteBuffer
    ) throws(BatchError) {
        func slice(_ range: Range<Int>?) -> ByteBuffer? {
            range.flatMap { bytes.getSlice(at: bytes.readerIndex + $0.lowerBound, length: $0.count) }
        }
        var headers: [Header] = []
        headers.reserveCapacity(layout.headerCount)
        let record = UnsafeRawBufferPointer(rebasing: raw[..<layout.end])
        var at = layout.headers
        for _ in 0..<layout.headerCount {
            let (name, value) = try RecordLayout.header(record, at: &at)
            // What is no UTF-8 is shown as Kafka's clients do, with replacement characters.
            headers.append(Header(key: String(decoding: raw[name], as: UTF8.self), value: slice(value)))
        }
        self.init(
            offsetDelta: layout.offsetDelta, timestampDelta: layout.timestampDelta, key: slice(layout.key),
            value: slice(layout.value), headers: headers)
    }
}
