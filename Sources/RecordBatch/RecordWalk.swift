package import NIOCore

/// One record in the uncompressed bytes of its batch; valid while these are.
package struct RecordPlace {
    /// All of it, its length included.
    package let bytes: UnsafeRawBufferPointer
    /// Its key; nil: null.
    package let key: UnsafeRawBufferPointer?
    /// Whether its value is not null.
    package let hasValue: Bool
    /// Milliseconds, counted from the batch's base timestamp.
    package let timestampDelta: Int64
    /// Offset, counted from the batch's base offset.
    package let offsetDelta: Int32
    /// Where its attributes are, counted from its first byte.
    fileprivate let attributes: Int
    /// Where its offset delta begins.
    fileprivate let rest: Int

    fileprivate init(_ layout: RecordLayout, _ batch: UnsafeRawBufferPointer, from start: Int) {
        bytes = UnsafeRawBufferPointer(rebasing: batch[start..<layout.end])
        key = layout.key.map { UnsafeRawBufferPointer(rebasing: batch[$0]) }
        hasValue = layout.value != nil
        timestampDelta = layout.timestampDelta
        offsetDelta = layout.offsetDelta
        attributes = layout.attributes - start
        rest = layout.afterTimestamp - start
    }
}

/// Goes over the uncompressed records of a batch without making anything of them: what compaction does.
package struct RecordWalk {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var left: Int32

    /// A walk over the `count` records that `bytes` hold.
    package init(_ bytes: UnsafeRawBufferPointer, count: Int32) {
        self.bytes = bytes
        left = count
    }

    /// Whether all records were passed and no bytes are left over.
    package var isAtEnd: Bool { left <= 0 && position == bytes.count }

    /// The next record; nil after the last. Throws where the bytes are none.
    package mutating func next() throws(BatchError) -> RecordPlace? {
        guard left > 0 else { return nil }
        let layout = try RecordLayout(bytes, at: position)
        defer {
            position = layout.end
            left -= 1
        }
        return RecordPlace(layout, bytes, from: position)
    }
}

extension ByteBuffer {
    /// Appends a record as it is, but for its timestamp delta.
    package mutating func writeRecord(_ record: RecordPlace, timestampDelta: Int64) {
        if timestampDelta == record.timestampDelta {
            writeBytes(record.bytes)
            return
        }
        let rest = UnsafeRawBufferPointer(rebasing: record.bytes[record.rest...])
        writeVarint(Int32(1 + ByteBuffer.varlongSizeBytes(timestampDelta) + rest.count))
        writeInteger(record.bytes[record.attributes])
        writeVarlong(timestampDelta)
        writeBytes(rest)
    }
}
