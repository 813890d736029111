import KafkaWire
import SegmentLog
import Testing

@testable import Kafka

@Suite("Topic configuration")
struct AdminConfigurationTests {
    @Test("all of Kafka's topic settings are known")
    func names() {
        let kafka = [
            "cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type",
            "compression.zstd.level", "delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms",
            "follower.replication.throttled.replicas", "index.interval.bytes",
            "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
            "max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms",
            "message.timestamp.before.max.ms", "message.timestamp.type", "min.cleanable.dirty.ratio",
            "min.compaction.lag.ms", "min.insync.replicas", "preallocate", "remote.log.copy.disable",
            "remote.log.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms",
            "segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms",
            "unclean.leader.election.enable",
        ]
        #expect(TopicConfiguration.definitions.map(\.name) == (kafka + ["weir.durability"]).sorted())
    }

    @Test(
        "what a setting does not take is refused in Kafka's words",
        arguments: [
            ("no.such.config", "1", "Unknown topic config name: no.such.config"),
            ("retention.mss", "1", "Unknown topic config name: retention.mss; did you mean retention.ms?"),
            (
                "retention.ms", "notanumber",
                "Invalid value notanumber for configuration retention.ms: Not a number of type LONG"
            ),
            ("retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"),
            ("segment.bytes", "13", "Invalid value 13 for configuration segment.bytes: Value must be at least 14"),
            (
                "cleanup.policy", "remove",
                "Invalid value remove for configuration cleanup.policy: String must be one of: compact, delete"
            ),
            (
                "min.cleanable.dirty.ratio", "1.5",
                "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"
            ),
            (
                "min.cleanable.dirty.ratio", "nan",
                "Invalid value nan for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"
            ),
            (
                "compression.gzip.level", "0",
                "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"
            ),
            (
                "preallocate", "1",
                "Invalid value 1 for configuration preallocate: Expected value to be either true or false"
            ),
            (
                "remote.storage.enable", "true",
                "Invalid value true for configuration remote.storage.enable: this broker does not have it"
            ),
            (
                "message.timestamp.type", "logappendtime",
                "Invalid value logappendtime for configuration message.timestamp.type: "
                    + "String must be one of: CreateTime, LogAppendTime"
            ),
        ])
    func refused(name: String, value: String, message: String) throws {
        let error = try #require(throws: SettingError.self) { try TopicConfiguration(overrides: [name: value]) }
        #expect(error.message.hasPrefix(message))
    }

