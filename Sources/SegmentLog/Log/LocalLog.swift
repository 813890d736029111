import Logging
public import WeirRuntime

/// A log on this node's disk alone: it leads itself, and commit means synced (or written).
///
/// Appends of a burst are written in one call when the burst ends, and synced together with those of
/// the loop's other logs. Everything follows from the batches; docs/formats/log.md has the files.
///
/// `@unchecked Sendable`: all state is confined to `loop`.
public final class LocalLog: ReplicatedLog, @unchecked Sendable {
    /// Whether it takes writes.
    enum Health: Equatable {
        case good
        /// No room; asks the disk from time to time.
        case full
        /// The disk failed: what it says about later writes is not believed.
        case failed(String)
        case closed
    }

    /// Which log this is.
    public let identity: LogIdentity
    /// The loop that owns it.
    public let loop: any Loop
    /// How it is kept now.
    public internal(set) var settings: LogSettings
    /// Called on the loop after something moved.
    public var onChange: ((LogChanges) -> Void)?

    let nodeID: Int32
    let folder: LogFolder
    let commit: GroupCommit
    let clock: any Clock
    let probe: SegmentLogProbe
    let logger: Logger
    let recoveryFile: any DiskFile
    var recoverySequence: UInt64

    /// Ascending; the last one is written to.
    var segments: [Segment]
    /// Where the next batch goes.
    var appended: LogPoint
    /// Up to where the page cache has it.
    var written: LogPoint
    /// Up to where the device has it.
    var synced: LogPoint
    /// The recovery point that is on the device, or on its way there.
    var storedPoint: LogPoint
    /// Up to where consumers see it.
    var committed: LogPoint
    var logStart: Int64
    /// The entry that moved the log start there.
    var logStartIndex: Int64 = 0
    var epochs: EpochCache
    var producers: ProducerStates
    var transactions: LogTransactions
    /// Up to where readers of stable records see it: `stablePoint`, as it was told last.
    var stableOffset: Int64 = 0
    /// How many transactions the probe counts as this log's.
    var countedTransactions = (open: 0, aborted: 0)
    var recent = RecentBatches()
    var health = Health.good
    var changes: LogChanges = []

    /// Appended and not written: what the next write takes.
    var pending: ContiguousArray<PendingBatch> = []
    var pendingPrefixes: ContiguousArray<BatchPrefix> = []
    var writeVectors: [UnsafeRawBufferPointer] = []
    var isWriteQueued = false
    var isSyncQueued = false
    /// Rolled away from, and not synced since.
    var unsyncedSegments: [Segment] = []
    /// The last segment's name is not on the device yet.
    var isNameUnsynced = false
    var flushTimer: (any ScheduledCallback)?

    var writtenWaiters = WaiterQueue<Void>()
    var committedWaiters = WaiterQueue<Void>()
    var flushWaiters = WaiterQueue<Void>()
    var logStartWaiters = WaiterQueue<Int64>()
    /// Log starts that wait for their entry's commit.
    var movingLogStarts: [(index: Int64, offset: Int64)] = []

    var fillSizeBytes: Int64 = LocalLog.fillSizeBytesMin
    var lastFill: MonotonicTime?
    var sizeBytesSinceCheckpoint: Int64
    var checkpoint = CheckpointStage.idle
    /// What the checkpoint on disk says; nil: there is none that is of use.
    var checkpointed: LogPoint?
    var readCount: UInt64 = 0
    var loading: [Int64: [() -> Void]] = [:]
    var backgroundJobs = 0
    var whenIdle: (() -> Void)?
    /// The cleaning pass that is under way, and what it waits for.
    var cleaning: OngoingCleaning?
    /// Below it the log is clean.
    var cleanOffset: Int64
    /// A pass met damage: none is begun any more until the log is opened again.
    var isUncleanable = false
    /// Cleaned segments are taking others' place: no file of a segment is opened or renamed meanwhile.
    var isSwapping = false
    /// What waits for that to be over.
    var afterSwap: [() -> Void] = []
    /// Cleaned segments that no stored checkpoint knows of.
    var unknownSwaps: Set<Int64> = []
    /// What waits for a checkpoint to be stored, or for that to fail.
    var checkpointWaiters: [() -> Void] = []
    /// No more appends: it is being closed.
    var isClosing = false
    /// The provider's: it forgets the log. Set before anybody else has the log.
    var onClosed: (@Sendable () -> Void)?

