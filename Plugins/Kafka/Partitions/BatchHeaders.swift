import NIOCore

/// What can be told from batch headers alone, walking from one to the next; the layout is docs/formats/log.md.
extension ByteBuffer {
    /// Calls `body` with the index of each whole batch header in the readable bytes.
    private func forEachBatch(_ body: (Int) -> Void) {
        var index = readerIndex
        while index + 61 <= writerIndex, let length = getInteger(at: index + 8, as: Int32.self), length >= 49 {
            body(index)
            index += 12 + Int(length)
        }
    }

    /// The records that the headers of the batches count.
    var recordCountByHeaders: UInt64 {
        var count: UInt64 = 0
        forEachBatch { count += UInt64(max(0, getInteger(at: $0 + 57, as: Int32.self) ?? 0)) }
        return count
    }

    /// Whether a batch is compressed with Zstandard (codec 4), which old clients cannot read (KIP-110).
    var containsZstdBatch: Bool {
        var found = false
        forEachBatch { if (getInteger(at: $0 + 21, as: UInt16.self) ?? 0) & 7 == 4 { found = true } }
        return found
    }
}