    @Test("two lags that contradict each other are refused")
    func lags() {
        #expect(throws: SettingError.self) {
            try TopicConfiguration(overrides: ["min.compaction.lag.ms": "10", "max.compaction.lag.ms": "9"])
        }
    }

    @Test("a topic without settings is kept as the log's contract says by default")
    func defaultLogSettings() throws {
        #expect(try TopicConfiguration().logSettings() == LogSettings())
    }

    @Test("settings of a topic reach its logs")
    func logSettings() throws {
        let settings = try TopicConfiguration(overrides: [
            "segment.bytes": "100000", "segment.ms": "60000", "retention.bytes": "500000", "retention.ms": "-1",
            "cleanup.policy": "compact", "index.interval.bytes": "1024", "weir.durability": "memory",
            "flush.ms": "250", "file.delete.delay.ms": "0",
        ]).logSettings()
        #expect(settings.segmentSizeBytesMax == 100_000)
        #expect(settings.segmentAgeMillisecondsMax == 60_000)
        #expect(settings.retentionBytes == 500_000)
        #expect(settings.retentionMilliseconds == nil)
        #expect(!settings.deletesOldSegments)
        #expect(settings.indexIntervalBytes == 1024)
        #expect(settings.durability == .memory)
        #expect(settings.flushInterval == .milliseconds(250))
        #expect(settings.fileDeleteDelay == .zero)
    }

    @Test("the data path reads plain values")
    func typedValues() throws {
        let configuration = try TopicConfiguration(overrides: [
            "max.message.bytes": "20000", "cleanup.policy": "compact,delete", "compression.type": "zstd",
            "message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "5",
            "message.timestamp.after.max.ms": "6", "min.insync.replicas": "2",
        ])
        #expect(configuration.messageSizeBytesMax == 20_000)
        #expect(configuration.isCompacted && configuration.deletesOldSegments)
        #expect(configuration.compression == .zstd)
        #expect(configuration.timestampSource == .logAppend)
        #expect(configuration.timestampBeforeMillisecondsMax == 5)
        #expect(configuration.timestampAfterMillisecondsMax == 6)
        #expect(configuration.inSyncReplicasMin == 2)
    }

    @Test(
        "retention takes milliseconds before minutes before hours, -1 is no limit",
        arguments: [
            ([:], 604_800_000),
            (["log.retention.hours": "2"], 7_200_000),
            (["log.retention.hours": "2", "log.retention.minutes": "3"], 180_000),
            (["log.retention.hours": "2", "log.retention.minutes": "3", "log.retention.ms": "4"], 4),
            (["log.retention.hours": "-1"], nil),
            (["log.retention.ms": "-1", "log.retention.hours": "1"], nil),
            (["log.retention.hours": "2147483647"], 7_730_941_129_200_000),
        ] as [([String: String], Int64?)])
    func retention(values: [String: String], expected: Int64?) throws {
        let configuration = try TopicConfiguration(broker: BrokerSettings(values: values))
        #expect(configuration.logSettings().retentionMilliseconds == expected)
    }

    @Test("a topic's value hides the broker's, which hides the default; all are synonyms")
    func sources() throws {
        let broker = try BrokerSettings(values: ["log.retention.hours": "1", "message.max.bytes": "500"])
        let configuration = try TopicConfiguration(overrides: ["retention.ms": "7"], broker: broker)
        let entries = Dictionary(uniqueKeysWithValues: configuration.entries().map { ($0.definition.name, $0) })
        #expect(entries.count == TopicConfiguration.definitions.count)

        let retention = try #require(entries["retention.ms"])
        #expect(retention.value == "7")
        #expect(retention.source == .topic)
        #expect(retention.synonyms.map(\.name) == ["retention.ms", "log.retention.hours", "log.retention.hours"])
        #expect(retention.synonyms.map(\.value) == ["7", "1", "168"])
        #expect(retention.synonyms.map(\.source) == [.topic, .broker, .default])

        let size = try #require(entries["max.message.bytes"])
        #expect(size.value == "500")
        #expect(size.source == .broker)
        #expect(size.synonyms.map(\.name) == ["message.max.bytes", "message.max.bytes"])

        let jitter = try #require(entries["segment.jitter.ms"])
        #expect(jitter.value == "0")
        #expect(jitter.source == .default)
        #expect(jitter.synonyms.map(\.source) == [.default])
        #expect(!jitter.isReadOnly)
    }

    @Test("blanks around values are dropped")
    func blanks() throws {
        let configuration = try TopicConfiguration(overrides: [
            "retention.ms": " 5 ", "cleanup.policy": " delete , compact ",
        ])
        #expect(configuration.overrides["retention.ms"] == "5")
        #expect(configuration.isCompacted)
    }
}

@Suite("Changes of a topic's configuration")
struct AdminConfigurationPlanTests {
    private func topic(_ overrides: [String: String] = [:]) throws -> TopicDescription {
        TopicDescription(
            name: "t", id: TopicID(high: 1, low: 2), partitionCount: 1, replicationFactor: 1,
            configuration: try TopicConfiguration(overrides: overrides))
    }

