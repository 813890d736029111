import NIOCore

extension ByteBuffer {
    private mutating func readFixed<Number: FixedWidthInteger>(_ type: Number.Type) throws(WireError) -> Number {
        guard let value = readInteger(as: type) else {
            throw WireError(.truncated, "the bytes end inside a number")
        }
        return value
    }

    mutating func readInt8() throws(WireError) -> Int8 { try readFixed(Int8.self) }
    mutating func readInt16() throws(WireError) -> Int16 { try readFixed(Int16.self) }
    mutating func readUInt16() throws(WireError) -> UInt16 { try readFixed(UInt16.self) }
    mutating func readInt32() throws(WireError) -> Int32 { try readFixed(Int32.self) }
    mutating func readUInt32() throws(WireError) -> UInt32 { try readFixed(UInt32.self) }
    mutating func readInt64() throws(WireError) -> Int64 { try readFixed(Int64.self) }
    mutating func readFloat64() throws(WireError) -> Double { Double(bitPattern: try readFixed(UInt64.self)) }

    /// Any byte but zero is true, as in Kafka.
    mutating func readBool() throws(WireError) -> Bool { try readFixed(UInt8.self) != 0 }

    mutating func readUUID() throws(WireError) -> WireUUID {
        let high = try readFixed(UInt64.self)
        return WireUUID(high: high, low: try readFixed(UInt64.self))
    }

    mutating func writeUUID(_ value: WireUUID) {
        writeInteger(value.high)
        writeInteger(value.low)
    }

    /// Seven bits a byte, the lowest first; the upper bit says that more follow (KIP-482).
    mutating func readUnsignedVarint() throws(WireError) -> UInt32 {
        let first = try readFixed(UInt8.self)
        guard first >= 0x80 else { return UInt32(first) }
        var value = UInt32(first & 0x7f)
        for shift in stride(from: UInt32(7), through: 28, by: 7) {
            let byte = try readFixed(UInt8.self)
            if shift == 28, byte > 0x0f { break }
            value |= UInt32(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw WireError(.invalidVarint, "a variable-length integer has more than 32 bits")
    }

    mutating func writeUnsignedVarint(_ value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
