import NIOCore

/// Cuts a stream of bytes into Kafka's frames: four bytes of length, then that many bytes.
///
/// Frames are slices of what was read wherever a frame arrived in one piece. Memory is only what arrived: an
/// announced length allocates nothing.
struct FrameDecoder {
    /// The largest frame taken (`socket.request.max.bytes`).
    let frameSizeBytesMax: Int
    /// What a header takes: eight bytes for that of a request.
    let frameSizeBytesMin: Int
    private var buffer = ByteBuffer()

    /// A decoder that refuses frames above `frameSizeBytesMax`.
    init(frameSizeBytesMax: Int, frameSizeBytesMin: Int = FrameError.lengthMin) {
        self.frameSizeBytesMax = frameSizeBytesMax
        self.frameSizeBytesMin = frameSizeBytesMin
    }

    /// Bytes that arrived and were not handed out.
    var bytesHeld: Int { buffer.readableBytes }

    /// Bytes of memory that they take.
    var storageBytes: Int { buffer.capacity }

    /// The length that the frame at the front announces; nil: its four bytes are not there yet.
    var announcedLength: Int? {
        buffer.getInteger(at: buffer.readerIndex, as: Int32.self).map { Int($0) }
    }

    /// Whether the frame at the front is complete, or will never be one.
    var hasFrame: Bool {
        guard let length = announcedLength else { return false }
        return length < frameSizeBytesMin || length > frameSizeBytesMax || bytesHeld >= 4 + length
    }

    /// The API key of the complete frame at the front.
    var frontKey: Int16? {
        hasFrame ? buffer.getInteger(at: buffer.readerIndex + 4, as: Int16.self) : nil
    }

    /// Takes what was read.
    mutating func append(_ bytes: ByteBuffer) {
        guard buffer.readableBytes > 0 else {
            buffer = bytes
            return
        }
        // Frames handed out share the storage, so that writing to it would copy all of it; the rest alone is
        // copied here, and doubled, so that a frame in many pieces is copied about twice.
        if buffer.writableBytes < bytes.readableBytes {
            let needed = buffer.readableBytes + bytes.readableBytes
            var grown = ByteBufferAllocator().buffer(capacity: max(needed, min(needed * 2, sizeOfFrontFrame ?? needed)))
            grown.writeImmutableBuffer(buffer)
            buffer = grown
        }
        buffer.writeImmutableBuffer(bytes)
    }

    /// The next frame without its length; nil: not all of it is there yet.
    mutating func next() throws(FrameError) -> ByteBuffer? {
        guard let length = announcedLength else { return nil }
        guard length >= frameSizeBytesMin else { throw .tooShort(length) }
        guard length <= frameSizeBytesMax else { throw .tooLarge(length, limit: frameSizeBytesMax) }
        guard buffer.readableBytes >= 4 + length else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        let frame = buffer.readSlice(length: length)
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }
        return frame
    }

    private var sizeOfFrontFrame: Int? {
        announcedLength.map { 4 + $0 }
    }
}

/// Why a stream of bytes is not one of Kafka's frames.
enum FrameError: Error, Equatable, CustomStringConvertible {
    /// The announced length cannot hold a request header.
    case tooShort(Int)
    /// The announced length is above the limit.
    case tooLarge(Int, limit: Int)

    /// API key, version and correlation id.
    static let lengthMin = 8

    var description: String {
        switch self {
        case .tooShort(let length):
            "a frame of \(length) bytes holds no request header; is the client speaking Kafka's protocol?"
        case .tooLarge(let length, let limit):
            "a frame of \(length) bytes is above socket.request.max.bytes=\(limit)"
        }
    }
}
