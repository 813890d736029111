public import NIOCore

/// How the records of a batch are compressed; the raw value is its number in the attributes.
public enum Codec: Int16, Sendable, Hashable, CaseIterable {
    /// Not at all.
    case none = 0
    /// gzip (RFC 1952), through zlib.
    case gzip = 1
    /// Snappy in xerial's framing; plain Snappy is read too.
    case snappy = 2
    /// LZ4 frames.
    case lz4 = 3
    /// Zstandard (Produce 7 and Fetch 10 on, KIP-110).
    case zstd = 4

    /// Kafka's name for it, as in `compression.type`.
    public var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }

    /// The codec of that name; nil where there is none.
    public init?(name: String) {
        guard let codec = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = codec
    }

    /// The bytes compressed.
    ///
    /// - Parameter level: The effort, as the codec counts it (`compression.gzip.level` and so on); nil: its default.
    public func compress(_ bytes: ByteBuffer, level: Int32? = nil) throws(BatchError) -> ByteBuffer {
        switch self {
        case .none: bytes
        case .gzip: try Gzip.compress(bytes, level: level)
        case .snappy: try Snappy.compress(bytes)
        case .lz4: try LZ4.compress(bytes, level: level)
        case .zstd: try Zstd.compress(bytes, level: level)
        }
    }

    /// The bytes as they were before.
    ///
    /// Memory grows with what comes out, in steps, and never beyond `sizeBytesMax`: a compression bomb is an error.
    public func decompress(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) -> ByteBuffer {
        switch self {
        case .none: bytes
        case .gzip: try Gzip.decompress(bytes, sizeBytesMax: sizeBytesMax)
        case .snappy: try Snappy.decompress(bytes, sizeBytesMax: sizeBytesMax)
        case .lz4: try LZ4.decompress(bytes, sizeBytesMax: sizeBytesMax)
        case .zstd: try Zstd.decompress(bytes, sizeBytesMax: sizeBytesMax)
        }
    }

    func damaged(_ reason: String) -> BatchError {
        BatchError(.damagedCompression, "the \(name) bytes of the batch are damaged: \(reason)")
    }

    func tooLarge(_ sizeBytesMax: Int) -> BatchError {
        BatchError(.tooLarge, "the \(name) bytes of the batch unfold to more than \(sizeBytesMax) bytes")
    }
}

/// Output that grows in steps up to a limit, for libraries that write into given room.
struct BoundedOutput {
    private(set) var buffer: ByteBuffer
    private let sizeBytesMax: Int

    init(sizeBytesMax: Int, expecting sizeBytes: Int) {
        self.sizeBytesMax = sizeBytesMax
        buffer = ByteBufferAllocator().buffer(capacity: max(1024, min(sizeBytes, sizeBytesMax)))
    }

    /// Whether nothing more may come.
    var isFull: Bool { buffer.readableBytes >= sizeBytesMax }

    /// Offers room to `body`, which returns how many bytes of it were written; doubles where there is none.
    ///
    /// One byte more than the limit is offered, so that a stream that ends at the limit is told from one that goes on.
    mutating func write<Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        if buffer.writableBytes == 0 { buffer.reserveCapacity(minimumWritableBytes: max(1024, buffer.readableBytes)) }
        let room = min(buffer.writableBytes, sizeBytesMax + 1 - buffer.readableBytes)
        var result: Result<Int, Failure> = .success(0)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { bytes in
            do throws(Failure) {
                let count = try body(UnsafeMutableRawBufferPointer(rebasing: bytes[..<room]))
                result = .success(count)
                return count
            } catch {
                result = .failure(error)
                return 0
            }
        }
        _ = try result.get()
    }

    /// Whether more came than is allowed.
    var isOverLimit: Bool { buffer.readableBytes > sizeBytesMax }
}