    static let fillSizeBytesMin: Int64 = 256 << 10
    static let fillSizeBytesMax: Int64 = 16 << 20
    /// How many sealed segments are kept open for reading.
    static let openSegmentsMax = 8

    init(
        _ recovered: RecoveredLog, folder: LogFolder, settings: LogSettings, nodeID: Int32, commit: GroupCommit,
        clock: any Clock, probe: SegmentLogProbe, logger: Logger
    ) {
        identity = folder.identity
        loop = commit.loop
        self.settings = settings
        self.nodeID = nodeID
        self.folder = folder
        self.commit = commit
        self.clock = clock
        self.probe = probe
        self.logger = logger
        recoveryFile = recovered.recoveryFile
        recoverySequence = recovered.recoverySequence
        segments = recovered.segments.map(Segment.init)
        precondition(!segments.isEmpty, "a log has a segment to write to")
        let last = segments[segments.count - 1].summary
        appended = LogPoint(
            segment: last.baseOffset, position: last.end, nextOffset: recovered.state.nextOffset,
            nextIndex: recovered.state.nextIndex)
        written = appended
        synced = appended
        storedPoint = appended
        committed = appended
        logStart = recovered.state.logStart
        epochs = recovered.state.epochs
        producers = recovered.state.producers
        transactions = recovered.state.transactions
        sizeBytesSinceCheckpoint = recovered.scannedBytes
        checkpointed = recovered.checkpoint
        cleanOffset = recovered.cleanOffset
        for segment in segments.dropLast() { segment.isSealed = true }
        for segment in segments.dropLast() where segment.damaged.isEmpty {
            segment.file = nil
            segment.index = nil
        }
        noteStable()
        changes = []
        probe.logOpened(segments: segments.count, sizeBytes: sizeBytes)
    }

    /// The segment that is written to.
    var active: Segment { segments[segments.count - 1] }

    /// This node, always.
    public var leadership: Leadership { Leadership(leader: nodeID, isLocal: health != .closed, epoch: 0) }
    /// The first offset that may be read.
    public var logStartOffset: Int64 { logStart }
    /// The next offset to be given.
    public var logEndOffset: Int64 { appended.nextOffset }
    /// The end of what is committed.
    public var highWatermark: Int64 { committed.nextOffset }
    /// The high watermark, or where the first transaction began that has not ended.
    public var lastStableOffset: Int64 { stableOffset }
    /// The bytes of its segments, O(segments).
    public var sizeBytes: Int64 { segments.reduce(0) { $0 + $1.summary.end } }

    /// The largest epoch not above `epoch`, and where it ended: of a local log 0 and the log end.
    public func endOffset(ofEpoch epoch: Int32) -> EpochEnd? {
        loop.preconditionIsCurrent()
        if epochs.entries.isEmpty {
            return epoch >= 0 ? EpochEnd(epoch: 0, endOffset: appended.nextOffset) : nil
        }
        return epochs.end(of: epoch, logEndOffset: appended.nextOffset)
    }

    /// Changes how the log is kept, from now on.
    public func apply(_ settings: LogSettings) {
        loop.preconditionIsCurrent()
        self.settings = settings
        active.index?.intervalBytes = settings.indexIntervalBytes
        advance()
        if synced != written { requestSync() }
        loop.execute { self.answer() }
    }

    /// Tells the owner what moved since the last time.
    func tellChanges() {
        if changes.isEmpty { return }
        let told = changes
        changes = []
        onChange?(told)
    }

    /// The error of calls that come after the log refused; nil: it takes writes.
    public var refusal: LogError? {
        switch health {
        case .good: nil
        case .full: LogError(.full, "\(folder.path): no room on the device; it goes on by itself when there is room")
        case .failed(let reason):
            LogError(.storage, "\(folder.path) takes no writes since its disk failed (\(reason)); restart the node")
        case .closed: LogError(.closed, "\(folder.path) is closed")
        }
    }

    /// Runs a blocking job on one of the disk's threads; closing waits for it. `then` on the loop.
    func background<Value: Sendable>(
        _ job: @escaping @Sendable () -> Value, then: @escaping (Value) -> Void
    ) {
        backgroundJobs += 1
        let confined = LoopBound(then)
        folder.disk.background { [self] in
            let value = job()
            loop.execute {
                self.backgroundJobs -= 1
                confined.value(value)
                guard self.backgroundJobs == 0, let whenIdle = self.whenIdle else { return }
                self.whenIdle = nil
                whenIdle()
            }
        }
    }
}
