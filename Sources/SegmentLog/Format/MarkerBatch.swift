import CChecksum
import NIOCore

/// The control batch that a marker is stored as: one record, as Kafka writes it (KIP-98).
///
/// Key: version 0 and kind (0 abort, 1 commit), 2 bytes each. Value: version 0 (2 bytes) and the coordinator's epoch (4).
enum MarkerBatch {
    /// Every marker's size: 61 of header, 17 of its record.
    static let sizeBytes = StoredBatch.headerSizeBytes + 17

    private static let abort: Int16 = 0
    private static let commit: Int16 = 1

    /// The whole batch at `offset` in `epoch`.
    static func encoded(_ marker: TransactionMarker, offset: Int64, epoch: Int32) -> ByteBuffer {
        var checked = ByteWriter()
        checked.write(Int16(StoredBatch.transactionalBit | StoredBatch.controlBit))
        checked.write(Int32(0))
        checked.write(marker.timestamp)
        checked.write(marker.timestamp)
        checked.write(marker.producerID)
        checked.write(marker.producerEpoch)
        checked.write(Int32(-1))
        checked.write(Int32(1))
        // Lengths and deltas are zigzag varints: 16 bytes, no attributes, deltas 0, then key, value and no headers.
        checked.write(contentsOf: [32, 0, 0, 0, 8])
        checked.write(Int16(0))
        checked.write(marker.isCommit ? commit : abort)
        checked.write(UInt8(12))
        checked.write(Int16(0))
        checked.write(marker.coordinatorEpoch)
        checked.write(UInt8(0))
        var batch = ByteBufferAllocator().buffer(capacity: sizeBytes)
        batch.writeInteger(offset)
        batch.writeInteger(Int32(StoredBatch.checksummedFrom - StoredBatch.lengthEnd + checked.bytes.count))
        batch.writeInteger(epoch)
        batch.writeInteger(Int8(2))
        batch.writeInteger(crc32c(checked.bytes))
        batch.writeBytes(checked.bytes)
        return batch
    }

    /// The marker in the bytes of a whole intact control batch; nil where it is another control record, or was cleaned.
    static func decode(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) -> TransactionMarker? {
        guard batch.isControl, batch.recordCount == 1, batch.producerID >= 0,
            bytes.count > StoredBatch.headerSizeBytes
        else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[StoredBatch.headerSizeBytes...]))
        guard reader.readVarint() != nil, reader.read(UInt8.self) != nil, let delta = reader.readVarint(),
            reader.readVarint() != nil, reader.readVarint() ?? -1 >= 4,
            reader.read(Int16.self) != nil, let kind = reader.read(Int16.self), kind == abort || kind == commit,
            reader.readVarint() ?? -1 >= 6, reader.read(Int16.self) != nil, let epoch = reader.read(Int32.self)
        else { return nil }
        return TransactionMarker(
            producerID: batch.producerID, producerEpoch: batch.producerEpoch, isCommit: kind == commit,
            coordinatorEpoch: epoch, timestamp: batch.baseTimestamp &+ delta)
    }
}

extension ByteReader {
    /// A zigzag varint of at most ten bytes.
    fileprivate mutating func readVarint() -> Int64? {
        var bits: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = read(UInt8.self) else { return nil }
            bits |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1) }
        }
        return nil
    }
}
