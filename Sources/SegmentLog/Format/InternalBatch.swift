import CChecksum

/// A batch of the log's own: no records, no offsets, never returned by a fetch.
///
/// A v2 batch with recordCount 0, lastOffsetDelta −1 and the control bit; its payload is a kind and
/// that kind's fields, under the batch's checksum (docs/formats/log.md, "Internal batches").
enum InternalBatch: Equatable, Sendable {
    /// Begins a segment; not an entry.
    case header(SegmentHeader)
    /// A new leader's first entry: it commits what came before.
    case empty
    /// The members of the group.
    case configuration([UInt8])
    /// The first offset that may be read from here on.
    case logStart(Int64)

    private enum Kind {
        static let header: UInt8 = 0
        static let empty: UInt8 = 1
        static let configuration: UInt8 = 2
        static let logStart: UInt8 = 3
    }

    /// The whole batch at `offset` in `epoch`.
    func encoded(offset: Int64, epoch: Int32) -> [UInt8] {
        var payload = ByteWriter()
        switch self {
        case .header(let header):
            payload.write(Kind.header)
            header.write(to: &payload)
        case .empty:
            payload.write(Kind.empty)
        case .configuration(let bytes):
            payload.write(Kind.configuration)
            payload.write(contentsOf: bytes)
        case .logStart(let offset):
            payload.write(Kind.logStart)
            payload.write(offset)
        }
        return Self.frame(payload.bytes, offset: offset, epoch: epoch)
    }

    /// The internal batch in `bytes`, a whole intact one; nil where its kind is not known here.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > StoredBatch.headerSizeBytes else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[StoredBatch.headerSizeBytes...]))
        guard let kind = reader.read(UInt8.self) else { return nil }
        switch kind {
        case Kind.header:
            guard let header = SegmentHeader(&reader) else { return nil }
            self = .header(header)
        case Kind.empty:
            self = .empty
        case Kind.configuration:
            self = .configuration(reader.rest())
        case Kind.logStart:
            guard let offset = reader.read(Int64.self) else { return nil }
            self = .logStart(offset)
        default:
            return nil
        }
    }

    private static func frame(_ payload: [UInt8], offset: Int64, epoch: Int32) -> [UInt8] {
        var checked = ByteWriter()
        checked.write(Int16(0x20))
        checked.write(Int32(-1))
        checked.write(Int64(-1))
        checked.write(Int64(-1))
        checked.write(Int64(-1))
        checked.write(Int16(-1))
        checked.write(Int32(-1))
        checked.write(Int32(0))
        checked.write(contentsOf: payload)
        var batch = ByteWriter()
        batch.write(offset)
        batch.write(Int32(StoredBatch.checksummedFrom - StoredBatch.lengthEnd + checked.bytes.count))
        batch.write(epoch)
        batch.write(Int8(2))
        batch.write(crc32c(checked.bytes))
        batch.write(contentsOf: checked.bytes)
        return batch.bytes
    }
}

/// What the header batch of a segment says: whose it is, and where its entries begin.
struct SegmentHeader: Equatable, Sendable {
    /// The format that this code writes; a segment of a newer one is refused.
    static let formatVersion: UInt16 = 1

    /// The version the segment was written in.
    var version = formatVersion
    /// The topic.
    var topicID: TopicID
    /// The partition.
    var partition: Int32
    /// The Raft index of the segment's first entry.
    var firstIndex: Int64
    /// The term of the entry before it; 0 where there is none.
    var termBefore: Int32

    /// The header of a segment of `identity`.
    init(_ identity: LogIdentity, firstIndex: Int64, termBefore: Int32) {
        topicID = identity.topicID
        partition = identity.partition
        self.firstIndex = firstIndex
        self.termBefore = termBefore
    }

    init?(_ reader: inout ByteReader) {
        guard let version = reader.read(UInt16.self), let high = reader.read(UInt64.self),
            let low = reader.read(UInt64.self), let partition = reader.read(Int32.self),
            let firstIndex = reader.read(Int64.self), let termBefore = reader.read(Int32.self)
        else { return nil }
        self.version = version
        topicID = TopicID(high: high, low: low)
        self.partition = partition
        self.firstIndex = firstIndex
        self.termBefore = termBefore
    }

    func write(to writer: inout ByteWriter) {
        writer.write(version)
        writer.write(topicID.high)
        writer.write(topicID.low)
        writer.write(partition)
        writer.write(firstIndex)
        writer.write(termBefore)
    }
}

/// CRC-32C of `bytes`.
func crc32c(_ bytes: some ContiguousBytesView, from start: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return start }
        return weir_crc32c(start, base, buffer.count)
    }
}

/// What gives its bytes as one run.
protocol ContiguousBytesView {
    func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value
}

extension Array: ContiguousBytesView where Element == UInt8 {}
extension ArraySlice: ContiguousBytesView where Element == UInt8 {}
