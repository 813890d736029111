import Coordinators
import KafkaWire
import NIOCore
import RecordBatch

/// What a batch must keep to go into a topic's log. A value: checked on the connection's loop.
///
/// A plain topic costs a look at the header and the checksum. Records are decoded only where the topic asks
/// something of each of them.
struct ProduceRules {
    let topic: TopicDescription
    let acks: Int16
    let version: Int16
    /// Milliseconds since 1970.
    let now: Int64

    /// The most bytes that records may unfold to: what bounds a compression bomb.
    private static let uncompressedSizeBytesMax = 104_857_600

    /// Checks what a request brings for one partition: exactly one batch, whole, sound, and as the topic wants it.
    func check(_ records: ByteBuffer?) throws(PartitionRefusal) -> CheckedBatch {
        guard !topic.isInternal else {
            throw PartitionRefusal(.invalidTopicException, "Cannot append to internal topic \(topic.name)")
        }
        guard let records, records.readableBytes > 0 else {
            throw PartitionRefusal(.invalidRecord, "a produce request carries exactly one batch a partition")
        }
        do {
            return try check(records)
        } catch {
            throw PartitionRefusal(error)
        }
    }

    private var configuration: TopicConfiguration { topic.configuration }

    private func check(_ records: ByteBuffer) throws(BatchError) -> CheckedBatch {
        let rules = BatchRules(sizeBytesMax: configuration.messageSizeBytesMax, allowsZstd: version >= 7)
        let header = try BatchHeader.validated(records, rules)
        try checkTimes(header)
        if needsRecords(header) {
            try header.validateRecords(
                in: records,
                RecordRules(
                    requiresKey: configuration.isCompacted, timestamps: allowedTimestamps,
                    uncompressedSizeBytesMax: Self.uncompressedSizeBytesMax))
        }
        var batch = CheckedBatch(
            bytes: try recompressed(records, header), recordCount: Int(header.recordCount),
            inSyncReplicasMin: topic.inSyncReplicasMin)
        if header.attributes.contains(.transactional) {
            guard header.hasProducer else { throw BatchError(.invalid, "a transactional batch names its producer") }
            batch.transactionProducer = ProducerIdentity(id: header.producerID, epoch: header.producerEpoch)
        }
        if configuration.timestampSource == .logAppend { try stamp(&batch) }
        return batch
    }

    // MARK: Time

    /// The timestamps that records may have; nil: any.
    private var allowedTimestamps: ClosedRange<Int64>? {
        guard configuration.timestampSource == .create else { return nil }
        let latest = now.addingReportingOverflow(configuration.timestampAfterMillisecondsMax)
        // A bound before 1970 is none: −1 says that a record has no timestamp.
        let earliest = hasEarliest ? now - configuration.timestampBeforeMillisecondsMax : .min
        return earliest...(latest.overflow ? .max : max(earliest, latest.partialValue))
    }

    private var hasEarliest: Bool {
        configuration.timestampSource == .create && configuration.timestampBeforeMillisecondsMax < now
    }

    private func checkTimes(_ header: BatchHeader) throws(BatchError) {
        guard configuration.timestampSource == .create, header.attributes.contains(.logAppendTime) else { return }
        throw BatchError(.invalidTimestamp, "the topic takes the time of creation, the batch has the time of an append")
    }

    /// Whether each record has to be looked at.
    private func needsRecords(_ header: BatchHeader) -> Bool {
        if configuration.isCompacted || hasEarliest { return true }
        guard let allowed = allowedTimestamps else { return false }
        return !allowed.contains(header.maxTimestamp) || !allowed.contains(header.baseTimestamp)
    }

    private func stamp(_ batch: inout CheckedBatch) throws(BatchError) {
        // A copy of the batch alone: changing the slice would copy the whole request it shares storage with.
        var own = ByteBufferAllocator().buffer(capacity: batch.bytes.readableBytes)
        own.writeImmutableBuffer(batch.bytes)
        own.setBatchAppendTime(at: own.readerIndex, now, header: try BatchHeader(of: own, at: own.readerIndex))
        batch.bytes = own
        batch.logAppendTime = now
    }

    // MARK: Codec

    /// The batch in the topic's codec (`compression.type`).
    private func recompressed(_ batch: ByteBuffer, _ header: BatchHeader) throws(BatchError) -> ByteBuffer {
        guard let wanted = configuration.compression.codec, let codec = header.attributes.codec, codec != wanted else {
            return batch
        }
        var payload = batch
        payload.moveReaderIndex(forwardBy: BatchHeader.sizeBytes)
        let records = try codec.decompress(payload, sizeBytesMax: Self.uncompressedSizeBytesMax)
        var header = header
        header.attributes = header.attributes.with(wanted)
        return RecordBatchBuilder.batch(
            header, payload: try wanted.compress(records, level: configuration.compressionLevel))
    }
}

extension PartitionRefusal {
    /// What a producer is told of its batch.
    init(_ error: BatchError) {
        let code: ErrorCode =
            switch error.code {
            case .truncated, .checksumMismatch, .damagedCompression: .corruptMessage
            case .unsupportedCodec: .unsupportedCompressionType
            case .tooLarge: .messageTooLarge
            case .invalidTimestamp: .invalidTimestamp
            default: .invalidRecord
            }
        let records = error.records.map { RecordRefusal(index: $0.index, message: $0.message) }
        self.init(code, error.message, records: records)
    }
}
