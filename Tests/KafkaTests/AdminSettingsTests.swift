import Testing
import WeirRuntime

@testable import Kafka

@Suite("Broker settings")
struct AdminSettingsTests {
    @Test(
        "an unknown name is refused and the nearest known one named",
        arguments: [
            ("num.partition", "num.partitions"),
            ("auto.create.topic.enable", "auto.create.topics.enable"),
            ("message.max.byte", "message.max.bytes"),
            ("advertised.listener", "advertised.listeners"),
            ("clamp.replication.factors", "clamp.replication.factor"),
            ("weir.durabilty", "weir.durability"),
            ("log.retention.m", "log.retention.ms"),
        ])
    func unknownName(name: String, nearest: String) throws {
        let error = try #require(throws: SettingError.self) { try BrokerSettings(values: [name: "1"]) }
        #expect(error.code == .unknownName)
        #expect(error.message == "there is no setting kafka.\(name); did you mean kafka.\(nearest)?")
    }

    @Test(
        "a value that the setting does not take is refused in Kafka's words",
        arguments: [
            ("num.partitions", "0", "Value must be at least 1"),
            ("num.partitions", "four", "Not a number of type INT"),
            ("num.partitions", "2147483648", "Not a number of type INT"),
            ("num.partitions", "", "Not a number of type INT"),
            ("default.replication.factor", "40000", "Value must be no more than 32767"),
            ("auto.create.topics.enable", "yes", "Expected value to be either true or false"),
            (
                "compression.type", "brotli",
                "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"
            ),
            ("log.cleanup.policy", "delete,shred", "String must be one of: compact, delete"),
            ("log.cleanup.policy", "delete,delete", "Configuration must not contain duplicate values"),
            ("weir.durability", "never", "String must be one of: fsync, memory"),
            ("fetch.max.bytes", "1023", "Value must be at least 1024"),
            ("log.retention.ms", "9223372036854775808", "Not a number of type LONG"),
            ("listeners", "127.0.0.1:9092", "127.0.0.1:9092 is not of the form NAME://host:port"),
            ("listeners", "PLAINTEXT://h:70000", "PLAINTEXT://h:70000 is not of the form NAME://host:port"),
            ("listeners", "SSL://h:1", "SSL is not supported yet; use PLAINTEXT"),
            ("listeners", "A://h:1,A://h:2", "two listeners are called A"),
            ("listeners", " ", "at least one listener is needed"),
            ("advertised.listeners", "PLAINTEXT://0.0.0.0:9092", "no address that a client can connect to"),
        ])
    func invalidValue(name: String, value: String, complaint: String) throws {
        let error = try #require(throws: SettingError.self) { try BrokerSettings(values: [name: value]) }
        #expect(error.code == .invalidValue)
        #expect(error.name == name)
        #expect(error.message.hasPrefix("Invalid value \(value.trimmed) for configuration \(name): "))
        #expect(error.message.contains(complaint))
    }

    @Test(
        "a setting that Kafka has and this broker does not is refused by its name, with the reason",
        arguments: [
            ("broker.id", "the node's id is kept in its data folder"), ("ssl.keystore.location", "PLAINTEXT only"),
            ("log.dirs", "all logs are in the folder"), ("num.io.threads", "num.network.threads"),
            ("remote.log.storage.system.enable", "there is no remote storage"),
            ("log.message.downconversion.enable", "format v2"), ("quota.window.num", "no quotas"),
            ("controller.quorum.voters", "one node runs alone"), ("replica.lag.time.max.ms", "one node runs alone"),
        ])
    func unsupported(name: String, reason: String) throws {
        let error = try #require(throws: SettingError.self) { try BrokerSettings(values: [name: "1"]) }
        #expect(error.code == .unsupported)
        #expect(error.message.hasPrefix("kafka.\(name) is not supported: ") && error.message.contains(reason))
    }

    @Test("no setting is both known and refused")
    func refusalsAreUnknown() {
        for definition in BrokerSettings.definitions {
            #expect(SettingRefusals.brokers.reason(for: definition.name) == nil, "\(definition.name)")
        }
        for definition in TopicConfiguration.definitions {
            let reason = SettingRefusals.topics.reason(for: definition.name)
            #expect(reason == nil || definition.name.hasPrefix("remote."), "\(definition.name)")
        }
    }

    @Test("what is set while the node runs precedes what it was started with, own values those of all nodes")
    func layers() throws {
        let started = try BrokerSettings(values: ["log.retention.ms": "1", "max.connections": "5"])
        let changed = try started.with(
            dynamicDefaults: ["log.retention.ms": "2", "max.connections": "6"], dynamic: ["log.retention.ms": "3"])
        #expect(changed.connectionCountMax == 6)
        let retention = try #require(changed.entries().first { $0.definition.name == "log.retention.ms" })
        #expect(retention.value == "3" && retention.source == .dynamicBroker)
        #expect(retention.synonyms.prefix(3).map(\.value) == ["3", "2", "1"])
        #expect(retention.synonyms.prefix(3).map(\.source) == [.dynamicBroker, .dynamicDefault, .broker])
        #expect(changed.dynamicDefaultEntries().map(\.definition.name) == ["log.retention.ms", "max.connections"])
        let back = try changed.with(dynamicDefaults: [:], dynamic: [:])
        #expect(back == started)
    }

