public import NIOCore
public import WeirRuntime

/// One partition's log, as the broker sees it: local, or replicated by Raft.
///
/// Confined to `loop`: every member is touched only there, and every callback comes there. Calls are
/// a batch, never a record. Appending has two stages: *appended* (base offset given, in order) and
/// then *committed* (or failed), in the order of the offsets.
public protocol ReplicatedLog: AnyObject, Sendable {
    /// Which log this is.
    var identity: LogIdentity { get }
    /// The loop that owns it.
    var loop: any Loop { get }
    /// Who leads, in which epoch.
    var leadership: Leadership { get }
    /// The first offset that may be read. Monotone.
    var logStartOffset: Int64 { get }
    /// The next offset to be given. Only an append moves it; a truncation by a new leader lowers it.
    var logEndOffset: Int64 { get }
    /// Everything below it is committed: what consumers may see. Monotone.
    var highWatermark: Int64 { get }
    /// The lowest offset of an open transaction, at most the high watermark.
    var lastStableOffset: Int64 { get }
    /// Bytes on disk, indexes not counted.
    var sizeBytes: Int64 { get }
    /// How it is kept now.
    var settings: LogSettings { get }
    /// The error of every append as things are: the device is full, or failed. Nil: the log takes writes. O(1).
    var refusal: LogError? { get }
    /// Called on the loop after offsets, leadership or health changed; one owner sets it.
    var onChange: ((LogChanges) -> Void)? { get set }

