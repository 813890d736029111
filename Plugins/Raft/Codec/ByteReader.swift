/// Reads encoded numbers from bytes that somebody else owns; every read is checked.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    /// The next byte to read; never beyond the end.
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    @inline(__always)
    mutating func byte(_ field: DecodeError.Field) throws(DecodeError) -> UInt8 {
        guard offset < bytes.count else { throw DecodeError(.truncated, field, at: offset) }
        let byte = bytes[offset]
        offset += 1
        return byte
    }

    /// A number in groups of seven bits, the lowest first (LEB128), in as few bytes as it needs.
    @inline(__always)
    mutating func varint(_ field: DecodeError.Field) throws(DecodeError) -> UInt64 {
        guard offset < bytes.count else { throw DecodeError(.truncated, field, at: offset) }
        let first = bytes[offset]
        guard first >= 0x80 else {
            offset += 1
            return UInt64(first)
        }
        return try longVarint(field)
    }

    private mutating func longVarint(_ field: DecodeError.Field) throws(DecodeError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        var next = offset
        while next < bytes.count {
            let byte = bytes[next]
            next += 1
            // The tenth byte holds the highest bit alone.
            guard shift < 63 || byte <= 1 else { throw DecodeError(.outOfRange, field, at: offset) }
            value |= UInt64(byte & 0x7f) &<< shift
            guard byte < 0x80 else {
                shift += 7
                continue
            }
            guard byte != 0 else { throw DecodeError(.notShortest, field, at: offset) }
            offset = next
            return value
        }
        throw DecodeError(.truncated, field, at: offset)
    }

    /// A number that stays a number when one is added: at most `Int64.max`.
    @inline(__always)
    mutating func number(_ field: DecodeError.Field) throws(DecodeError) -> UInt64 {
        let begin = offset
        let value = try varint(field)
        guard value <= UInt64(Int64.max) else { throw DecodeError(.outOfRange, field, at: begin) }
        return value
    }

    /// A number that is left out where it is 0.
    @inline(__always)
    mutating func nonzeroNumber(_ field: DecodeError.Field) throws(DecodeError) -> UInt64 {
        let begin = offset
        let value = try number(field)
        guard value != 0 else { throw DecodeError(.notShortest, field, at: begin) }
        return value
    }

    /// How many elements follow: at least one, each of at least one byte.
    mutating func count(_ field: DecodeError.Field, max: Int) throws(DecodeError) -> Int {
        let begin = offset
        let count = try nonzeroNumber(field)
        guard count <= UInt64(max) else { throw DecodeError(.overLimit, field, at: begin) }
        guard count <= UInt64(remaining) else { throw DecodeError(.truncated, field, at: begin) }
        return Int(count)
    }

    /// The range of `count` bytes, which are stepped over.
    mutating func range(count: UInt64, _ field: DecodeError.Field) throws(DecodeError) -> Range<Int> {
        guard count <= UInt64(remaining) else { throw DecodeError(.truncated, field, at: offset) }
        let begin = offset
        offset += Int(count)
        return begin..<offset
    }

    func end() throws(DecodeError) {
        guard offset == bytes.count else { throw DecodeError(.trailingBytes, .message, at: offset) }
    }
}

extension [UInt8] {
    /// Appends a number in groups of seven bits, the lowest first (LEB128).
    @inline(__always)
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a term, an index or a position, which decoding takes up to `Int64.max`.
    @inline(__always)
    mutating func appendNumber(_ value: UInt64) {
        precondition(value <= UInt64(Int64.max), "no term or index comes near the end of its type")
        appendVarint(value)
    }
}
