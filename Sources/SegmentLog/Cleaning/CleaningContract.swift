import Synchronization
import WeirRuntime

/// What compaction would find in a log now.
public struct CleaningNeed: Sendable, Hashable {
    /// Bytes that were cleaned already.
    public var cleanBytes: Int64
    /// Bytes that were never cleaned and may be now: sealed, committed, below the last stable offset, old enough.
    public var dirtyBytes: Int64
    /// Whether a record may be as old as `max.compaction.lag.ms` says and is not cleaned yet.
    public var isOverdue: Bool
    /// Whether the dirty part is large enough, or overdue.
    public var isDue: Bool

    /// Nothing to clean.
    public static let none = CleaningNeed(cleanBytes: 0, dirtyBytes: 0, isOverdue: false, isDue: false)

    /// A need of these parts.
    public init(cleanBytes: Int64, dirtyBytes: Int64, isOverdue: Bool, isDue: Bool) {
        self.cleanBytes = cleanBytes
        self.dirtyBytes = dirtyBytes
        self.isOverdue = isOverdue
        self.isDue = isDue
    }

    /// The dirty part of what would be cleaned, 0 to 1.
    public var dirtyRatio: Double {
        dirtyBytes > 0 ? Double(dirtyBytes) / Double(cleanBytes + dirtyBytes) : 0
    }
}

/// What one pass over a log may take.
public struct CleaningLimits: Sendable {
    /// Memory for the map of keys to offsets (`log.cleaner.dedupe.buffer.size`, one thread's share).
    public var mapSizeBytesMax = 128 << 20
    /// How full that map may get (`log.cleaner.io.buffer.load.factor`).
    public var mapLoadMax = 0.9
    /// The window that segments are read through, and the buffer that they are written from
    /// (`log.cleaner.io.buffer.size`, one thread's share).
    public var bufferSizeBytes = 512 << 10
    /// What slows the pass down; shared by passes that share a limit.
    public var pace: CleaningPace
    /// What keys are hashed with: random, so that nobody can choose keys that collide.
    public var hashKey: HashKey

    /// Kafka's limits.
    public init(hashKey: HashKey, pace: CleaningPace = CleaningPace()) {
        self.hashKey = hashKey
        self.pace = pace
    }
}

/// What a pass did.
public struct CleaningOutcome: Sendable, Hashable {
    /// Bytes read, segments that were read twice counted twice.
    public var readBytes: Int64 = 0
    /// Bytes of the segments that were written.
    public var writtenBytes: Int64 = 0
    /// Records that are still there.
    public var keptRecords: Int64 = 0
    /// Records that are gone.
    public var droppedRecords: Int64 = 0
    /// Bytes that the log shrank by.
    public var reclaimedBytes: Int64 = 0
    /// Segments there were, and are.
    public var segmentsBefore = 0
    /// Segments that they became.
    public var segmentsAfter = 0
    /// Batches that could not be decoded, and were kept as they are.
    public var unreadableBatches: Int64 = 0
    /// Up to which offset the log is clean now.
    public var cleanOffset: Int64 = 0
    /// Whether it was stopped before its end; what was done up to there stays.
    public var wasStopped = false
    /// How long it took.
    public var duration = Duration.zero

    /// Nothing done.
    public init() {}
}

/// How fast passes may read and write, all of them that share it together.
///
/// Thread-safe.
public final class CleaningPace: Sendable {
    /// Bytes a second; nil: as fast as it goes (`log.cleaner.io.max.bytes.per.second`).
    public let sizeBytesPerSecondMax: Double?
    private let freeFrom = Mutex<MonotonicTime?>(nil)

    /// A pace of so many bytes a second.
    public init(sizeBytesPerSecondMax: Double? = nil) {
        self.sizeBytesPerSecondMax = sizeBytesPerSecondMax.flatMap { $0 > 0 && $0 < 1e18 ? $0 : nil }
    }

    /// Takes down that so many bytes were read or written. Returns how long to wait before more are.
    func take(_ sizeBytes: Int64, now: MonotonicTime) -> Duration {
        guard let rate = sizeBytesPerSecondMax else { return .zero }
        let cost = Duration.nanoseconds(Int64(min(Double(sizeBytes) / rate * 1e9, 1e18)))
        return freeFrom.withLock { freeFrom in
            let free = max(freeFrom ?? now, now) + cost
            freeFrom = free
            return free - now
        }
    }
}
