/// An entry of a sparse index file: 12 bytes of fields and their checksum.
protocol SparseIndexEntry: Equatable, Sendable {
    /// Its three words, most significant first.
    var words: (UInt32, UInt32, UInt32) { get }
    init(words: (UInt32, UInt32, UInt32))
}

/// Where a batch is: its offset, its place in the file, its Raft index.
struct OffsetIndexEntry: SparseIndexEntry {
    /// Offset, less the segment's base offset.
    var relativeOffset: UInt32
    /// Where the batch begins in the file.
    var position: UInt32
    /// Raft index, less the segment's first.
    var relativeIndex: UInt32

    init(relativeOffset: UInt32, position: UInt32, relativeIndex: UInt32) {
        self.relativeOffset = relativeOffset
        self.position = position
        self.relativeIndex = relativeIndex
    }

    var words: (UInt32, UInt32, UInt32) { (relativeOffset, position, relativeIndex) }
    init(words: (UInt32, UInt32, UInt32)) { (relativeOffset, position, relativeIndex) = words }
}

/// The largest timestamp before an offset.
struct TimeIndexEntry: SparseIndexEntry {
    /// The largest timestamp of the segment's records below the offset.
    var maxTimestamp: Int64
    /// Offset, less the segment's base offset.
    var relativeOffset: UInt32

    init(maxTimestamp: Int64, relativeOffset: UInt32) {
        self.maxTimestamp = maxTimestamp
        self.relativeOffset = relativeOffset
    }

    var words: (UInt32, UInt32, UInt32) {
        let bits = UInt64(bitPattern: maxTimestamp)
        return (UInt32(truncatingIfNeeded: bits >> 32), UInt32(truncatingIfNeeded: bits), relativeOffset)
    }

    init(words: (UInt32, UInt32, UInt32)) {
        maxTimestamp = Int64(bitPattern: UInt64(words.0) << 32 | UInt64(words.1))
        relativeOffset = words.2
    }
}

/// The bytes of sparse index files: 16 an entry, each with its own checksum, appended as they come.
///
/// The checksum begins with the segment's base offset, so that entries of another segment do not pass.
enum SparseIndexFile {
    static let entrySizeBytes = 16

    /// The bytes of `entries`.
    static func encode(_ entries: some Sequence<some SparseIndexEntry>, baseOffset: Int64) -> [UInt8] {
        var writer = ByteWriter()
        for entry in entries {
            let words = entry.words
            writer.write(words.0)
            writer.write(words.1)
            writer.write(words.2)
            writer.write(checksum(words, baseOffset))
        }
        return writer.bytes
    }

    /// The entries in `bytes`; nil where one of them is not intact, or a part of one is left over.
    static func decode<Entry: SparseIndexEntry>(
        _ bytes: UnsafeRawBufferPointer, baseOffset: Int64, as type: Entry.Type
    ) -> [Entry]? {
        guard bytes.count.isMultiple(of: entrySizeBytes) else { return nil }
        var entries: [Entry] = []
        entries.reserveCapacity(bytes.count / entrySizeBytes)
        var reader = ByteReader(bytes)
        while reader.remaining > 0 {
            guard let first = reader.read(UInt32.self), let second = reader.read(UInt32.self),
                let third = reader.read(UInt32.self), let sum = reader.read(UInt32.self),
                sum == checksum((first, second, third), baseOffset)
            else { return nil }
            entries.append(Entry(words: (first, second, third)))
        }
        return entries
    }

    private static func checksum(_ words: (UInt32, UInt32, UInt32), _ baseOffset: Int64) -> UInt32 {
        var field = (baseOffset.bigEndian, words.0.bigEndian, words.1.bigEndian, words.2.bigEndian)
        return withUnsafeBytes(of: &field) { bytes in
            crc32c(RawBytes(bytes: UnsafeRawBufferPointer(rebasing: bytes[..<20])))
        }
    }
}

/// A run of bytes somebody else owns.
struct RawBytes: ContiguousBytesView {
    let bytes: UnsafeRawBufferPointer
    func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value { try body(bytes) }
}
