import CLZ4
import NIOCore

/// LZ4 frames through liblz4's frame API; several frames one after another are one text.
enum LZ4 {
    static func compress(_ bytes: ByteBuffer, level: Int32?) throws(BatchError) -> ByteBuffer {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        // Java's reader takes no others.
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.compressionLevel = level ?? 0
        let bound = LZ4F_compressFrameBound(bytes.readableBytes, &preferences)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        let status = bytes.withUnsafeReadableBytes { input in
            var status = 0
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                status = LZ4F_compressFrame(room.baseAddress, room.count, input.baseAddress, input.count, &preferences)
                return LZ4F_isError(status) == 0 ? status : 0
            }
            return status
        }
        guard LZ4F_isError(status) == 0 else { throw Codec.lz4.damaged(reason(status)) }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        var context: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0 else {
            throw Codec.lz4.damaged("lz4 has no memory")
        }
        defer { LZ4F_freeDecompressionContext(context) }
        var output = BoundedOutput(sizeBytesMax: sizeBytesMax, expecting: bytes.readableBytes * 4)
        var input = bytes
        var hint = 1
        while input.readableBytes > 0 || hint != 0 {
            var consumed = 0
            var produced = 0
            output.write { room in
                input.withUnsafeReadableBytes { source in
                    consumed = source.count
                    produced = room.count
                    hint = LZ4F_decompress(context, room.baseAddress, &produced, source.baseAddress, &consumed, nil)
                }
                return LZ4F_isError(hint) == 0 ? produced : 0
            }
            guard LZ4F_isError(hint) == 0 else { throw Codec.lz4.damaged(reason(hint)) }
            if output.isOverLimit { throw Codec.lz4.tooLarge(sizeBytesMax) }
            input.moveReaderIndex(forwardBy: consumed)
            if consumed == 0, produced == 0 { throw Codec.lz4.damaged("they end too early") }
        }
        return output.buffer
    }

    private static func reason(_ status: Int) -> String {
        String(cString: LZ4F_getErrorName(status))
    }
}
