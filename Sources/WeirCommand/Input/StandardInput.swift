import Glibc
import NIOCore

/// Lines of an input, in batches of what is there.
struct LineReader {
    /// Reads at most so many bytes, waiting for at least one; none at the end.
    typealias Source = (_ countMax: Int) throws -> [UInt8]

    private let source: Source
    private let lineSizeBytesMax: Int
    private var rest = ByteBuffer()
    /// How many bytes of `rest` are known to hold no line end.
    private var searched = 0
    private var isAtEnd = false

    /// The lines of `source`; one longer than `lineSizeBytesMax` is an error.
    init(lineSizeBytesMax: Int = 64 << 20, _ source: @escaping Source = StandardInput.read) {
        self.lineSizeBytesMax = lineSizeBytesMax
        self.source = source
    }

    /// The whole lines that are there, up to `sizeBytesMax` bytes of them but at least one; nil at the end.
    ///
    /// Waits while there is none. A line is what stands before a line feed, byte for byte; the last one
    /// needs none.
    mutating func nextBatch(sizeBytesMax: Int) throws -> [ByteBuffer]? {
        var lines: [ByteBuffer] = []
        var size = 0
        while true {
            while size < sizeBytesMax, let line = nextLine() {
                lines.append(line)
                size += line.readableBytes + 1
            }
            if !lines.isEmpty { return lines }
            if isAtEnd {
                guard rest.readableBytes > 0 else { return nil }
                defer { rest.clear() }
                return [rest]
            }
            guard rest.readableBytes <= lineSizeBytesMax else {
                throw UsageError.failed("a line of the input is longer than \(lineSizeBytesMax) bytes")
            }
            let bytes = try source(64 << 10)
            if bytes.isEmpty { isAtEnd = true }
            rest.discardReadBytes()
            rest.writeBytes(bytes)
        }
    }

    private mutating func nextLine() -> ByteBuffer? {
        let unsearched = rest.readableBytesView.dropFirst(searched)
        guard let end = unsearched.firstIndex(of: UInt8(ascii: "\n")) else {
            searched = rest.readableBytes
            return nil
        }
        searched = 0
        let line = rest.readSlice(length: end - rest.readerIndex)
        rest.moveReaderIndex(forwardBy: 1)
        return line
    }
}

/// What the process is given to read.
enum StandardInput {
    /// Reads at most so many bytes, waiting for at least one; none at the end.
    static func read(_ countMax: Int) throws -> [UInt8] {
        while true {
            var error: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: countMax) { buffer, filled in
                let count = Glibc.read(STDIN_FILENO, buffer.baseAddress, countMax)
                if count < 0 { error = errno }
                filled = max(0, count)
            }
            if error == 0 { return bytes }
            guard error == EINTR else {
                throw UsageError.failed("cannot read standard input: \(String(cString: strerror(error)))")
            }
        }
    }
}
