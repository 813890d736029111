/// How the logs of compacted topics are cleaned.
public struct CleanerSettings: Sendable, Hashable {
    /// Whether they are (`log.cleaner.enable`).
    public let isEnabled: Bool
    /// Passes at once (`log.cleaner.threads`).
    public let passCount: Int
    /// Bytes a second that all passes together may read and write (`log.cleaner.io.max.bytes.per.second`).
    public let sizeBytesPerSecondMax: Double
    /// Memory for the keys of all passes (`log.cleaner.dedupe.buffer.size`).
    public let mapSizeBytesMax: Int
    /// How full that gets (`log.cleaner.io.buffer.load.factor`).
    public let mapLoadMax: Double
    /// Buffers of all passes (`log.cleaner.io.buffer.size`).
    public let bufferSizeBytes: Int
    /// How long to wait where nothing is to be cleaned (`log.cleaner.backoff.ms`).
    public let backoffMilliseconds: Int64

    init(_ read: SettingReader) throws(SettingError) {
        isEnabled = read.boolean("log.cleaner.enable")
        passCount = Int(read.integer("log.cleaner.threads"))
        sizeBytesPerSecondMax = read.double("log.cleaner.io.max.bytes.per.second")
        mapSizeBytesMax = Int(read.integer("log.cleaner.dedupe.buffer.size"))
        mapLoadMax = read.double("log.cleaner.io.buffer.load.factor")
        bufferSizeBytes = Int(read.integer("log.cleaner.io.buffer.size"))
        backoffMilliseconds = read.integer("log.cleaner.backoff.ms")
        guard passCount == 0 || mapSizeBytesMax / passCount > 1 << 20 else {
            throw SettingError(
                .invalidValue, name: "log.cleaner.dedupe.buffer.size",
                "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
        }
    }
}

extension BrokerSettings {
    /// What concerns compaction; topics override what they have a setting of their own for.
    static let cleanerDefinitions: [SettingDefinition] = passes + topicDefaults

    /// Those that the next pass goes by, when they change.
    static let dynamicCleanerNames: Set<String> = [
        "log.cleaner.io.max.bytes.per.second", "log.cleaner.dedupe.buffer.size", "log.cleaner.io.buffer.size",
        "log.cleaner.io.buffer.load.factor", "log.cleaner.backoff.ms",
    ]

    private static let passes: [SettingDefinition] = [
        .init(
            "log.cleaner.enable", .boolean, default: "true", .any,
            "Whether the logs of compacted topics are cleaned."),
        .init(
            "log.cleaner.threads", .int, default: "1", .atLeast(0),
            "Logs that are cleaned at once."),
        .init(
            "log.cleaner.io.max.bytes.per.second", .double, default: "1.7976931348623157E308", .any,
            "Bytes a second that cleaning may read and write, all logs together."),
        .init(
            "log.cleaner.dedupe.buffer.size", .long, default: "134217728", .any,
            "Bytes of memory for the keys of the logs that are cleaned at once, 24 a key."),
        .init(
            "log.cleaner.io.buffer.size", .int, default: "524288", .atLeast(0),
            "Bytes of the buffers that logs are read and written through while they are cleaned."),
        .init(
            "log.cleaner.io.buffer.load.factor", .double, default: "0.9", .fraction,
            "How full the memory for keys may get: fuller holds more keys, and finds them more slowly."),
        .init(
            "log.cleaner.backoff.ms", .long, default: "15000", .atLeast(0),
            "Milliseconds to wait where no log is to be cleaned."),
    ]

    private static let topicDefaults: [SettingDefinition] = [
        .init(
            "log.cleaner.min.cleanable.ratio", .double, default: "0.5", .fraction,
            "The part of a log that is to be new before it is cleaned (topics: min.cleanable.dirty.ratio)."),
        .init(
            "log.cleaner.delete.retention.ms", .long, default: "86400000", .atLeast(0),
            "How long cleaning keeps tombstones (topics: delete.retention.ms)."),
        .init(
            "log.cleaner.min.compaction.lag.ms", .long, default: "0", .atLeast(0),
            "How long cleaning leaves a record alone (topics: min.compaction.lag.ms)."),
        .init(
            "log.cleaner.max.compaction.lag.ms", .long, default: "9223372036854775807", .atLeast(1),
            "How long a record may stay uncleaned (topics: max.compaction.lag.ms)."),
    ]
}
