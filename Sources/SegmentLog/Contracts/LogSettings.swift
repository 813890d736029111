/// How one log is kept; the defaults are Kafka's.
public struct LogSettings: Sendable, Hashable {
    /// What an acknowledged batch has survived.
    public enum Durability: Sendable, Hashable {
        /// Committed = synced to the device (on a majority).
        case synced
        /// Committed = in the page cache (of a majority); flushed to the device within `flushInterval`.
        case memory
    }

    /// A segment is rolled before it grows past this many bytes (`segment.bytes`).
    public var segmentSizeBytesMax = 1_073_741_824
    /// A segment is rolled when its first record is older than this (`segment.ms`), in milliseconds.
    public var segmentAgeMillisecondsMax: Int64 = 604_800_000
    /// Old segments go when the log is larger than this (`retention.bytes`); nil: never.
    public var retentionBytes: Int64?
    /// Segments whose newest record is older than this go (`retention.ms`), in milliseconds; nil: never.
    public var retentionMilliseconds: Int64? = 604_800_000
    /// Whether retention by size and time applies (`cleanup.policy` contains `delete`).
    public var deletesOldSegments = true
    /// Whether only the last record of each key is kept (`cleanup.policy` contains `compact`).
    public var compacts = false
    /// The part of a compacted log that is to be new before it is cleaned, 0 to 1 (`min.cleanable.dirty.ratio`).
    public var minCleanableDirtyRatio = 0.5
    /// How long a record is left alone by compaction (`min.compaction.lag.ms`), in milliseconds.
    public var minCompactionLagMilliseconds: Int64 = 0
    /// How long a record may stay uncleaned (`max.compaction.lag.ms`), in milliseconds.
    public var maxCompactionLagMilliseconds: Int64 = .max
    /// How long compaction keeps tombstones and markers once their data is gone (`delete.retention.ms`), in
    /// milliseconds.
    public var deleteRetentionMilliseconds: Int64 = 86_400_000
    /// Bytes of log between two entries of the offset index (`index.interval.bytes`).
    public var indexIntervalBytes = 4096
    /// Bytes of log between two checkpoints: what opening it reads at most, besides the unsynced tail.
    public var checkpointIntervalBytes = 32 << 20
    /// What commit means (`weir.durability`).
    public var durability = Durability.synced
    /// With `memory` durability: the bound on how long written bytes stay unsynced.
    public var flushInterval: Duration = .milliseconds(1000)
    /// How long a producer id without a batch is remembered (`producer.id.expiration.ms`), in milliseconds.
    public var producerExpirationMilliseconds: Int64 = 86_400_000
    /// How long a deleted file stays, renamed (`file.delete.delay.ms`).
    public var fileDeleteDelay: Duration = .seconds(60)

    /// When a segment is rolled for its age: a compacted one early enough to be cleaned in time.
    var rollAgeMillisecondsMax: Int64 {
        compacts ? min(segmentAgeMillisecondsMax, maxCompactionLagMilliseconds) : segmentAgeMillisecondsMax
    }

    /// Kafka's defaults.
    public init() {}
}
