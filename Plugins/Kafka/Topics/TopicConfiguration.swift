internal import RecordBatch
public import SegmentLog

/// A topic's configuration: what was set for the topic, over the broker's settings, over Kafka's defaults.
///
/// A value: parsed and checked once, so that the data path reads plain numbers.
public struct TopicConfiguration: Sendable, Hashable {
    /// Every topic setting that there is, sorted by name.
    public static var definitions: [SettingDefinition] { table.definitions }

    /// What was set for the topic, by name, without blanks around the values.
    public let overrides: [String: String]
    /// Where what was not set for the topic comes from.
    let broker: BrokerSettings

    /// The largest batch taken, in bytes as sent (`max.message.bytes`).
    public let messageSizeBytesMax: Int
    /// Whether old segments go by size and time (`cleanup.policy` contains `delete`).
    public let deletesOldSegments: Bool
    /// Whether the last record of each key is kept (`cleanup.policy` contains `compact`): keys are required.
    public let isCompacted: Bool
    /// The codec of stored batches (`compression.type`).
    public let compression: TopicCompression
    /// The effort of that codec (`compression.gzip.level` and so on); nil: it has none to choose.
    public let compressionLevel: Int32?
    /// Whose time records carry (`message.timestamp.type`).
    public let timestampSource: TimestampSource
    /// How far a timestamp may lie before now, in milliseconds (`message.timestamp.before.max.ms`).
    public let timestampBeforeMillisecondsMax: Int64
    /// How far a timestamp may lie after now, in milliseconds (`message.timestamp.after.max.ms`).
    public let timestampAfterMillisecondsMax: Int64
    /// Replicas that must have a batch before acks=all is answered, as configured (`min.insync.replicas`).
    public let inSyncReplicasMin: Int32
    private let settings: LogSettings
    private let segmentJitterMilliseconds: Int64

    /// Checks and reads what was set for a topic.
    ///
    /// Throws, in Kafka's words, for the first name that is not known or value that is not taken.
    public init(
        overrides: [String: String] = [:], broker: BrokerSettings = .standard
    ) throws(SettingError) {
        var kept: [String: String] = [:]
        for name in overrides.keys.sorted() {
            let text = overrides[name]?.trimmed ?? ""
            _ = try Self.definition(name).parse(text)
            kept[name] = text
        }
        self.overrides = kept
        self.broker = broker
        let read = SettingReader(table: Self.table, values: Self.effectiveValues(kept, broker))
        messageSizeBytesMax = Int(read.integer("max.message.bytes"))
        let policies = read.list("cleanup.policy")
        deletesOldSegments = policies.contains("delete")
        isCompacted = policies.contains("compact")
        compression = TopicCompression(name: read.text("compression.type"))
        compressionLevel = compression.codec.flatMap { Self.level(of: $0, read) }
        segmentJitterMilliseconds = min(read.integer("segment.jitter.ms"), read.integer("segment.ms"))
        timestampSource = read.text("message.timestamp.type") == "LogAppendTime" ? .logAppend : .create
        timestampBeforeMillisecondsMax = read.integer("message.timestamp.before.max.ms")
        timestampAfterMillisecondsMax = read.integer("message.timestamp.after.max.ms")
        inSyncReplicasMin = Int32(read.integer("min.insync.replicas"))
        let flushIsSet = kept["flush.ms"] != nil || broker.values["log.flush.interval.ms"] != nil
        settings = Self.logSettings(read, broker, flushIsSet: flushIsSet)
        try Self.checkLags(read)
    }

