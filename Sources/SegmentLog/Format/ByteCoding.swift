/// Appends big-endian fields to an array.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(contentsOf other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    /// The fields, and behind them their checksum: a small file as `ByteReader.unsealed` takes it.
    consuming func sealed() -> [UInt8] {
        write(crc32c(bytes))
        return bytes
    }
}

/// Reads big-endian fields one after another; nil where the bytes end first.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Bytes not read yet.
    var remaining: Int { bytes.count - position }

    mutating func read<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { return nil }
        defer { position += size }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }

    mutating func rest() -> [UInt8] {
        defer { position = bytes.count }
        return Array(bytes[position...])
    }

    /// A count that the bytes left can hold, at `sizeBytes` an element; nil: a count that lies.
    mutating func readCount(of sizeBytes: Int) -> Int? {
        guard let count = read(UInt32.self), Int(count) * sizeBytes <= remaining else { return nil }
        return Int(count)
    }
}

extension ByteReader {
    /// What `body` reads from the fields of a small file that `ByteWriter.sealed` made; nil where the checksum is not
    /// theirs, or `body` finds nothing.
    static func unsealed<Value>(_ bytes: [UInt8], _ body: (inout ByteReader) -> Value?) -> Value? {
        guard bytes.count > 4 else { return nil }
        return bytes.withUnsafeBytes { buffer in
            let fields = UnsafeRawBufferPointer(rebasing: buffer[..<(buffer.count - 4)])
            let sum = UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: fields.count, as: UInt32.self))
            guard crc32c(RawBytes(bytes: fields)) == sum else { return nil }
            var reader = ByteReader(fields)
            return body(&reader)
        }
    }
}
