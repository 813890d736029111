extension TopicConfiguration {
    /// What `compression.type` takes.
    static let compressionTypes = ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]
    /// What `message.timestamp.type` takes.
    static let timestampTypes = ["CreateTime", "LogAppendTime"]
    /// What `weir.durability` takes.
    static let durabilities = ["fsync", "memory"]

    /// All of Kafka's topic settings, and ours (`weir.…`).
    ///
    /// Clients set and expect the whole set, so the ones that have no effect here are known too; the
    /// documentation of those says so.
    static let table = SettingTable(records + retention + compaction + replication + tiers)

    private static let largest = "9223372036854775807"

    private static let records: [SettingDefinition] = [
        .init(
            "compression.type", .string, default: "producer", .oneOf(compressionTypes),
            "The codec of stored batches; producer keeps what the producer chose."),
        .init(
            "compression.gzip.level", .int, default: "-1", .equalOrBetween(-1, 1, 9),
            "The level of gzip where compression.type is gzip."),
        .init(
            "compression.lz4.level", .int, default: "9", .between(1, 17),
            "The level of LZ4 where compression.type is lz4."),
        .init(
            "compression.zstd.level", .int, default: "3", .between(-131_072, 22),
            "The level of Zstandard where compression.type is zstd."),
        .init(
            "max.message.bytes", .int, default: "1048588", .atLeast(0),
            "The largest record batch taken, in bytes as sent (compressed)."),
        .init(
            "message.timestamp.type", .string, default: "CreateTime", .oneOf(timestampTypes),
            "Whether records carry the time of their creation or of their append."),
        .init(
            "message.timestamp.before.max.ms", .long, default: largest, .atLeast(0),
            "How far a record's timestamp may lie before the broker's time, with CreateTime."),
        .init(
            "message.timestamp.after.max.ms", .long, default: "3600000", .atLeast(0),
            "How far a record's timestamp may lie after the broker's time, with CreateTime."),
        .init(
            "weir.durability", .string, default: "fsync", .oneOf(durabilities),
            "What an acknowledged batch has survived: fsync (synced to the device) or memory (in the page cache)."),
    ]

    private static let retention: [SettingDefinition] = [
        .init(
            "cleanup.policy", .list, default: "delete", .listOf(["compact", "delete"]),
            "What happens to old segments: delete (by retention.ms and retention.bytes), compact, or both."),
        .init(
            "retention.ms", .long, default: "604800000", .atLeast(-1),
            "Segments whose newest record is older than this many milliseconds go; -1 never."),
        .init(
            "retention.bytes", .long, default: "-1", .atLeast(-1),
            "A partition's oldest segments go when it is larger than this; -1 no limit."),
        .init(
            "segment.bytes", .int, default: "1073741824", .atLeast(14),
            "A segment is rolled before it grows past this many bytes."),
        .init(
            "segment.ms", .long, default: "604800000", .atLeast(1),
            "A segment is rolled when its first record is older than this many milliseconds."),
        .init(
            "segment.jitter.ms", .long, default: "0", .atLeast(0),
            "Segments are rolled earlier by up to this many milliseconds, each partition by another amount."),
        .init(
            "segment.index.bytes", .int, default: "10485760", .atLeast(4),
            "The size of index files. No effect: indexes are as large as they need to be."),
        .init(
            "index.interval.bytes", .int, default: "4096", .atLeast(0),
            "Bytes of log between two entries of the offset index."),
        .init(
            "file.delete.delay.ms", .long, default: "60000", .atLeast(0),
            "How long a deleted file stays, renamed."),
        .init(
            "flush.messages", .long, default: largest, .atLeast(1),
            "Records between two syncs. No effect: weir.durability says when to sync."),
        .init(
            "flush.ms", .long, default: largest, .atLeast(0),
            "With weir.durability=memory: the bound on how long written bytes stay unsynced; 1000 where not set."),
        .init(
            "preallocate", .boolean, default: "false", .any,
            "Whether segments are allocated ahead. No effect: they always are, in chunks."),
    ]

    private static let compaction: [SettingDefinition] = [
        .init(
            "delete.retention.ms", .long, default: "86400000", .atLeast(0),
            "How long compaction keeps tombstones and transaction markers once nothing else needs them."),
        .init(
            "min.cleanable.dirty.ratio", .double, default: "0.5", .fraction,
            "The part of a log that is to be new before it is compacted."),
        .init(
            "min.compaction.lag.ms", .long, default: "0", .atLeast(0),
            "How long compaction leaves a record alone."),
        .init(
            "max.compaction.lag.ms", .long, default: largest, .atLeast(1),
            "How long a record may stay uncompacted, from when its segment is rolled, which is no later."),
    ]

    private static let replication: [SettingDefinition] = [
        .init(
            "min.insync.replicas", .int, default: "1", .atLeast(1),
            "Replicas that must have a batch before acks=all is answered."),
        .init(
            "unclean.leader.election.enable", .boolean, default: "false", .any,
            "Whether a replica that lacks committed batches may lead. No effect: it never may."),
        .init(
            "leader.replication.throttled.replicas", .list, default: "", .any,
            "Replicas whose copying is slowed at the leader. No effect: nothing is replicated yet."),
        .init(
            "follower.replication.throttled.replicas", .list, default: "", .any,
            "Replicas whose copying is slowed at the follower. No effect: nothing is replicated yet."),
    ]

    private static let tiers: [SettingDefinition] = [
        .init(
            "remote.storage.enable", .boolean, default: "false", .never,
            "Whether old segments move to remote storage, which this broker does not have."),
        .init(
            "local.retention.ms", .long, default: "-2", .atLeast(-2),
            "How long segments stay local beside remote storage. No effect: there is no remote storage."),
        .init(
            "local.retention.bytes", .long, default: "-2", .atLeast(-2),
            "How much stays local beside remote storage. No effect: there is no remote storage."),
        .init(
            "remote.log.copy.disable", .boolean, default: "false", .any,
            "Whether copying to remote storage is off. No effect: there is no remote storage."),
        .init(
            "remote.log.delete.on.disable", .boolean, default: "false", .any,
            "Whether remote segments go when remote storage is turned off. No effect: there is none."),
    ]
}
