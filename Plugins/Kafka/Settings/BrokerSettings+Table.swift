extension BrokerSettings {
    /// Kafka's broker settings that do something here, and ours (`clamp.replication.factor`, `weir.…`).
    ///
    /// Those that topics take their defaults from can be changed while the node runs, and a few others.
    static let table = SettingTable(
        (topics + logs + producers + connections + coordinatorDefinitions + cleanerDefinitions).map {
            dynamicNames.contains($0.name) ? $0.dynamic : $0
        })

    private static let dynamicNames: Set<String> = Set(
        TopicConfiguration.inheritance.values.flatMap { $0.sources.map(\.name) }
    ).union(["max.connections", "max.connections.per.ip", "producer.id.expiration.ms", "fetch.max.bytes"]).union(
        dynamicCleanerNames)

    private static let topics: [SettingDefinition] = [
        .init(
            "num.partitions", .int, default: "1", .atLeast(1),
            "Partitions of a topic that is made without saying how many."),
        .init(
            "default.replication.factor", .int, default: "1", .between(1, 32_767),
            "Replicas of a topic that is made without saying how many."),
        .init(
            "clamp.replication.factor", .boolean, default: "false", .any,
            "Accept a replication factor above the number of nodes, lower it to that number, and limit "
                + "min.insync.replicas to it: for test stacks written for three brokers."),
        .init(
            "auto.create.topics.enable", .boolean, default: "true", .any,
            "Make a topic when a client that allows it asks for it."),
        .init("delete.topic.enable", .boolean, default: "true", .any, "Whether topics can be deleted."),
        .init(
            "min.insync.replicas", .int, default: "1", .atLeast(1),
            "Replicas that must have a batch before acks=all is answered; topics override it."),
    ]

    private static let logs: [SettingDefinition] = [
        .init(
            "message.max.bytes", .int, default: "1048588", .atLeast(0),
            "The largest record batch taken, in bytes as sent; topics override it (max.message.bytes)."),
        .init(
            "compression.type", .string, default: "producer", .oneOf(TopicConfiguration.compressionTypes),
            "The codec of stored batches; producer keeps what the producer chose. Topics override it."),
        .init(
            "compression.gzip.level", .int, default: "-1", .equalOrBetween(-1, 1, 9),
            "The level of gzip where compression.type is gzip; -1 is the codec's own choice. Topics override it."),
        .init(
            "compression.lz4.level", .int, default: "9", .between(1, 17),
            "The level of LZ4 where compression.type is lz4. Topics override it."),
        .init(
            "compression.zstd.level", .int, default: "3", .between(-131_072, 22),
            "The level of Zstandard where compression.type is zstd. Topics override it."),
        .init(
            "log.cleanup.policy", .list, default: "delete", .listOf(["compact", "delete"]),
            "What happens to old segments of topics that do not say it (cleanup.policy)."),
        .init(
            "log.retention.ms", .long, default: nil, .atLeast(-1),
            fallbacks: ["log.retention.minutes", "log.retention.hours"],
            "Milliseconds after which records may go; -1 never. Precedes log.retention.minutes."),
        .init(
            "log.retention.minutes", .int, default: nil, .atLeast(-1), fallbacks: ["log.retention.hours"],
            "Minutes after which records may go; -1 never. Precedes log.retention.hours."),
        .init(
            "log.retention.hours", .int, default: "168", .atLeast(-1),
            "Hours after which records may go; -1 never."),
        .init(
            "log.retention.bytes", .long, default: "-1", .atLeast(-1),
            "Bytes above which a partition's oldest segments go; -1 no limit."),
        .init(
            "log.retention.check.interval.ms", .long, default: "300000", .atLeast(1),
            "Milliseconds between two looks for segments that may go."),
        .init(
            "log.segment.bytes", .int, default: "1073741824", .atLeast(14),
            "A segment is rolled before it grows past this many bytes."),
        .init(
            "log.roll.ms", .long, default: nil, .atLeast(1), fallbacks: ["log.roll.hours"],
            "A segment is rolled when its first record is older than this. Precedes log.roll.hours."),
        .init(
            "log.roll.hours", .int, default: "168", .atLeast(1),
            "A segment is rolled when its first record is older than this."),
        .init(
            "log.roll.jitter.ms", .long, default: nil, .atLeast(0), fallbacks: ["log.roll.jitter.hours"],
            "Segments are rolled earlier by up to this, each partition by another amount. Precedes log.roll.jitter.hours."
        ),
        .init(
            "log.roll.jitter.hours", .int, default: "0", .atLeast(0),
            "Segments are rolled earlier by up to this, each partition by another amount."),
        .init(
            "log.index.interval.bytes", .int, default: "4096", .atLeast(0),
            "Bytes of log between two entries of the offset index."),
        .init(
            "log.segment.delete.delay.ms", .long, default: "60000", .atLeast(0),
            "How long a deleted file stays, renamed (topics: file.delete.delay.ms)."),
        .init(
            "log.flush.interval.ms", .long, default: nil, .atLeast(0),
            "With weir.durability=memory: the bound on how long written bytes stay unsynced; 1000 where not set."),
        .init(
            "log.message.timestamp.type", .string, default: "CreateTime", .oneOf(TopicConfiguration.timestampTypes),
            "Whether records carry the time of their creation or of their append."),
        .init(
            "log.message.timestamp.before.max.ms", .long, default: "9223372036854775807", .atLeast(0),
            "How far a record's timestamp may lie before the broker's time."),
        .init(
            "log.message.timestamp.after.max.ms", .long, default: "3600000", .atLeast(0),
            "How far a record's timestamp may lie after the broker's time."),
        .init(
            "weir.durability", .string, default: "fsync", .oneOf(TopicConfiguration.durabilities),
            "What an acknowledged batch has survived: fsync (synced to the device) or memory (in the page cache)."),
    ]

    private static let producers: [SettingDefinition] = [
        .init(
            "producer.id.expiration.ms", .int, default: "86400000", .atLeast(1),
            "How long a producer id without a batch is remembered.")
    ]

    private static let connections: [SettingDefinition] = [
        .init(
            "listeners", .list, default: "PLAINTEXT://127.0.0.1:9092", .listeners,
            "The addresses served; no host means all interfaces, port 0 takes a free one."),
        .init(
            "advertised.listeners", .list, default: nil, .advertisedListeners,
            "The addresses that clients are sent to; those of listeners where not set."),
        .init(
            "num.network.threads", .int, default: nil, .between(1, 1024),
            "Event loops that serve connections and partitions; one a core where not set."),
        .init(
            "socket.request.max.bytes", .int, default: "104857600", .atLeast(1),
            "The largest request taken; a connection that announces a larger one is closed."),
        .init(
            "queued.max.request.bytes", .long, default: "-1", .any,
            "Bytes of requests held at once; -1 takes the broker's own limit."),
        .init(
            "fetch.max.bytes", .int, default: "57671680", .atLeast(1024),
            "The most bytes that one fetch answers with, a first batch that is larger aside."),
        .init(
            "max.incremental.fetch.session.cache.slots", .int, default: "1000", .atLeast(0),
            "Fetch sessions held at once; clients beyond name all their partitions with each fetch."),
        .init(
            "connections.max.idle.ms", .long, default: "600000", .any,
            "A connection without a request for longer than this is closed; negative: never."),
        .init(
            "max.connections.per.ip", .int, default: "2147483647", .atLeast(0),
            "Connections of one client address served at once; those above are closed."),
        .init(
            "socket.send.buffer.bytes", .int, default: "-1", .atLeast(-1),
            "The size of a connection's send buffer; -1 leaves it to the system, which adapts it."),
        .init(
            "socket.receive.buffer.bytes", .int, default: "-1", .atLeast(-1),
            "The size of a connection's receive buffer; -1 leaves it to the system, which adapts it."),
        .init(
            "socket.listen.backlog.size", .int, default: "1024", .atLeast(1),
            "Connections that may wait to be taken in."),
        .init(
            "broker.rack", .string, default: nil, .any,
            "The rack or zone of the node, as clients are told."),
        .init(
            "telemetry.max.bytes", .int, default: "1048576", .atLeast(1),
            "The largest push of client metrics taken (KIP-714)."),
        .init(
            "max.request.partition.size.limit", .int, default: "2000", .atLeast(1),
            "Partitions that one DescribeTopicPartitions answers at most."),
        .init(
            "max.connections", .int, default: "2147483647", .atLeast(0),
            "Connections served at once; those above are closed."),
    ]
}
