import CSnappy
import NIOCore

/// Snappy in the framing of the xerial library, which Kafka's clients use: a magic, two versions, then blocks of a
/// length and raw Snappy bytes. Raw Snappy without framing is read too, as Kafka does.
enum Snappy {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0]
    private static let headerSizeBytes = 16
    private static let blockSizeBytes = 32 * 1024

    static func compress(_ bytes: ByteBuffer) throws(BatchError) -> ByteBuffer {
        var input = bytes
        var output = ByteBufferAllocator().buffer(capacity: headerSizeBytes + bytes.readableBytes)
        output.writeBytes(magic)
        output.writeMultipleIntegers(Int32(1), Int32(1))
        while let block = input.readSlice(length: min(input.readableBytes, blockSizeBytes)), block.readableBytes > 0 {
            let start = output.writerIndex
            output.writeInteger(Int32(0))
            var size = snappy_max_compressed_length(block.readableBytes)
            let status = block.withUnsafeReadableBytes { input in
                var status = SNAPPY_OK
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { room in
                    status = snappy_compress(
                        input.bindMemory(to: CChar.self).baseAddress, input.count,
                        room.bindMemory(to: CChar.self).baseAddress, &size)
                    return status == SNAPPY_OK ? size : 0
                }
                return status
            }
            guard status == SNAPPY_OK else { throw Codec.snappy.damaged("snappy says \(status.rawValue)") }
            output.setInteger(Int32(size), at: start)
        }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        var input = bytes
        guard input.readableBytesView.starts(with: magic) else {
            var output = ByteBuffer()
            try append(input, to: &output, sizeBytesMax)
            return output
        }
        var output = ByteBufferAllocator().buffer(capacity: min(sizeBytesMax, bytes.readableBytes * 3))
        while input.readableBytes > 0 {
            // A stream begins here: the first, or one written behind it.
            if input.readableBytesView.starts(with: magic) {
                guard input.readSlice(length: headerSizeBytes) != nil else {
                    throw Codec.snappy.damaged("they end in their header")
                }
                continue
            }
            guard let size = input.readInteger(as: Int32.self), size >= 0,
                let block = input.readSlice(length: Int(size))
            else { throw Codec.snappy.damaged("a block's length contradicts the bytes") }
            try append(block, to: &output, sizeBytesMax)
        }
        return output
    }

    /// Unfolds one raw block; its own header says to how many bytes, which is checked before anything is allocated.
    private static func append(
        _ block: ByteBuffer, to output: inout ByteBuffer, _ sizeBytesMax: Int
    ) throws(BatchError) {
        var size = 0
        let isReadable = block.withUnsafeReadableBytes {
            snappy_uncompressed_length($0.bindMemory(to: CChar.self).baseAddress, $0.count, &size) == SNAPPY_OK
        }
        // No Snappy element makes more than 64 bytes out of two, so a claim beyond that is a lie.
        guard isReadable, size <= block.readableBytes * 64 else { throw Codec.snappy.damaged("a block's header") }
        guard output.readableBytes + size <= sizeBytesMax else { throw Codec.snappy.tooLarge(sizeBytesMax) }
        if size == 0 { return }
        let isWhole = block.withUnsafeReadableBytes { input in
            var isWhole = false
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { room in
                var count = size
                isWhole =
                    snappy_uncompress(
                        input.bindMemory(to: CChar.self).baseAddress, input.count,
                        room.bindMemory(to: CChar.self).baseAddress, &count) == SNAPPY_OK
                return isWhole ? count : 0
            }
            return isWhole
        }
        guard isWhole else { throw Codec.snappy.damaged("a block does not unfold") }
    }
}