    /// What the log of a partition is opened with.
    ///
    /// Where `segment.jitter.ms` asks for it, partitions roll their segments at different times: how much earlier
    /// follows from the partition, so that it stays the same.
    public func logSettings(of partition: LogIdentity) -> LogSettings {
        guard segmentJitterMilliseconds > 0 else { return settings }
        var settings = settings
        var bits = partition.topicID.high ^ partition.topicID.low ^ UInt64(UInt32(bitPattern: partition.partition))
        bits = (bits ^ (bits >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        bits = (bits ^ (bits >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        let early = Int64((bits ^ (bits >> 33)) % UInt64(segmentJitterMilliseconds))
        settings.segmentAgeMillisecondsMax = max(1, settings.segmentAgeMillisecondsMax - early)
        return settings
    }

    /// What the topic's logs are opened with, but for what differs between them.
    public func logSettings() -> LogSettings { settings }

    private static func level(of codec: Codec, _ read: SettingReader) -> Int32? {
        switch codec {
        case .gzip: Int32(read.integer("compression.gzip.level"))
        case .lz4: Int32(read.integer("compression.lz4.level"))
        case .zstd: Int32(read.integer("compression.zstd.level"))
        case .none, .snappy: nil
        }
    }

    /// Every setting with the value in force, its source and synonyms, for DescribeConfigs; sorted by name.
    public func entries() -> [ConfigurationEntry] {
        Self.definitions.map { definition in
            let synonyms = synonyms(of: definition)
            return ConfigurationEntry(
                definition: definition, value: value(of: definition.name),
                source: synonyms.first?.source ?? .default, isReadOnly: false, synonyms: synonyms)
        }
    }

    /// The value in force of the setting `name`; nil where there is no such setting.
    public func value(of name: String) -> String? {
        guard let definition = Self.table[name] else { return nil }
        return overrides[name] ?? Self.inheritedValue(of: definition, broker)
    }

    /// The definition of `name`, or Kafka's complaint that there is none.
    static func definition(_ name: String) throws(SettingError) -> SettingDefinition {
        if let definition = table[name] { return definition }
        if let reason = SettingRefusals.topics.reason(for: name) {
            throw SettingError(.unsupported, name: name, "The topic config \(name) is not supported: \(reason)")
        }
        let hint = table.nearest(to: name).map { "; did you mean \($0)?" } ?? ""
        throw SettingError(.unknownName, name: name, "Unknown topic config name: \(name)\(hint)")
    }

    private func synonyms(of definition: SettingDefinition) -> [ConfigurationEntry.Synonym] {
        var found: [ConfigurationEntry.Synonym] = []
        if let value = overrides[definition.name] {
            found.append(.init(name: definition.name, value: value, source: .topic))
        }
        if let inheritance = Self.inheritance[definition.name] {
            found += inheritance.sources.flatMap { broker.synonyms(of: $0.name) }
        }
        if found.last?.source != .default, let value = definition.defaultValue {
            found.append(.init(name: definition.name, value: value, source: .default))
        }
        return found
    }

    private static func effectiveValues(_ overrides: [String: String], _ broker: BrokerSettings) -> [String: String] {
        var values = overrides
        for definition in table.definitions where values[definition.name] == nil {
            values[definition.name] = inheritedValue(of: definition, broker)
        }
        return values
    }

    /// What the broker's settings give, else the topic setting's own default.
    private static func inheritedValue(of definition: SettingDefinition, _ broker: BrokerSettings) -> String? {
        for source in inheritance[definition.name]?.sources ?? [] {
            if let value = broker.values[source.name] { return source.inTopicUnits(value) }
        }
        return definition.defaultValue
    }

    private static func logSettings(_ read: SettingReader, _ broker: BrokerSettings, flushIsSet: Bool) -> LogSettings {
        var settings = LogSettings()
        let retentionBytes = read.integer("retention.bytes")
        let retentionMilliseconds = read.integer("retention.ms")
        settings.segmentSizeBytesMax = Int(read.integer("segment.bytes"))
        settings.segmentAgeMillisecondsMax = read.integer("segment.ms")
        settings.retentionBytes = retentionBytes < 0 ? nil : retentionBytes
        settings.retentionMilliseconds = retentionMilliseconds < 0 ? nil : retentionMilliseconds
        settings.deletesOldSegments = read.list("cleanup.policy").contains("delete")
        settings.compacts = read.list("cleanup.policy").contains("compact")
        settings.minCleanableDirtyRatio = read.double("min.cleanable.dirty.ratio")
        settings.minCompactionLagMilliseconds = read.integer("min.compaction.lag.ms")
        settings.maxCompactionLagMilliseconds = read.integer("max.compaction.lag.ms")
        settings.deleteRetentionMilliseconds = read.integer("delete.retention.ms")
        settings.indexIntervalBytes = Int(read.integer("index.interval.bytes"))
        settings.durability = read.text("weir.durability") == "memory" ? .memory : .synced
        // Kafka's default, never, is no bound; memory durability promises one.
        if flushIsSet { settings.flushInterval = .milliseconds(read.integer("flush.ms")) }
        settings.producerExpirationMilliseconds = broker.producerExpirationMilliseconds
        settings.fileDeleteDelay = .milliseconds(read.integer("file.delete.delay.ms"))
        return settings
    }

    private static func checkLags(_ read: SettingReader) throws(SettingError) {
        let low = read.integer("min.compaction.lag.ms")
        let high = read.integer("max.compaction.lag.ms")
        guard low > high else { return }
        throw SettingError(
            .invalidValue, name: "min.compaction.lag.ms",
            "conflict topic config setting min.compaction.lag.ms (\(low)) > max.compaction.lag.ms (\(high))")
    }
}

/// The codec that batches of a topic are stored with.
public enum TopicCompression: Sendable, Hashable {
    /// As the producer sent them.
    case producer
    /// None.
    case uncompressed
    /// gzip.
    case gzip
    /// Snappy.
    case snappy
    /// LZ4.
    case lz4
    /// Zstandard.
    case zstd

    /// The codec that batches are stored in; nil: as they came.
    var codec: Codec? {
        switch self {
        case .producer: nil
        case .uncompressed: Codec.none
        case .gzip: .gzip
        case .snappy: .snappy
        case .lz4: .lz4
        case .zstd: .zstd
        }
    }

    init(name: String) {
        switch name {
        case "uncompressed": self = .uncompressed
        case "gzip": self = .gzip
        case "snappy": self = .snappy
        case "lz4": self = .lz4
        case "zstd": self = .zstd
        default: self = .producer
        }
    }
}

/// Whose time the records of a topic carry.
public enum TimestampSource: Sendable, Hashable {
    /// The producer's.
    case create
    /// The broker's, at the append.
    case logAppend
}
