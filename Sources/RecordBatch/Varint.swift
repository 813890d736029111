import NIOCore

/// Kafka's variable-length integers inside records: zig-zag, seven bits a byte, low bits first.
enum Varint {
    /// Reads up to 64 bits at `offset`, which is moved behind them; nil where the bytes end, or go on past ten.
    static func read64(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 64 {
            let byte = bytes[offset]
            offset += 1
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(value & 1) }
            shift += 7
        }
        return nil
    }

    /// Reads 32 bits at `offset`, which is moved behind them; nil where the bytes end, or hold more.
    static func read32(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> Int32? {
        read64(bytes, at: &offset).flatMap(Int32.init(exactly:))
    }
}

extension ByteBuffer {
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
