import Coordinators
import KafkaWire
import NIOCore
import ObjectStore
import SegmentLog
import Synchronization
import Testing

@testable import Kafka

@Suite("configurations of brokers, groups and client metrics") struct ResourceConfigurationTests {
    private func described(
        _ client: SimulatedClient, _ type: Int8, _ name: String
    ) throws -> [String: DescribeConfigsResponse.DescribeConfigsResourceResult] {
        var resource = DescribeConfigsRequest.DescribeConfigsResource()
        resource.resourceType = type
        resource.resourceName = name
        resource.configurationKeys = nil
        var request = DescribeConfigsRequest()
        request.resources = [resource]
        request.includeSynonyms = true
        let result = try #require(try client.ask(request, version: 4)?.results.first)
        #expect(result.errorCode == .none, "\(result.errorMessage ?? "")")
        return Dictionary(uniqueKeysWithValues: result.configs.map { ($0.name, $0) })
    }

    @Test("topics take a broker's changed default at once, and the old one when it is taken away")
    func topicDefaults() throws {
        let node = try SimulatedBroker(settings: ["log.retention.ms": "1000"], topics: ["orders:2", "own"])
        let client = try node.connect()
        #expect(try alter(client, 2, "own", ["retention.ms": "7"]) == ErrorCode.none)
        #expect(try alter(client, 4, "", ["log.retention.ms": "2000"]) == ErrorCode.none)
        #expect(try node.withLog("orders", 1) { $0.settings.retentionMilliseconds } == 2000)
        #expect(try alter(client, 4, "1", ["log.retention.ms": "3000"]) == ErrorCode.none)
        #expect(try node.withLog("orders") { $0.settings.retentionMilliseconds } == 3000)
        #expect(try node.withLog("own") { $0.settings.retentionMilliseconds } == 7)
        let retention = try #require(try described(client, 2, "orders")["retention.ms"])
        #expect(retention.value == "3000" && retention.configSource == 2)
        #expect(retention.synonyms.map(\.source) == [2, 3, 4, 5])
        #expect(try described(client, 4, "").mapValues(\.value) == ["log.retention.ms": "2000"])
        for name in ["1", ""] { #expect(try alter(client, 4, name, ["log.retention.ms": nil]) == ErrorCode.none) }
        #expect(try node.withLog("orders") { $0.settings.retentionMilliseconds } == 1000)
        _ = try node.run { [topics = node.broker.topics] in await topics.create([NewTopic(name: "new")]) }
        #expect(try node.withLog("new") { $0.settings.retentionMilliseconds } == 1000)
    }

    @Test(
        "what is read at the start only, what is no setting, and other nodes are refused",
        arguments: [
            ("1", "num.network.threads", "3", ErrorCode.invalidRequest), ("1", "nonsense", "3", .invalidConfig),
            ("1", "ssl.keystore.type", "x", .invalidConfig), ("2", "max.connections", "3", .invalidRequest),
            ("x", "max.connections", "3", .invalidRequest), ("1", "max.connections", "many", .invalidConfig),
            ("1", "max.connections", "3", .none), ("", "max.connections", "3", .none),
        ])
    func brokerRules(name: String, setting: String, value: String, expected: ErrorCode) throws {
        let node = try SimulatedBroker()
        #expect(try alter(node.connect(), 4, name, [setting: value]) == expected)
        #expect(node.broker.settings.connectionCountMax == (expected == .none ? 3 : Int(Int32.max)))
    }

    @Test(
        "a group's settings keep the broker's bounds",
        arguments: [
            ("consumer.session.timeout.ms", "50000", ErrorCode.none),
            ("consumer.session.timeout.ms", "44999", .invalidConfig),
            ("consumer.session.timeout.ms", "60001", .invalidConfig),
            ("consumer.heartbeat.interval.ms", "6000", .none),
            ("consumer.heartbeat.interval.ms", "999", .invalidConfig), ("retention.ms", "1", .invalidConfig),
        ])
    func groupRules(setting: String, value: String, expected: ErrorCode) throws {
        let client = try SimulatedBroker().connect()
        #expect(try alter(client, 32, "a/b ~%", [setting: value]) == expected)
        let shown = try described(client, 32, "a/b ~%")
        #expect(shown.count == 2)
        if expected == .none { #expect(shown[setting]?.value == value && shown[setting]?.configSource == 8) }
        #expect(try alter(client, 32, "", [setting: value]) == .invalidRequest)
    }

    @Test("coordinators are told what is set for single groups, and that it is not any more")
    func groupsAreTold() throws {
        let node = try SimulatedBroker()
        let told = Mutex<[[String: GroupOverride]]>([])
        node.broker.configurations.onGroups { overrides in told.withLock { $0.append(overrides) } }
        let client = try node.connect()
        #expect(try alter(client, 32, "a", ["consumer.session.timeout.ms": "46000"]) == ErrorCode.none)
        #expect(try alter(client, 32, "b", ["consumer.heartbeat.interval.ms": "6000"]) == ErrorCode.none)
        #expect(try alter(client, 32, "a", ["consumer.session.timeout.ms": nil]) == ErrorCode.none)
        let a = GroupOverride(consumerSessionMilliseconds: 46_000)
        let b = GroupOverride(consumerHeartbeatMilliseconds: 6_000)
        #expect(told.withLock { $0 } == [["a": a], ["a": a, "b": b], ["b": b]])
    }

    @Test("a start reads what was set before; whoever changes the object changes the setting")
    func stored() throws {
        let node = try SimulatedBroker()
        let client = try node.connect()
        #expect(try alter(client, 4, "", ["log.retention.ms": "5"]) == ErrorCode.none)
        #expect(try alter(client, 32, "g", ["consumer.session.timeout.ms": "46000"]) == ErrorCode.none)
        let live = LiveSettings(.standard)
        let objects = node.broker.topics.objects
        let second = ConfigurationStore(objects: objects, settings: live, nodeID: 1)
        let group = ConfigurationResource(type: ConfigurationResource.Kind.group, name: "g")
        try node.run {
            try await second.open()
            #expect(second.values(of: group) == ["consumer.session.timeout.ms": "46000"])
            #expect(live.current.values["log.retention.ms"] == "5")
            let key = ConfigurationObject.key(ConfigurationResource(type: ConfigurationResource.Kind.broker, name: ""))
            var object = try await objects.get(key)
            object.spec = [
                "type": "broker", "name": "", "config": ["log.retention.ms": "6"],
            ]
            await second.take(try await objects.update(object, .main))
            #expect(live.current.values["log.retention.ms"] == "6")
            _ = try await objects.delete(key, DeleteOptions())
            try await second.refresh(key.name)
            #expect(live.current.values["log.retention.ms"] == nil)
        }
    }

    @Test("an older state of an object is not taken for news")
    func staleObject() throws {
        let node = try SimulatedBroker()
        try node.run { [store = node.broker.configurations, objects = node.broker.topics.objects] in
            let resource = ConfigurationResource(type: ConfigurationResource.Kind.group, name: "g")
            try await store.alter(
                resource, .replace([.init(name: "consumer.session.timeout.ms", value: "46000")]), .perform)
            let old = try await objects.get(ConfigurationObject.key(resource))
            try await store.alter(
                resource, .replace([.init(name: "consumer.session.timeout.ms", value: "47000")]), .perform)
            await store.take(old)
            #expect(store.values(of: resource) == ["consumer.session.timeout.ms": "47000"])
        }
    }

    @Test("names of objects are unique and can stand in a path")
    func names() {
        let names =
            ["", "default", "default~", "a", "a/b", "a~sb", "a%b", "~", "/", " ", "ä"]
            + ["x", "y"].map { String(repeating: "ä", count: 5000) + $0 }
        let keys = names.map {
            ConfigurationObject.key(ConfigurationResource(type: ConfigurationResource.Kind.group, name: $0)).name
        }
        #expect(Set(keys).count == names.count)
        #expect(keys.allSatisfy { !$0.contains("/") && !$0.contains("%") && $0.utf8.count <= 253 })
    }
}
