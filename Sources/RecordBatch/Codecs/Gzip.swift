import CZlib
import NIOCore

/// gzip (RFC 1952) through zlib; several members one after another are one text.
enum Gzip {
    /// 15 bits of window, and 16 for gzip's own header and trailer.
    private static let windowBits: Int32 = 15 + 16

    static func compress(_ bytes: ByteBuffer, level: Int32?) throws(BatchError) -> ByteBuffer {
        var stream = z_stream()
        let version = ZLIB_VERSION
        let size = Int32(MemoryLayout<z_stream>.size)
        let level = min(max(level ?? Z_DEFAULT_COMPRESSION, Z_DEFAULT_COMPRESSION), Z_BEST_COMPRESSION)
        guard
            deflateInit2_(&stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, version, size)
                == Z_OK
        else { throw Codec.gzip.damaged("zlib has no memory") }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.readableBytes)))
        var output = ByteBufferAllocator().buffer(capacity: bound)
        let status = bytes.withUnsafeReadableBytes { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(input.count)
            var status: Int32 = Z_OK
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(room.count)
                status = deflate(&stream, Z_FINISH)
                return room.count - Int(stream.avail_out)
            }
            return status
        }
        guard status == Z_STREAM_END else { throw Codec.gzip.damaged("zlib says \(status)") }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        var stream = z_stream()
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw Codec.gzip.damaged("zlib has no memory")
        }
        defer { inflateEnd(&stream) }
        var output = BoundedOutput(sizeBytesMax: sizeBytesMax, expecting: bytes.readableBytes * 4)
        var result: Result<Void, BatchError> = .success(())
        bytes.withUnsafeReadableBytes { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(input.count)
            do throws(BatchError) {
                try inflateAll(&stream, into: &output, sizeBytesMax)
            } catch {
                result = .failure(error)
            }
        }
        try result.get()
        return output.buffer
    }

    private static func inflateAll(
        _ stream: inout z_stream, into output: inout BoundedOutput, _ sizeBytesMax: Int
    ) throws(BatchError) {
        while true {
            var status: Int32 = Z_OK
            output.write { room in
                stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(room.count)
                status = inflate(&stream, Z_NO_FLUSH)
                return room.count - Int(stream.avail_out)
            }
            if output.isOverLimit { throw Codec.gzip.tooLarge(sizeBytesMax) }
            switch status {
            case Z_STREAM_END where stream.avail_in == 0: return
            case Z_STREAM_END: inflateReset(&stream)
            case Z_OK where stream.avail_in > 0 || stream.avail_out == 0: continue
            default:
                throw Codec.gzip.damaged(
                    status == Z_OK || status == Z_BUF_ERROR ? "they end too early" : "zlib says \(status)")
            }
        }
    }
}
