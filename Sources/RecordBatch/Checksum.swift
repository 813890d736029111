import CChecksum
public import NIOCore

/// CRC-32C (Castagnoli), in hardware where the processor has it.
public enum Checksum {
    /// The CRC-32C of the bytes, continued from `start`. About 0.05 ns a byte with SSE4.2.
    public static func crc32c(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return start }
        return weir_crc32c(start, base, bytes.count)
    }

    /// The CRC-32C of `count` bytes of the buffer from `index` on.
    ///
    /// - Precondition: They are readable.
    public static func crc32c(_ buffer: ByteBuffer, at index: Int, count: Int) -> UInt32 {
        buffer.withUnsafeReadableBytes { bytes in
            let begin = index - buffer.readerIndex
            return crc32c(UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + count]))
        }
    }

    /// The CRC-32C by tables, for tests.
    package static func crc32cByTable(_ bytes: UnsafeRawBufferPointer, continuing start: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return start }
        return weir_crc32c_table(start, base, bytes.count)
    }
}
