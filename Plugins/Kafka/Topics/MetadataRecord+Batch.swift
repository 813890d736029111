internal import NIOCore

extension MetadataRecord {
    /// Bytes of a batch before its records.
    private static let headerSize = 61
    /// Where the bytes begin that the checksum covers.
    private static let checkedFrom = 21

    /// The records as one uncompressed batch of Kafka's format, offsets from 0.
    static func encode(_ records: [MetadataRecord], wallMilliseconds: Int64) throws -> ByteBuffer {
        precondition(!records.isEmpty, "a batch has a record")
        var checked = ByteBuffer()
        checked.writeInteger(Int16(0))  // attributes: not compressed, create time
        checked.writeInteger(Int32(records.count - 1))
        checked.writeInteger(wallMilliseconds)
        checked.writeInteger(wallMilliseconds)
        checked.writeInteger(Int64(-1))  // no producer
        checked.writeInteger(Int16(-1))
        checked.writeInteger(Int32(-1))
        checked.writeInteger(Int32(records.count))
        for (position, record) in records.enumerated() {
            var body = ByteBuffer()
            body.writeInteger(Int8(0))
            body.writeZigZag(0)
            body.writeZigZag(Int64(position))
            body.writeZigZag(Int64(record.key.utf8.count))
            body.writeString(record.key)
            body.writeZigZag(record.value.map { Int64($0.count) } ?? -1)
            body.writeBytes(record.value ?? [])
            body.writeZigZag(0)
            checked.writeZigZag(Int64(body.readableBytes))
            checked.writeBuffer(&body)
        }
        var batch = ByteBuffer()
        batch.writeInteger(Int64(0))
        batch.writeInteger(Int32(checked.readableBytes + checkedFrom - 12))
        batch.writeInteger(Int32(0))
        batch.writeInteger(Int8(2))
        batch.writeInteger(crc32c(checked.readableBytesView))
        batch.writeBuffer(&checked)
        return batch
    }

    /// The records of whole batches, one after another.
    static func decode(_ batches: ByteBuffer) throws -> [MetadataRecord] {
        var rest = batches
        var records: [MetadataRecord] = []
        while rest.readableBytes > 0 {
            guard let base = rest.getInteger(at: rest.readerIndex, as: Int64.self),
                let length = rest.getInteger(at: rest.readerIndex + 8, as: Int32.self),
                let count = rest.getInteger(at: rest.readerIndex + 57, as: Int32.self),
                var batch = rest.readSlice(length: Int(length) + 12), batch.readSlice(length: headerSize) != nil
            else { throw MetadataError("the metadata log holds a batch that is cut off") }
            for _ in 0..<max(count, 0) {
                guard let record = read(from: &batch, base: base) else {
                    throw MetadataError("the metadata log's batch at offset \(base) holds what is no record")
                }
                records.append(record)
            }
        }
        return records
    }

    private static func read(from batch: inout ByteBuffer, base: Int64) -> MetadataRecord? {
        guard let size = batch.readZigZag(), size >= 0, var body = batch.readSlice(length: Int(size)),
            body.readInteger(as: Int8.self) != nil, body.readZigZag() != nil, let delta = body.readZigZag(),
            let keySize = body.readZigZag(), keySize >= 0, let key = body.readString(length: Int(keySize)),
            let valueSize = body.readZigZag()
        else { return nil }
        guard valueSize >= 0 else { return MetadataRecord(key: key, value: nil, offset: base + delta) }
        return body.readBytes(length: Int(valueSize)).map { MetadataRecord(key: key, value: $0, offset: base + delta) }
    }

    private static func crc32c(_ bytes: ByteBufferView) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return ~crc
    }
}

extension ByteBuffer {
    fileprivate mutating func writeZigZag(_ value: Int64) {
        var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }

    fileprivate mutating func readZigZag() -> Int64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = readInteger(as: UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return Int64(bitPattern: value >> 1) ^ -Int64(value & 1) }
        }
        return nil
    }
}
