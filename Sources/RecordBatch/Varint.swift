import NIOCore

/// Kafka's variable-length integers inside records: zig-zag, seven bits a byte, low bits first.
extension ByteBuffer {
    /// Reads 32 bits; nil where the bytes end, or go on past five.
    mutating func readVarint() -> Int32? {
        guard let raw = readVariable(bytesMax: 5), raw <= UInt64(UInt32.max) else { return nil }
        let bits = UInt32(raw)
        return Int32(bitPattern: bits >> 1) ^ -Int32(bits & 1)
    }

    /// Reads 64 bits; nil where the bytes end, or go on past ten.
    mutating func readVarlong() -> Int64? {
        guard let raw = readVariable(bytesMax: 10) else { return nil }
        return Int64(bitPattern: raw >> 1) ^ -Int64(raw & 1)
    }

    private mutating func readVariable(bytesMax: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<bytesMax {
            guard let byte = readInteger(as: UInt8.self) else { return nil }
            if index == 9, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 { return value }
        }
        return nil
    }

    mutating func writeVarint(_ value: Int32) {
        writeVariable(UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
    }

    mutating func writeVarlong(_ value: Int64) {
        writeVariable(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    private mutating func writeVariable(_ value: UInt64) {
        var left = value
        while left >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        writeInteger(UInt8(left))
    }

    /// Bytes that `writeVarint` writes.
    static func varintSizeBytes(_ value: Int32) -> Int {
        variableSizeBytes(UInt64(UInt32(bitPattern: value << 1 ^ value >> 31)))
    }

    /// Bytes that `writeVarlong` writes.
    static func varlongSizeBytes(_ value: Int64) -> Int {
        variableSizeBytes(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    private static func variableSizeBytes(_ value: UInt64) -> Int {
        (70 - (value | 1).leadingZeroBitCount) / 7
    }
}
