extension TopicConfiguration {
    /// The broker settings that a topic setting takes its value from where the topic has none.
    struct Inheritance: Sendable {
        /// One broker setting, and how many of the topic setting's units are one of its.
        struct Source: Sendable {
            let name: String
            var scale: Int64 = 1

            /// A validated value of the broker setting, in the topic setting's unit.
            func inTopicUnits(_ value: String) -> String {
                guard scale != 1, let number = Int64(value) else { return value }
                return number < 0 ? "-1" : String(number * scale)
            }
        }

        /// The settings, the first that is set counts.
        let sources: [Source]

        init(_ names: String...) {
            sources = names.map { Source(name: $0) }
        }

        init(sources: [Source]) {
            self.sources = sources
        }
    }

    /// By topic setting; what is not here has only its own default.
    static let inheritance: [String: Inheritance] = [
        "cleanup.policy": Inheritance("log.cleanup.policy"),
        "compression.gzip.level": Inheritance("compression.gzip.level"),
        "compression.lz4.level": Inheritance("compression.lz4.level"),
        "delete.retention.ms": Inheritance("log.cleaner.delete.retention.ms"),
        "max.compaction.lag.ms": Inheritance("log.cleaner.max.compaction.lag.ms"),
        "min.cleanable.dirty.ratio": Inheritance("log.cleaner.min.cleanable.ratio"),
        "min.compaction.lag.ms": Inheritance("log.cleaner.min.compaction.lag.ms"),
        "compression.type": Inheritance("compression.type"),
        "compression.zstd.level": Inheritance("compression.zstd.level"),
        "file.delete.delay.ms": Inheritance("log.segment.delete.delay.ms"),
        "flush.ms": Inheritance("log.flush.interval.ms"),
        "index.interval.bytes": Inheritance("log.index.interval.bytes"),
        "max.message.bytes": Inheritance("message.max.bytes"),
        "message.timestamp.after.max.ms": Inheritance("log.message.timestamp.after.max.ms"),
        "message.timestamp.before.max.ms": Inheritance("log.message.timestamp.before.max.ms"),
        "message.timestamp.type": Inheritance("log.message.timestamp.type"),
        "min.insync.replicas": Inheritance("min.insync.replicas"),
        "retention.bytes": Inheritance("log.retention.bytes"),
        "retention.ms": Inheritance(sources: [
            .init(name: "log.retention.ms"), .init(name: "log.retention.minutes", scale: 60_000),
            .init(name: "log.retention.hours", scale: 3_600_000),
        ]),
        "segment.bytes": Inheritance("log.segment.bytes"),
        "segment.jitter.ms": Inheritance(sources: [
            .init(name: "log.roll.jitter.ms"), .init(name: "log.roll.jitter.hours", scale: 3_600_000),
        ]),
        "segment.ms": Inheritance(sources: [
            .init(name: "log.roll.ms"), .init(name: "log.roll.hours", scale: 3_600_000),
        ]),
        "weir.durability": Inheritance("weir.durability"),
    ]
}
