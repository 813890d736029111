import CZstd
import NIOCore
import Synchronization

/// Zstandard through libzstd's streaming API; several frames one after another are one text.
enum Zstd {
    /// What the library takes for its default; Kafka's clients use 3.
    private static let levelDefault: Int32 = 3
    /// A frame that wants a larger window (128 MiB) is refused: the window is memory.
    private static let windowLogMax: Int32 = 27
    /// A context that grew beyond this is freed instead of kept, so that an idle node stays small.
    private static let keptSizeBytesMax = 4 << 20
    private static let compressors = ContextPool(make: { ZSTD_createCCtx() }, free: { ZSTD_freeCCtx($0) })
    private static let decompressors = ContextPool(make: { ZSTD_createDCtx() }, free: { ZSTD_freeDCtx($0) })

    static func compress(_ bytes: ByteBuffer, level: Int32?) throws(BatchError) -> ByteBuffer {
        guard let context = compressors.take() else { throw Codec.zstd.damaged("zstd has no memory") }
        defer { compressors.give(context, keeping: ZSTD_sizeof_CCtx(context) <= keptSizeBytesMax) }
        let bound = ZSTD_compressBound(bytes.readableBytes)
        var output = ByteBufferAllocator().buffer(capacity: bound)
        let status = bytes.withUnsafeReadableBytes { input in
            var status = 0
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                status = ZSTD_compressCCtx(
                    context, room.baseAddress, room.count, input.baseAddress, input.count, level ?? levelDefault)
                return ZSTD_isError(status) == 0 ? status : 0
            }
            return status
        }
        guard ZSTD_isError(status) == 0 else { throw Codec.zstd.damaged(reason(status)) }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        guard let context = decompressors.take() else { throw Codec.zstd.damaged("zstd has no memory") }
        defer { decompressors.give(context, keeping: ZSTD_sizeof_DCtx(context) <= keptSizeBytesMax) }
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
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

/// A few contexts kept for the next caller: making one costs more than a small batch does.
private final class ContextPool: Sendable {
    /// One thread's at a time: the pool's lock hands it over, so that it may move between threads.
    private struct Slot: @unchecked Sendable {
        let context: OpaquePointer
    }

    private static let keptCountMax = 4
    private let kept = Mutex<[Slot]>([])
    private let make: @Sendable () -> OpaquePointer?
    private let free: @Sendable (OpaquePointer) -> Void

    init(make: @escaping @Sendable () -> OpaquePointer?, free: @escaping @Sendable (OpaquePointer) -> Void) {
        self.make = make
        self.free = free
    }

    func take() -> OpaquePointer? {
        kept.withLock { $0.popLast() }?.context ?? make()
    }

    func give(_ context: OpaquePointer, keeping isSmall: Bool) {
        let slot = Slot(context: context)
        let isKept = kept.withLock { kept in
            guard isSmall, kept.count < Self.keptCountMax else { return false }
            kept.append(slot)
            return true
        }
        if !isKept { free(context) }
    }
}