    /// Appends one batch at the end: the bytes as the producer sent them, but for base offset and
    /// leader epoch, which are patched.
    ///
    /// The batch is one whole v2 batch whose header and checksum the caller has validated. The
    /// producer's sequence is checked and advanced here, in the same step: a batch that was
    /// appended before (one of the producer's last five) is not appended again, its first offset is
    /// returned, and `then` waits for *its* commit.
    ///
    /// A transactional batch opens its producer's transaction here, unless one is open; a batch that is not
    /// transactional is refused while one is.
    ///
    /// - Parameters:
    ///   - batch: The whole batch.
    ///   - origin: Who wrote it: whether its sequence is checked.
    ///   - stage: What `then` waits for.
    ///   - then: Called once, on the loop, never before `append` returned; not called where it throws.
    /// - Returns: The base offset given, and what a produce response carries with it.
    func append(
        _ batch: ByteBuffer, from origin: AppendOrigin, until stage: AppendStage,
        then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt

    /// Appends the control batch that ends the producer's transaction here, and moves the last stable offset when it is
    /// committed. Also where no transaction is open: the epoch counts.
    ///
    /// - Throws: `invalidProducerEpoch` for an older producer epoch, `coordinatorFenced` for an older coordinator's.
    func append(
        _ marker: TransactionMarker, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt

    /// The producer's transaction that is open in this log; nil: none is. O(1).
    func openTransaction(of producerID: Int64) -> OpenTransaction?

    /// The producers that the log remembers, by id: for DescribeProducers.
    var producerDescriptions: [ProducerDescription] { get }

    /// Reads whole batches from the one that contains `offset`, up to `bound`.
    ///
    /// The first batch is returned even where it is larger than `sizeBytesMax` (unless
    /// `sizeBytesMax` is 0); internal batches are left out. Offset equal to the bound: no bytes.
    /// `then` is called on the loop, before `read` returns where the page cache has the bytes, later
    /// where the device must be waited for.
    func read(
        from offset: Int64, sizeBytesMax: Int, bound: ReadBound,
        then: @escaping (Result<LogRead, LogError>) -> Void)

    /// Bytes that a read from `offset` up to `bound` could return now, at least 0, counted from the
    /// sparse index: for a fetch's minimum bytes. Never waits for the device.
    func sizeBytesReadable(from offset: Int64, bound: ReadBound) -> Int

    /// The first offset whose record has a timestamp of at least `timestamp`, and that timestamp; nil: none.
    func findOffset(
        timestamp: Int64, then: @escaping (Result<TimestampedOffset?, LogError>) -> Void)

    /// The offset of the record with the largest timestamp, and that timestamp; nil: the log has no record.
    func findLargestTimestamp(then: @escaping (Result<TimestampedOffset?, LogError>) -> Void)

    /// The largest epoch not above `epoch`, and where it ended (the next epoch's start, or the log's
    /// end); nil where no such epoch is known (KIP-101, KIP-279).
    func endOffset(ofEpoch epoch: Int32) -> EpochEnd?

    /// Moves the log start to `offset` (at most the high watermark; nil: to the high watermark), by an
    /// internal entry; never back. `then` gets the new log start when that entry is committed.
    func advanceLogStart(to offset: Int64?, then: @escaping (Result<Int64, LogError>) -> Void)

    /// Changes how the log is kept, from now on.
    func apply(_ settings: LogSettings)

    /// Rolls and deletes what `settings` say is due. The shell calls it from time to time.
    func enforceRetention(wallMilliseconds: Int64)

    /// What compaction would find now; `none` where the log is not compacted, or a pass met damage. O(segments).
    func cleaning(wallMilliseconds: Int64) -> CleaningNeed

    /// Goes over the log's sealed segments and leaves the last record of each key (`LogSettings.compacts`).
    ///
    /// Offsets and entries stay what they are. One pass at a time; it works on the disk's threads, a few megabytes at
    /// a time, and is over soon after `stopCleaning` or `close`. `then` once, on the loop, never before `clean`
    /// returned. It fails where the log is damaged or its disk fails: then the log is as it was.
    func clean(_ limits: CleaningLimits, then: @escaping (Result<CleaningOutcome, LogError>) -> Void)

    /// Ends the pass that is under way; its callback says that it was stopped. Does nothing where none is.
    func stopCleaning()

    /// Makes everything appended durable, whatever the durability. `then` on the loop.
    func flush(then: @escaping (Result<Void, LogError>) -> Void)

    /// Flushes, writes what makes the next open fast, closes the files; every waiter is answered
    /// first. After it every call fails with `closed`. `then` on the loop.
    func close(then: @escaping (Result<Void, LogError>) -> Void)
}

extension ReplicatedLog {
    /// Appends what a client sent.
    public func append(
        _ batch: ByteBuffer, until stage: AppendStage, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        try append(batch, from: .client, until: stage, then: then)
    }
}

/// Who leads a log.
public struct Leadership: Sendable, Hashable {
    /// The node that leads; nil: nobody, as far as is known.
    public var leader: Int32?
    /// Whether that is this node, and it may append.
    public var isLocal: Bool
    /// The leader epoch (Raft: the term).
    public var epoch: Int32

    /// `leader` leads in `epoch`.
    public init(leader: Int32?, isLocal: Bool, epoch: Int32) {
        self.leader = leader
        self.isLocal = isLocal
        self.epoch = epoch
    }
}

/// What moved since the last call.
public struct LogChanges: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8
    /// The set of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The high watermark rose.
    public static let highWatermark = LogChanges(rawValue: 1)
    /// The last stable offset rose.
    public static let lastStableOffset = LogChanges(rawValue: 2)
    /// The log start rose.
    public static let logStart = LogChanges(rawValue: 4)
    /// Leader or epoch changed.
    public static let leadership = LogChanges(rawValue: 8)
    /// The log began or ceased to refuse writes.
    public static let health = LogChanges(rawValue: 16)
    /// The log end rose (what a follower's fetch waits for).
    public static let logEnd = LogChanges(rawValue: 32)
}

/// Who wrote a batch.
public enum AppendOrigin: Sendable, Hashable {
    /// A client: an idempotent producer's sequence is checked and advanced.
    case client
    /// A coordinator of this node, into an internal topic: a batch may be of a producer's transaction and has no
    /// sequence.
    case coordinator
}

/// What ends a producer's transaction in one log: a control batch (KIP-98).
public struct TransactionMarker: Sendable, Hashable {
    /// Whose transaction.
    public var producerID: Int64
    /// The epoch with which the producer's coordinator ends it.
    public var producerEpoch: Int16
    /// Whether what was written is to be seen.
    public var isCommit: Bool
    /// The epoch of the coordinator: an older one is refused.
    public var coordinatorEpoch: Int32
    /// Milliseconds since 1970.
    public var timestamp: Int64

    /// A marker.
    public init(producerID: Int64, producerEpoch: Int16, isCommit: Bool, coordinatorEpoch: Int32, timestamp: Int64) {
        self.producerID = producerID
        self.producerEpoch = producerEpoch
        self.isCommit = isCommit
        self.coordinatorEpoch = coordinatorEpoch
        self.timestamp = timestamp
    }
}

/// A transaction that has begun in a log and has no marker yet.
public struct OpenTransaction: Sendable, Hashable {
    /// The producer's epoch.
    public var producerEpoch: Int16
    /// The offset of its first record.
    public var firstOffset: Int64
    /// When that was appended, in milliseconds since 1970 by this node's clock.
    public var startMilliseconds: Int64