    @Test(
        "operations set, delete, append and subtract",
        arguments: [
            ([("retention.ms", .set, "5")], ["retention.ms": "5"]),
            ([("segment.ms", .delete, nil)], [:]),
            ([("cleanup.policy", .append, "compact")], ["segment.ms": "9", "cleanup.policy": "delete,compact"]),
            ([("cleanup.policy", .append, "delete")], ["segment.ms": "9", "cleanup.policy": "delete"]),
            ([("cleanup.policy", .subtract, "delete")], ["segment.ms": "9", "cleanup.policy": ""]),
            ([("retention.ms", .delete, nil)], ["segment.ms": "9"]),
        ] as [([(String, ConfigurationOperation.Kind, String?)], [String: String])])
    func operations(
        steps: [(String, ConfigurationOperation.Kind, String?)], expected: [String: String]
    ) throws {
        let before = try topic(["segment.ms": "9"])
        let operations = steps.map { ConfigurationOperation(name: $0.0, kind: $0.1, value: $0.2) }
        let after = try ConfigurationPlan.plan(.apply(operations), of: before)
        var expected = expected
        if steps[0].0 == "retention.ms", steps[0].1 == .set { expected["segment.ms"] = "9" }
        #expect(after.overrides == expected)
    }

    @Test(
        "what Kafka refuses is refused",
        arguments: [
            ([("retention.ms", .append, "5")], 40, "Can't APPEND to key retention.ms because its type is not LIST."),
            (
                [("retention.ms", .subtract, "5")], 40,
                "Can't SUBTRACT to key retention.ms because its type is not LIST."
            ),
            ([("retention.ms", .set, "x")], 40, "Invalid value x"),
            ([("no.such", .set, "x")], 40, "Unknown topic config name: no.such"),
            ([("no.such", .delete, nil)], 40, "Unknown topic config name: no.such"),
            ([("retention.ms", .set, nil)], 42, "Null value not supported for : retention.ms"),
            (
                [("retention.ms", .set, "5"), ("retention.ms", .delete, nil)], 42,
                "Error due to duplicate config keys: retention.ms"
            ),
            ([("cleanup.policy", .append, "nonsense")], 40, "Invalid value delete,nonsense"),
        ] as [([(String, ConfigurationOperation.Kind, String?)], Int16, String)])
    func refused(steps: [(String, ConfigurationOperation.Kind, String?)], code: Int16, message: String) throws {
        let before = try topic()
        let operations = steps.map { ConfigurationOperation(name: $0.0, kind: $0.1, value: $0.2) }
        let error = try #require(throws: TopicError.self) {
            try ConfigurationPlan.plan(.apply(operations), of: before)
        }
        #expect(error.code.rawValue == code)
        #expect(error.message.hasPrefix(message))
    }

    @Test("a replacement takes away what it does not name")
    func replacement() throws {
        let before = try topic(["segment.ms": "9", "retention.ms": "5"])
        let after = try ConfigurationPlan.plan(.replace([.init(name: "retention.ms", value: "6")]), of: before)
        #expect(after.overrides == ["retention.ms": "6"])
    }

    @Test("segments of partitions roll at times of their own, at most by the jitter earlier, always the same")
    func jitter() throws {
        let configuration = try TopicConfiguration(overrides: ["segment.ms": "10000", "segment.jitter.ms": "4000"])
        func ages() -> [Int64] {
            (Int32(0)..<20).map { partition in
                configuration.logSettings(
                    of: LogIdentity(topicID: TopicID(high: 1, low: 2), topic: "a", partition: partition)
                ).segmentAgeMillisecondsMax
            }
        }
        #expect(ages() == ages())
        #expect(ages().allSatisfy { (6001...10_000).contains($0) })
        #expect(Set(ages()).count > 10)
        let none = try TopicConfiguration(overrides: ["segment.ms": "10000"])
        let identity = LogIdentity(topicID: TopicID(high: 1, low: 2), topic: "a", partition: 0)
        #expect(none.logSettings(of: identity).segmentAgeMillisecondsMax == 10_000)
    }
}
