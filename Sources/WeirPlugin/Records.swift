internal import WeirPluginABI

/// The node's records.
public struct Records: Sendable {
    let table: HostTable
    let operation: UInt64

    /// The oldest record that is kept.
    public static let oldest = Int64(WEIR_OFFSET_OLDEST)
    /// The record that comes next.
    public static let next = Int64(WEIR_OFFSET_NEXT)

    /// Appends one record and waits until it is committed; gives its place.
    @discardableResult
    public func produce(
        _ value: [UInt8]?, to topic: String, partition: Int32? = nil, key: [UInt8]? = nil,
        headers: [(name: String, value: [UInt8]?)] = []
    ) throws -> (partition: Int32, offset: Int64) {
        var place = (partition: Int32(0), offset: Int64(0))
        let lent = HeaderMemory(headers)
        defer { lent.free() }
        _ = try table.result { error in
            Lent.bytes(topic) { topic in
                Lent.bytes(key) { key in
                    Lent.bytes(value) { value in
                        var record = weir_record(
                            offset: 0, timestamp: -1, key: key, value: value, headers: lent.first,
                            header_count: headers.count)
                        return table.pointee.record_produce(
                            table.host, operation, topic, partition ?? -1, &record, &place.partition, &place.offset,
                            error)
                    }
                }
            }
        }
        return place
    }

    /// Appends one record whose value is JSON.
    @discardableResult
    public func produce(
        json value: some Encodable, to topic: String, partition: Int32? = nil, key: String? = nil
    ) throws -> (partition: Int32, offset: Int64) {
        try produce(try JSON.encode(value), to: topic, partition: partition, key: key.map { Array($0.utf8) })
    }

    /// Records from an offset on, at most so many; none where there are none yet.
    ///
    /// - Returns: The records, and the offset to ask for next.
    public func consume(
        _ topic: String, partition: Int32, from offset: Int64 = Records.oldest, max: Int = 500
    ) throws -> (records: [Record], next: Int64) {
        var next: Int64 = 0
        let found = Found()
        _ = try table.result { error in
            Lent.bytes(topic) { topic in
                table.pointee.record_consume(
                    table.host, operation, topic, partition, offset, UInt32(clamping: max), Found.take,
                    Unmanaged.passUnretained(found).toOpaque(), &next, error)
            }
        }
        return (found.records, next)
    }

    /// What one call finds; used on the thread of that call only.
    private final class Found {
        var records: [Record] = []

        static let take: weir_record_fn = { context, record in
            guard let context, let record = record?.pointee else { return }
            let headers = UnsafeBufferPointer(start: record.headers, count: record.header_count).map {
                (name: String(decoding: $0.name.copied ?? [], as: UTF8.self), value: $0.value.copied)
            }
            Unmanaged<Found>.fromOpaque(context).takeUnretainedValue().records.append(
                Record(
                    offset: record.offset, timestamp: record.timestamp, key: record.key.copied,
                    value: record.value.copied, headers: headers))
        }
    }
}

/// A record as it is stored.
public struct Record: Sendable {
    /// Its place in the partition.
    public let offset: Int64
    /// Milliseconds since 1970; -1 where there is none.
    public let timestamp: Int64
    /// The key.
    public let key: [UInt8]?
    /// The value.
    public let value: [UInt8]?
    /// The headers, in order.
    public let headers: [(name: String, value: [UInt8]?)]
}

/// Headers in memory that C can read.
private struct HeaderMemory {
    private var memory: [UnsafeMutableBufferPointer<UInt8>] = []
    private let headers: UnsafeMutableBufferPointer<weir_header>

    init(_ list: [(name: String, value: [UInt8]?)]) {
        headers = .allocate(capacity: list.count)
        for (index, header) in list.enumerated() {
            let name = lend(Array(header.name.utf8))
            let value = lend(header.value)
            headers.initializeElement(at: index, to: weir_header(name: name, value: value))
        }
    }

    var first: UnsafePointer<weir_header>? { headers.isEmpty ? nil : UnsafePointer(headers.baseAddress) }

    func free() {
        for bytes in memory { bytes.deallocate() }
        headers.deallocate()
    }

    private mutating func lend(_ bytes: [UInt8]?) -> weir_bytes {
        guard let bytes else { return weir_bytes() }
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = copy.initialize(from: bytes)
        memory.append(copy)
        return weir_bytes(data: UnsafePointer(copy.baseAddress), size: bytes.count)
    }
}
