import WeirRuntime

/// What follows from a log up to a synced point: makes opening fast; without it the log is read whole.
struct Checkpoint: Sendable {
    private static let magic: UInt32 = 0x574C_4350
    /// 2: transactions. One of another version is not read: the log is.
    private static let version: UInt16 = 2

    /// The log's topic.
    var topicID: TopicID
    /// The log's partition.
    var partition: Int32
    /// What replaying everything up to `active.end` gives.
    var state: LogState
    /// The segment the point lies in, as it was then.
    var active: SegmentSummary
    /// Entries of its `.index` file that belong to it.
    var offsetEntryCount: Int
    /// Entries of its `.timeindex` file that belong to it.
    var timeEntryCount: Int
    /// Bytes since the last of these.
    var sizeBytesSinceEntry: Int
    /// The segments before it.
    var sealed: [SegmentSummary]

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(topicID.high)
        writer.write(topicID.low)
        writer.write(partition)
        writer.write(state.nextOffset)
        writer.write(state.nextIndex)
        writer.write(state.epoch)
        writer.write(state.logStart)
        active.write(to: &writer)
        writer.write(UInt32(offsetEntryCount))
        writer.write(UInt32(timeEntryCount))
        writer.write(UInt32(sizeBytesSinceEntry))
        writer.write(UInt32(sealed.count))
        for summary in sealed { summary.write(to: &writer) }
        writer.write(UInt32(state.epochs.entries.count))
        for entry in state.epochs.entries {
            writer.write(entry.epoch)
            writer.write(entry.startOffset)
        }
        state.producers.write(to: &writer)
        state.transactions.write(to: &writer)
        return writer.sealed()
    }
}

extension Checkpoint {
    /// The checkpoint in `bytes`; nil where they are not one, or not whole.
    init?(_ bytes: [UInt8]) {
        guard let decoded = ByteReader.unsealed(bytes, { Checkpoint(&$0) }) else { return nil }
        self = decoded
    }

    private init?(_ reader: inout ByteReader) {
        guard reader.read(UInt32.self) == Self.magic, reader.read(UInt16.self) == Self.version,
            let high = reader.read(UInt64.self), let low = reader.read(UInt64.self),
            let partition = reader.read(Int32.self), let nextOffset = reader.read(Int64.self),
            let nextIndex = reader.read(Int64.self), let epoch = reader.read(Int32.self),
            let logStart = reader.read(Int64.self), let active = SegmentSummary(&reader),
            let offsetEntryCount = reader.read(UInt32.self), let timeEntryCount = reader.read(UInt32.self),
            let sizeBytesSinceEntry = reader.read(UInt32.self),
            let sealedCount = reader.readCount(of: SegmentSummary.sizeBytes)
        else { return nil }
        topicID = TopicID(high: high, low: low)
        self.partition = partition
        self.active = active
        self.offsetEntryCount = Int(offsetEntryCount)
        self.timeEntryCount = Int(timeEntryCount)
        self.sizeBytesSinceEntry = Int(sizeBytesSinceEntry)
        sealed = []
        for _ in 0..<sealedCount {
            guard let summary = SegmentSummary(&reader) else { return nil }
            sealed.append(summary)
        }
        state = LogState(nextOffset: nextOffset, nextIndex: nextIndex, logStart: logStart)
        state.epoch = epoch
        guard let epochCount = reader.readCount(of: 12) else { return nil }
        for _ in 0..<epochCount {
            guard let epoch = reader.read(Int32.self), let start = reader.read(Int64.self) else { return nil }
            state.epochs.append(EpochCache.Entry(epoch: epoch, startOffset: start))
        }
        guard let producers = ProducerStates(&reader), let transactions = LogTransactions(&reader) else { return nil }
        state.producers = producers
        state.transactions = transactions
    }
}

/// The place up to which a log is known to be on the device, in a small file overwritten in place.
///
/// Written after each sync and not synced itself, so it is a lower bound: exact after SIGKILL, as old as
/// the kernel left it after a power cut. Two slots take turns, so that a torn write leaves the other.
struct RecoveryPoint: Equatable, Sendable {
    static let slotSizeBytes = 64
    private static let magic: UInt32 = 0x574C_5250

    /// Larger in the newer slot.
    var sequence: UInt64
    /// The topic.
    var topicID: TopicID
    /// The partition.
    var partition: Int32
    /// The synced end.
    var point: LogPoint

    /// Where in the file it goes.
    var slotPosition: Int64 { Int64(sequence % 2) * 512 }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(sequence)
        writer.write(topicID.high)
        writer.write(topicID.low)
        writer.write(partition)
        point.write(to: &writer)
        return writer.sealed()
    }

    init(sequence: UInt64, identity: LogIdentity, point: LogPoint) {
        self.sequence = sequence
        topicID = identity.topicID
        partition = identity.partition
        self.point = point
    }

    /// The newer of the slots in the file's bytes; nil where none is intact.
    static func newest(in bytes: [UInt8]) -> RecoveryPoint? {
        [0, 512].compactMap { start in
            start < bytes.count ? RecoveryPoint(slot: bytes[start...].prefix(encodedSizeBytes)) : nil
        }.max { $0.sequence < $1.sequence }
    }

    static let encodedSizeBytes = 4 + 8 + 16 + 4 + LogPoint.sizeBytes + 4

    private init?(slot: ArraySlice<UInt8>) {
        guard slot.count == Self.encodedSizeBytes else { return nil }
        let decoded = ByteReader.unsealed(Array(slot)) { reader -> RecoveryPoint? in
            guard reader.read(UInt32.self) == Self.magic, let sequence = reader.read(UInt64.self),
                let high = reader.read(UInt64.self), let low = reader.read(UInt64.self),
                let partition = reader.read(Int32.self), let point = LogPoint(&reader)
            else { return nil }
            let identity = LogIdentity(topicID: TopicID(high: high, low: low), topic: "", partition: partition)
            return RecoveryPoint(sequence: sequence, identity: identity, point: point)
        }
        guard let decoded else { return nil }
        self = decoded
    }
}
