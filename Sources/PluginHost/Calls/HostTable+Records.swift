internal import WeirPluginABI
internal import WorkTracking

/// Records: produce and consume.
extension HostTable {
    static func fillRecords(_ table: inout weir_host_v1) {
        table.record_produce = { host, operation, topic, partition, record, partitionOut, offsetOut, error in
            HostTable.answerBlocking(host, .recordProduce, error) { calls throws(CallError) in
                guard let record else { throw CallError(WEIR_BAD_ARGUMENT, "record is NULL") }
                let placed = try HostTable.produce(calls, operation, topic, partition, record.pointee)
                partitionOut?.pointee = placed.partition
                offsetOut?.pointee = placed.offset
                return nil
            }
        }
        table.record_consume = { host, operation, topic, partition, offset, max, callback, context, next, error in
            HostTable.answerBlocking(host, .recordConsume, error) { calls throws(CallError) in
                guard let callback, let next else {
                    throw CallError(WEIR_BAD_ARGUMENT, "\(callback == nil ? "callback" : "next_offset") is NULL")
                }
                let records = try HostTable.consume(calls, operation, topic, partition, offset, max)
                next.pointee = records.next
                for record in records.found { HostTable.tell(record, callback, context) }
                return nil
            }
        }
    }

    private static func produce(
        _ calls: HostCalls, _ operation: UInt64, _ topic: weir_bytes, _ partition: Int32, _ record: weir_record
    ) throws(CallError) -> (partition: Int32, offset: Int64) {
        let topic = try Self.topic(topic)
        guard partition >= -1 else { throw CallError(WEIR_BAD_ARGUMENT, "partition is \(partition)") }
        let key = try Argument.bytes(record.key, "record.key")
        let value = try Argument.bytes(record.value, "record.value")
        let headers = try headers(of: record)
        try calls.require(.produce, topic: topic)
        let records = try records(of: calls)
        return try calls.wait(for: try calls.operation(operation), .write) {
            try await records.produce(
                topic: topic, partition: partition < 0 ? nil : partition, key: key, value: value, headers: headers)
        }
    }

    private static func consume(
        _ calls: HostCalls, _ operation: UInt64, _ topic: weir_bytes, _ partition: Int32, _ offset: Int64,
        _ max: UInt32
    ) throws(CallError) -> (found: [StoredRecord], next: Int64) {
        let topic = try Self.topic(topic)
        guard partition >= 0, offset >= Int64(WEIR_OFFSET_OLDEST), max > 0 else {
            throw CallError(
                WEIR_BAD_ARGUMENT, "partition \(partition), offset \(offset) or records_max \(max) is out of range")
        }
        try calls.require(.consume, topic: topic)
        let records = try records(of: calls)
        let count = min(Int(max), Limits.recordsMax)
        return try calls.wait(for: try calls.operation(operation), .read) {
            let start = offset >= 0 ? offset : try await records.offset(topic: topic, partition: partition, of: offset)
            let found = try await records.consume(topic: topic, partition: partition, from: start, max: count)
            return (found, found.last.map { $0.offset + 1 } ?? start)
        }
    }

    private static func topic(_ bytes: weir_bytes) throws(CallError) -> String {
        let topic = try Argument.text(bytes, "topic")
        guard !topic.isEmpty else { throw CallError(WEIR_BAD_ARGUMENT, "topic is empty") }
        return topic
    }

    private static func records(of calls: HostCalls) throws(CallError) -> any RecordAccess {
        guard let records = calls.services.records else {
            throw CallError(WEIR_UNSUPPORTED, "this node has no records: it runs without a broker")
        }
        return records
    }

    private static func headers(of record: weir_record) throws(CallError) -> [RecordHeader] {
        guard record.header_count > 0 else { return [] }
        guard let first = record.headers, record.header_count <= Limits.headersMax else {
            throw CallError(WEIR_BAD_ARGUMENT, "record.headers is NULL, or has more than \(Limits.headersMax)")
        }
        var headers: [RecordHeader] = []
        for header in UnsafeBufferPointer(start: first, count: record.header_count) {
            headers.append(
                RecordHeader(
                    try Argument.text(header.name, "header name"), try Argument.bytes(header.value, "header value")))
        }
        return headers
    }

    /// Tells one record; its bytes are lent for the call.
    private static func tell(_ record: StoredRecord, _ callback: weir_record_fn, _ context: UnsafeMutableRawPointer?) {
        let lent = LentBytes()
        var told = weir_record()
        told.offset = record.offset
        told.timestamp = record.timestamp
        told.key = lent.lend(record.key)
        told.value = lent.lend(record.value)
        let headers = record.headers.map {
            weir_header(name: lent.lend(Array($0.name.utf8)), value: lent.lend($0.value))
        }
        headers.withUnsafeBufferPointer { buffer in
            told.headers = buffer.baseAddress
            told.header_count = buffer.count
            callback(context, &told)
        }
        lent.takeBack()
    }
}

/// Bytes that a plugin may read until they are taken back.
final class LentBytes {
    private var lent: [UnsafeMutableBufferPointer<UInt8>] = []

    /// Lends a copy; none for nil.
    func lend(_ bytes: [UInt8]?) -> weir_bytes {
        guard let bytes else { return weir_bytes() }
        // Also of nothing something is lent: its address tells empty from none.
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        _ = copy.initialize(from: bytes)
        lent.append(copy)
        return weir_bytes(data: UnsafePointer(copy.baseAddress), size: bytes.count)
    }

    func takeBack() {
        for bytes in lent { bytes.deallocate() }
        lent.removeAll()
    }
}
