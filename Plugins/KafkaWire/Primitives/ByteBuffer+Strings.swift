import NIOCore

/// Strings and bytes: a length, then what it counts.
///
/// A compact length is a varint of the length plus one, zero for null. Otherwise it is an int16 (strings) or an
/// int32 (bytes), −1 for null. Strings are at most 32,767 bytes in both forms, as in Kafka.
extension ByteBuffer {
    static let stringSizeMax = Int(Int16.max)

    mutating func readString(flexible: Bool) throws(WireError) -> String {
        guard let value = try readNullableString(flexible: flexible) else {
            throw WireError(.unexpectedNull, "a string is null where none may be")
        }
        return value
    }

    mutating func readNullableString(flexible: Bool) throws(WireError) -> String? {
        let length = flexible ? Int(try readUnsignedVarint()) - 1 : Int(try readInt16())
        guard length != -1 else { return nil }
        guard length >= 0, length <= Self.stringSizeMax else {
            throw WireError(.invalidLength, "a string of \(length) bytes; it may have \(Self.stringSizeMax)")
        }
        guard length <= readableBytes else {
            throw WireError(.truncated, "a string of \(length) bytes, and \(readableBytes) follow")
        }
        let text = withUnsafeReadableBytes { (bytes: UnsafeRawBufferPointer) -> String? in
            String(validating: UnsafeRawBufferPointer(rebasing: bytes[..<length]), as: UTF8.self)
        }
        guard let text else { throw WireError(.invalidString, "a string is not UTF-8") }
        moveReaderIndex(forwardBy: length)
        return text
    }

    mutating func writeString(_ value: String, flexible: Bool) throws(WireError) {
        let length = value.utf8.count
        guard length <= Self.stringSizeMax else {
            throw WireError(.tooLong, "a string of \(length) bytes; it may have \(Self.stringSizeMax)")
        }
        if flexible {
            writeUnsignedVarint(UInt32(length) + 1)
        } else {
            writeInteger(Int16(length))
        }
        writeString(value)
    }

    mutating func writeNullableString(_ value: String?, flexible: Bool) throws(WireError) {
        if let value { return try writeString(value, flexible: flexible) }
        if flexible {
            writeInteger(UInt8(0))
        } else {
            writeInteger(Int16(-1))
        }
    }

    mutating func readBytes(flexible: Bool) throws(WireError) -> ByteBuffer {
        guard let value = try readNullableBytes(flexible: flexible) else {
            throw WireError(.unexpectedNull, "bytes are null where they may not be")
        }
        return value
    }

    /// A slice that shares this buffer's storage.
    mutating func readNullableBytes(flexible: Bool) throws(WireError) -> ByteBuffer? {
        let length = flexible ? Int(try readUnsignedVarint()) - 1 : Int(try readInt32())
        guard length != -1 else { return nil }
        guard length >= 0 else { throw WireError(.invalidLength, "bytes of the length \(length)") }
        guard let slice = readSlice(length: length) else {
            throw WireError(.truncated, "\(length) bytes are announced, and \(readableBytes) follow")
        }
        return slice
    }

    mutating func writeBytes(_ value: ByteBuffer, flexible: Bool) throws(WireError) {
        try writeCount(value.readableBytes, flexible: flexible)
        writeImmutableBuffer(value)
    }

    mutating func writeNullableBytes(_ value: ByteBuffer?, flexible: Bool) throws(WireError) {
        if let value { return try writeBytes(value, flexible: flexible) }
        writeNullCount(flexible: flexible)
    }
}
