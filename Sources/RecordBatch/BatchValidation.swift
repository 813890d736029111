public import NIOCore

/// What a produced batch must be, before its records are looked at.
public struct BatchRules: Sendable, Hashable {
    /// The largest batch, in bytes with its header (`max.message.bytes`).
    public var sizeBytesMax: Int
    /// Whether zstd may be used: Produce 7 and later (KIP-110).
    public var allowsZstd: Bool

    /// Rules for one topic and request version.
    public init(sizeBytesMax: Int, allowsZstd: Bool = true) {
        self.sizeBytesMax = sizeBytesMax
        self.allowsZstd = allowsZstd
    }
}

extension BatchHeader {
    /// Reads and checks the one batch that the whole buffer is: lengths, checksum, counts, producer fields.
    ///
    /// Records are not decoded: the cost is the checksum. What Kafka's LogValidator checks of a batch.
    public static func validated(_ buffer: ByteBuffer, _ rules: BatchRules) throws(BatchError) -> BatchHeader {
        let header = try BatchHeader(of: buffer, at: buffer.readerIndex)
        guard header.batchLength >= Int32(sizeBytes - lengthPrefixSizeBytes) else {
            throw BatchError(.truncated, "a batch length of \(header.batchLength) is less than the header")
        }
        guard header.batchSizeBytes <= buffer.readableBytes else {
            throw BatchError(
                .truncated, "the batch has \(header.batchSizeBytes) bytes, the request holds \(buffer.readableBytes)")
        }
        guard header.batchSizeBytes == buffer.readableBytes else {
            throw BatchError(.invalid, "a produce request carries exactly one batch a partition")
        }
        guard header.batchSizeBytes <= rules.sizeBytesMax else {
            throw BatchError(
                .tooLarge, "the batch has \(header.batchSizeBytes) bytes, max.message.bytes is \(rules.sizeBytesMax)")
        }
        let count = header.batchSizeBytes - checksummedFrom
        guard Checksum.crc32c(buffer, at: buffer.readerIndex + checksummedFrom, count: count) == header.checksum else {
            throw BatchError(.checksumMismatch, "the batch's checksum does not fit its bytes")
        }
        try header.checkFields(rules)
        return header
    }

    private func checkFields(_ rules: BatchRules) throws(BatchError) {
        guard let codec = attributes.codec, codec != .zstd || rules.allowsZstd else {
            throw BatchError(.unsupportedCodec, "codec \(attributes.codecNumber) cannot be used in this version")
        }
        guard !attributes.contains(.control) else {
            throw BatchError(.invalid, "clients may not send control batches")
        }
        guard recordCount > 0, lastOffsetDelta == recordCount - 1 else {
            throw BatchError(
                .invalid, "\(recordCount) records with a last offset delta of \(lastOffsetDelta) are not a batch")
        }
        guard codec != .none || Int(recordCount) <= (batchSizeBytes - Self.sizeBytes) / RecordLayout.sizeBytesMin else {
            throw BatchError(.invalid, "\(recordCount) records do not fit into \(batchSizeBytes) bytes")
        }
        guard !hasProducer || (baseSequence >= 0 && producerEpoch >= 0) else {
            throw BatchError(.invalid, "producer \(producerID) sent no sequence number or no epoch")
        }
        guard !attributes.contains(.transactional) || hasProducer else {
            throw BatchError(.invalid, "a transactional batch names its producer")
        }
    }
}

/// What each record of a produced batch must be.
public struct RecordRules: Sendable, Hashable {
    /// Whether a record needs a key: compacted topics.
    public var requiresKey: Bool
    /// The timestamps allowed, in milliseconds since 1970; nil: any (`message.timestamp.before/after.max.ms`).
    public var timestamps: ClosedRange<Int64>?
    /// The most bytes that the records may unfold to.
    public var uncompressedSizeBytesMax: Int

    /// Rules for the records of one topic.
    public init(requiresKey: Bool = false, timestamps: ClosedRange<Int64>? = nil, uncompressedSizeBytesMax: Int) {
        self.requiresKey = requiresKey
        self.timestamps = timestamps
        self.uncompressedSizeBytesMax = uncompressedSizeBytesMax
    }

    /// At most this many records at fault are named.
    static let recordErrorsMax = 100
}

extension BatchHeader {
    /// Decodes every record of the batch at the buffer's beginning and checks it.
    ///
    /// Costs the decompression and a pass over the records; only for topics whose rules need it. Returns the
    /// records' largest timestamp.
    @discardableResult
    public func validateRecords(in buffer: ByteBuffer, _ rules: RecordRules) throws(BatchError) -> Int64 {
        var records = try RecordReader(buffer, header: self, uncompressedSizeBytesMax: rules.uncompressedSizeBytesMax)
        var check = RecordCheck(header: self, rules: rules)
        while try records.nextLayout({ (layout, _) throws(BatchError) in try check.look(at: layout) }) {}
        guard records.isAtEnd else {
            throw BatchError(.invalid, "bytes are left over behind the batch's \(recordCount) records")
        }
        return try check.result()
    }

    /// The timestamp of a record of this batch.
    public func timestamp(of record: Record) -> Int64 {
        timestamp(delta: record.timestampDelta)
    }

    fileprivate func timestamp(delta: Int64) -> Int64 {
        attributes.contains(.logAppendTime) ? maxTimestamp : baseTimestamp &+ delta
    }
}

/// Looks at the records of a batch in order, and gathers those at fault.
private struct RecordCheck {
    let header: BatchHeader
    let rules: RecordRules
    private var index: Int32 = 0
    private var largest: Int64 = -1
    private var keyless: [RecordError] = []
    private var untimely: [RecordError] = []

    init(header: BatchHeader, rules: RecordRules) {
        self.header = header
        self.rules = rules
    }

    mutating func look(at record: RecordLayout) throws(BatchError) {
        guard record.offsetDelta == index else {
            throw BatchError(.invalid, "record \(index) has the offset delta \(record.offsetDelta)")
        }
        let timestamp = header.timestamp(delta: record.timestampDelta)
        largest = max(largest, timestamp)
        if rules.requiresKey, record.key == nil, keyless.count < RecordRules.recordErrorsMax {
            keyless.append(RecordError(index: index, message: "Compacted topic cannot accept message without key"))
        }
        if let allowed = rules.timestamps, !allowed.contains(timestamp), untimely.count < RecordRules.recordErrorsMax {
            untimely.append(RecordError(index: index, message: "Timestamp \(timestamp) is out of range \(allowed)"))
        }
        index += 1
    }

    /// The largest timestamp; throws where a record is at fault.
    func result() throws(BatchError) -> Int64 {
        if !keyless.isEmpty {
            throw BatchError(.invalid, "One or more records have been rejected", records: keyless)
        }
        if !untimely.isEmpty {
            throw BatchError(.invalidTimestamp, "One or more records have been rejected", records: untimely)
        }
        return largest
    }
}
