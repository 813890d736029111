import CZstd
import NIOCore

/// Zstandard through libzstd's streaming API; several frames one after another are one text.
enum Zstd {
    /// What the library takes for its default; Kafka's clients use 3.
    private static let level: Int32 = 3
    /// A frame that wants a larger window (128 MiB) is refused: the window is memory.
    private static let windowLogMax: Int32 = 27

    static func compress(_ bytes: ByteBuffer) throws(BatchError) -> ByteBuffer {
        let bound = ZSTD_compressBound(bytes.readableBytes)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        let status = bytes.withUnsafeReadableBytes { input in
            var status = 0
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                status = ZSTD_compress(room.baseAddress, room.count, input.baseAddress, input.count, level)
                return ZSTD_isError(status) == 0 ? status : 0
            }
            return status
        }
        guard ZSTD_isError(status) == 0 else { throw Codec.zstd.damaged(reason(status)) }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        guard let context = ZSTD_createDCtx() else { throw Codec.zstd.damaged("zstd has no memory") }
        defer { ZSTD_freeDCtx(context) }
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogMax)
        var output = BoundedOutput(sizeBytesMax: sizeBytesMax, expecting: bytes.readableBytes * 4)
        var input = bytes
        var hint = 1
        while input.readableBytes > 0 || hint != 0 {
            var consumed = 0
            var produced = 0
            output.write { room in
                input.withUnsafeReadableBytes { source in
                    var from = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                    var into = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                    hint = ZSTD_decompressStream(context, &into, &from)
                    consumed = from.pos
                    produced = into.pos
                }
                return ZSTD_isError(hint) == 0 ? produced : 0
            }
            guard ZSTD_isError(hint) == 0 else { throw Codec.zstd.damaged(reason(hint)) }
            if output.isOverLimit { throw Codec.zstd.tooLarge(sizeBytesMax) }
            input.moveReaderIndex(forwardBy: consumed)
            if consumed == 0, produced == 0 { throw Codec.zstd.damaged("they end too early") }
        }
        return output.buffer
    }

    private static func reason(_ status: Int) -> String {
        String(cString: ZSTD_getErrorName(status))
    }
}