    @Test("the defaults are Kafka's")
    func defaults() {
        let settings = BrokerSettings.standard
        #expect(settings.partitionCount == 1)
        #expect(settings.replicationFactor == 1)
        #expect(settings.createsTopicsAutomatically)
        #expect(settings.allowsTopicDeletion)
        #expect(!settings.clampsReplicationFactor)
        #expect(settings.requestSizeBytesMax == 104_857_600)
        #expect(settings.fetchSizeBytesMax == 57_671_680)
        #expect(settings.connectionIdleMillisecondsMax == 600_000)
        #expect(settings.producerExpirationMilliseconds == 86_400_000)
        #expect(settings.queuedRequestBytesMax == nil)
        #expect(settings.loopCount == nil)
        #expect(settings.listeners == [Listener(name: "PLAINTEXT", host: "127.0.0.1", port: 9092)])
        #expect(settings.advertisedListeners.isEmpty)
    }

    @Test("every default is a value that its setting takes")
    func defaultsAreValid() throws {
        for definition in BrokerSettings.definitions + TopicConfiguration.definitions {
            if let value = definition.defaultValue { _ = try definition.parse(value) }
            #expect(definition.documentation.hasSuffix("."), "\(definition.name)")
            #expect(!definition.isSensitive)
        }
    }

    @Test("every fallback and every broker name that a topic setting inherits from is a setting")
    func namesAreKnown() {
        for definition in BrokerSettings.definitions {
            for name in definition.fallbacks { #expect(BrokerSettings.table[name] != nil, "\(name)") }
        }
        for (topicName, inheritance) in TopicConfiguration.inheritance {
            #expect(TopicConfiguration.table[topicName] != nil, "\(topicName)")
            for source in inheritance.sources { #expect(BrokerSettings.table[source.name] != nil, "\(source.name)") }
        }
    }

    @Test("an inherited default is the same on both sides")
    func inheritedDefaultsAgree() {
        for (topicName, inheritance) in TopicConfiguration.inheritance where topicName != "flush.ms" {
            let source = inheritance.sources.last
            let brokerDefault = source.flatMap { BrokerSettings.table[$0.name]?.defaultValue }
            let inTopicUnits = brokerDefault.flatMap { source?.inTopicUnits($0) }
            #expect(inTopicUnits == TopicConfiguration.table[topicName]?.defaultValue, "\(topicName)")
        }
    }

    @Test(
        "listeners are read with names, IPv6 addresses and empty hosts",
        arguments: [
            ("PLAINTEXT://127.0.0.1:9092", Listener(name: "PLAINTEXT", host: "127.0.0.1", port: 9092)),
            ("plaintext://localhost:0", Listener(name: "PLAINTEXT", host: "localhost", port: 0)),
            ("PLAINTEXT://:9092", Listener(name: "PLAINTEXT", host: "", port: 9092)),
            ("INSIDE://[::1]:9092", Listener(name: "INSIDE", host: "::1", port: 9092)),
        ])
    func listener(text: String, expected: Listener) throws {
        let settings = try BrokerSettings(values: ["listeners": text])
        #expect(settings.listeners == [expected])
    }

    @Test(
        "an address without brackets, port or scheme is no listener",
        arguments: [
            "PLAINTEXT://::1:9092", "PLAINTEXT://host", "//host:1", "PLAINTEXT:/host:1", "P T://host:1",
            "PLAINTEXT://[]:1",
            "PLAINTEXT://a/b:1", "PLAINTEXT://host:-1", "", "://", ":",
        ])
    func noListener(text: String) {
        #expect(Listener(text) == nil)
    }

    @Test("an advertised address belongs to a listener")
    func advertisedNames() throws {
        let error = try #require(throws: SettingError.self) {
            try BrokerSettings(values: ["advertised.listeners": "OUTSIDE://example.org:9092"])
        }
        #expect(error.message == "advertised.listeners names OUTSIDE, but listeners has only PLAINTEXT")
        let settings = try BrokerSettings(values: [
            "listeners": "INSIDE://:9092, OUTSIDE://:9093", "advertised.listeners": "OUTSIDE://example.org:19093",
        ])
        #expect(settings.listeners.map(\.description) == ["INSIDE://:9092", "OUTSIDE://:9093"])
        #expect(settings.advertisedListeners.map(\.host) == ["example.org"])
    }

    @Test("a broker's entries list every setting with source, fallbacks and default")
    func entries() throws {
        let settings = try BrokerSettings(values: ["log.retention.minutes": " 5 "])
        let entries = settings.entries()
        #expect(entries.map(\.definition.name) == BrokerSettings.definitions.map(\.name))
        let retention = try #require(entries.first { $0.definition.name == "log.retention.ms" })
        #expect(retention.value == nil)
        #expect(!retention.isReadOnly)
        #expect(entries.first { $0.definition.name == "num.network.threads" }?.isReadOnly == true)
        #expect(retention.synonyms.map(\.name) == ["log.retention.minutes", "log.retention.hours"])
        #expect(retention.synonyms.map(\.value) == ["5", "168"])
        #expect(retention.synonyms.map(\.source) == [.broker, .default])
        let minutes = try #require(entries.first { $0.definition.name == "log.retention.minutes" })
        #expect(minutes.value == "5")
        #expect(minutes.source == .broker)
    }

    @Test(
        "the edit distance counts insertions, removals and replacements",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0), ("abcd", "acbd", 2),
        ])
    func distance(left: String, right: String, expected: Int) {
        #expect(editDistance(left, right) == expected)
        #expect(editDistance(right, left) == expected)
    }
}
