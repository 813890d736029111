import NIOCore

/// A tagged field whose value is next in the buffer.
struct TaggedField {
    let tag: UInt32
    /// The reader index behind its value.
    let end: Int
}

/// Tagged fields (KIP-482): their count, then for each its tag, its size and its value.
extension ByteBuffer {
    mutating func readTaggedField() throws(WireError) -> TaggedField {
        let tag = try readUnsignedVarint()
        let size = Int(try readUnsignedVarint())
        guard size <= readableBytes else {
            throw WireError(.truncated, "a tagged field of \(size) bytes, and \(readableBytes) follow")
        }
        return TaggedField(tag: tag, end: readerIndex + size)
    }

    /// Checks that the value just read ended where its size said.
    mutating func finish(_ field: TaggedField) throws(WireError) {
        guard readerIndex == field.end else {
            throw WireError(.invalidTaggedField, "the field of tag \(field.tag) does not have the size it said")
        }
    }

    mutating func skipTaggedFields() throws(WireError) {
        var count = try readUnsignedVarint()
        while count > 0 {
            count -= 1
            let field = try readTaggedField()
            moveReaderIndex(to: field.end)
        }
    }

    /// Writes a tag and leaves one byte for the size, whose place it returns.
    mutating func beginTaggedField(_ tag: UInt32) -> Int {
        writeUnsignedVarint(tag)
        writeInteger(UInt8(0))
        return writerIndex - 1
    }

    /// Fills in the size of what was written since; moves it when its size takes more than a byte.
    mutating func endTaggedField(_ start: Int) {
        let size = writerIndex - start - 1
        let startOfReadable = readerIndex
        if size < 0x80 {
            setInteger(UInt8(size), at: start)
            return
        }
        // Rare: a long value moves up by the bytes that its size takes beyond the first.
        let sizeBytes = size < 0x4000 ? 2 : size < 0x20_0000 ? 3 : size < 0x1000_0000 ? 4 : 5
        writeRepeatingByte(0, count: sizeBytes - 1)
        withUnsafeMutableReadableBytes { (bytes: UnsafeMutableRawBufferPointer) in
            let first = start - startOfReadable
            let value = UnsafeRawBufferPointer(rebasing: bytes[(first + 1)..<(first + 1 + size)])
            UnsafeMutableRawBufferPointer(rebasing: bytes[(first + sizeBytes)...]).copyMemory(from: value)
            for position in 0..<sizeBytes {
                let group = UInt8(truncatingIfNeeded: size >> (7 * position)) & 0x7f
                bytes[first + position] = position == sizeBytes - 1 ? group : group | 0x80
            }
        }
    }
}