    /// A transaction that began at `firstOffset`.
    public init(producerEpoch: Int16, firstOffset: Int64, startMilliseconds: Int64) {
        self.producerEpoch = producerEpoch
        self.firstOffset = firstOffset
        self.startMilliseconds = startMilliseconds
    }
}

/// What a log remembers of one producer.
public struct ProducerDescription: Sendable, Hashable {
    /// The producer id.
    public var id: Int64
    /// Its epoch.
    public var epoch: Int16
    /// The last sequence number; −1: none in this epoch.
    public var lastSequence: Int32
    /// When it last appended, in milliseconds since 1970.
    public var lastTimestamp: Int64
    /// The coordinator epoch of its last marker; −1: none.
    public var coordinatorEpoch: Int32
    /// The first offset of its open transaction; −1: none is open.
    public var openTransactionOffset: Int64

    /// A producer.
    public init(
        id: Int64, epoch: Int16, lastSequence: Int32, lastTimestamp: Int64, coordinatorEpoch: Int32,
        openTransactionOffset: Int64
    ) {
        self.id = id
        self.epoch = epoch
        self.lastSequence = lastSequence
        self.lastTimestamp = lastTimestamp
        self.coordinatorEpoch = coordinatorEpoch
        self.openTransactionOffset = openTransactionOffset
    }
}

/// What an append's callback waits for.
public enum AppendStage: Sendable, Hashable {
    /// The leader's page cache (acks=1).
    case written
    /// Commit (acks=all).
    case committed
}

/// What an append gave.
public struct AppendReceipt: Sendable, Hashable {
    /// The offset of the batch's first record.
    public var baseOffset: Int64
    /// The offset of its last record.
    public var lastOffset: Int64
    /// Whether the batch was there already, by its producer's sequence.
    public var isDuplicate: Bool

    /// A batch at these offsets.
    public init(baseOffset: Int64, lastOffset: Int64, isDuplicate: Bool = false) {
        self.baseOffset = baseOffset
        self.lastOffset = lastOffset
        self.isDuplicate = isDuplicate
    }
}

/// Up to where a read goes.
public enum ReadBound: Sendable, Hashable {
    /// The high watermark (read_uncommitted).
    case highWatermark
    /// The last stable offset (read_committed).
    case lastStableOffset
    /// The log's end (followers).
    case logEnd
}

/// What a read gave.
public struct LogRead: Sendable {
    /// Whole batches, one after another; the first may begin below the offset asked for.
    public var records: ByteBuffer
    /// The high watermark when it was read.
    public var highWatermark: Int64
    /// The last stable offset when it was read.
    public var lastStableOffset: Int64
    /// The log start when it was read.
    public var logStartOffset: Int64
    /// Aborted transactions in the range: producer id and first offset.
    public var abortedTransactions: [AbortedTransaction]

    /// A read with its offsets.
    public init(
        records: ByteBuffer, highWatermark: Int64, lastStableOffset: Int64, logStartOffset: Int64,
        abortedTransactions: [AbortedTransaction] = []
    ) {
        self.records = records
        self.highWatermark = highWatermark
        self.lastStableOffset = lastStableOffset
        self.logStartOffset = logStartOffset
        self.abortedTransactions = abortedTransactions
    }
}

/// A transaction that was aborted, as a fetch response names it.
public struct AbortedTransaction: Sendable, Hashable {
    /// Whose.
    public var producerID: Int64
    /// Its first offset in this log.
    public var firstOffset: Int64

    /// The transaction of `producerID` that began at `firstOffset`.
    public init(producerID: Int64, firstOffset: Int64) {
        self.producerID = producerID
        self.firstOffset = firstOffset
    }
}

/// An offset found by its time.
public struct TimestampedOffset: Sendable, Hashable {
    /// The record's offset.
    public var offset: Int64
    /// Its timestamp, in milliseconds since 1970.
    public var timestamp: Int64
    /// The leader epoch of its batch.
    public var leaderEpoch: Int32

    /// The record at `offset`.
    public init(offset: Int64, timestamp: Int64, leaderEpoch: Int32) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
    }
}

/// Where an epoch ended.
public struct EpochEnd: Sendable, Hashable {
    /// The epoch.
    public var epoch: Int32
    /// The first offset that is not of it.
    public var endOffset: Int64

    /// `epoch` ended before `endOffset`.
    public init(epoch: Int32, endOffset: Int64) {
        self.epoch = epoch
        self.endOffset = endOffset
    }
}
