internal import NIOCore
internal import RecordBatch

extension MetadataRecord {
    /// Bytes that the records of one batch may unfold to; they are written uncompressed, so that is the batch.
    private static let sizeBytesMax = 1 << 30

    /// The records as one uncompressed batch, offsets from 0.
    static func encode(_ records: [MetadataRecord], wallMilliseconds: Int64) throws -> ByteBuffer {
        precondition(!records.isEmpty, "a batch has a record")
        var builder = RecordBatchBuilder()
        for record in records {
            builder.append(
                timestamp: wallMilliseconds, key: ByteBuffer(string: record.key),
                value: record.value.map { ByteBuffer(bytes: $0) })
        }
        return try builder.build()
    }

    /// The records of whole batches, one after another. Checks them again: they are few, and all else
    /// hangs on them.
    static func decode(_ batches: ByteBuffer) throws -> [MetadataRecord] {
        var rest = batches
        var records: [MetadataRecord] = []
        while rest.readableBytes > 0 {
            let size = try BatchHeader(of: rest, at: rest.readerIndex).batchSizeBytes
            guard size >= BatchHeader.sizeBytes, let batch = rest.readSlice(length: size) else {
                throw MetadataError("the metadata log holds a batch that is cut off")
            }
            let header = try BatchHeader.validated(batch, BatchRules(sizeBytesMax: sizeBytesMax))
            var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: sizeBytesMax)
            while let record = try reader.next() {
                guard let key = record.key.flatMap({ String(validating: $0.readableBytesView, as: UTF8.self) }) else {
                    throw MetadataError(
                        "the metadata log's batch at offset \(header.baseOffset) holds a nameless record")
                }
                records.append(
                    MetadataRecord(
                        key: key, value: record.value.map { Array($0.readableBytesView) },
                        offset: header.baseOffset + Int64(record.offsetDelta)))
            }
        }
        return records
    }
}
