import KafkaWire
import SegmentLog
import Testing

@testable import Kafka

@Suite("Rules for topics")
struct AdminRulesTests {
    private let rules = TopicRules(settings: .standard, nodes: [1])

    private func description(_ name: String, partitions: Int32 = 1, id: UInt64 = 1) throws -> TopicDescription {
        TopicDescription(
            name: name, id: TopicID(high: 0, low: id), partitionCount: partitions, replicationFactor: 1,
            configuration: try TopicConfiguration())
    }

    private func snapshot(_ topics: TopicDescription...) -> TopicsSnapshot {
        var snapshot = TopicsSnapshot()
        for topic in topics { snapshot.insert(topic) }
        return snapshot
    }

    private func refusal(_ topics: NewTopic..., in snapshot: TopicsSnapshot = TopicsSnapshot()) -> TopicError? {
        guard case .failure(let error)? = rules.plan(topics, in: snapshot).last else { return nil }
        return error
    }

    @Test(
        "a name that Kafka does not take is refused",
        arguments: [
            "", ".", "..", "a/b", "sp ace", "caf\u{e9}", "a$", "a\u{0}b", "a:b", String(repeating: "x", count: 250),
            "@metadata",
        ])
    func illegalNames(name: String) throws {
        let error = try #require(refusal(NewTopic(name: name)))
        #expect(error.code.rawValue == 17)
        #expect(error.message.hasPrefix("Topic name is invalid: "))
    }

    @Test(
        "a name that Kafka takes is taken",
        arguments: [
            "a", "...", "A-b_C.9", "-", "__consumer_offsets", String(repeating: "x", count: 249),
        ])
    func legalNames(name: String) {
        #expect(refusal(NewTopic(name: name)) == nil)
    }

    @Test("a name that differs from another only in dots and underscores is refused")
    func collisions() throws {
        let there = snapshot(try description("a.b_c"))
        let known = try #require(refusal(NewTopic(name: "a_b.c"), in: there))
        #expect(known.code.rawValue == 17)
        #expect(known.message == "Topic 'a_b.c' collides with existing topic: a.b_c")
        #expect(refusal(NewTopic(name: "x.y"), NewTopic(name: "x_y"))?.code.rawValue == 17)
        #expect(refusal(NewTopic(name: "a.b_c"), in: there)?.code.rawValue == 36)
    }

    @Test(
        "Kafka's code and sentence for each mistake",
        arguments: [
            (
                NewTopic(name: "t", partitionCount: 0), 37,
                "Number of partitions was set to an invalid non-positive value."
            ),
            (
                NewTopic(name: "t", partitionCount: -2), 37,
                "Number of partitions was set to an invalid non-positive value."
            ),
            (NewTopic(name: "t", partitionCount: 10_001), 44, "Excessively large number of partitions per request."),
            (
                NewTopic(name: "t", replicationFactor: 0), 38,
                "Replication factor was set to an invalid non-positive value."
            ),
            (
                NewTopic(name: "t", replicationFactor: -2), 38,
                "Replication factor was set to an invalid non-positive value."
            ),
            (
                NewTopic(name: "t", replicationFactor: 2), 38,
                "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached "
                    + "because only 1 broker(s) are registered."
            ),
            (
                NewTopic(name: "t", configs: [.init(name: "no.such.config", value: "1")]), 40,
                "Unknown topic config name"
            ),
            (NewTopic(name: "t", configs: [.init(name: "retention.ms", value: nil)]), 40, "Null value not supported"),
            (
                NewTopic(name: "t", partitionCount: 1, assignments: [.init(partition: 0, nodes: [1])]), 42,
                "A manual partition assignment was specified, but numPartitions was not set to -1."
            ),
            (
                NewTopic(name: "t", replicationFactor: 1, assignments: [.init(partition: 0, nodes: [1])]), 42,
                "A manual partition assignment was specified, but replication factor was not set to -1."
            ),
            (
                NewTopic(name: "t", assignments: [.init(partition: 0, nodes: [])]), 39,
                "The manual partition assignment includes an empty replica list."
            ),
            (
                NewTopic(name: "t", assignments: [.init(partition: 0, nodes: [2])]), 39,
                "The manual partition assignment includes broker 2, but no such broker is registered."
            ),
            (
                NewTopic(name: "t", assignments: [.init(partition: 0, nodes: [1, 1])]), 39,
                "The manual partition assignment includes the broker 1 more than once."
            ),
            (
                NewTopic(name: "t", assignments: [.init(partition: 1, nodes: [1])]), 39,
                "partitions should be a consecutive 0-based integer sequence"
            ),
            (
                NewTopic(name: "t", assignments: [.init(partition: 0, nodes: [1]), .init(partition: 0, nodes: [1])]),
                39,
                "Found multiple manual partition assignments for partition 0"
            ),
        ] as [(NewTopic, Int16, String)])
    func mistakes(topic: NewTopic, code: Int16, message: String) throws {
        let error = try #require(refusal(topic))
        #expect(error.code.rawValue == code)
        #expect(error.message.hasPrefix(message))
    }

    @Test("a name given twice in one request is made neither time")
    func duplicates() {
        let results = rules.plan(
            [NewTopic(name: "a"), NewTopic(name: "b"), NewTopic(name: "a")], in: TopicsSnapshot())
        #expect(results.map { (try? $0.get())?.name } == [nil, "b", nil])
        #expect(refusal(NewTopic(name: "a"), NewTopic(name: "a"))?.message == "Duplicate topic name.")
    }

    @Test("the partitions of one request are bounded together")
    func manyPartitions() {
        let topics = (0..<3).map { NewTopic(name: "t\($0)", partitionCount: 4000) }
        let results = rules.plan(topics, in: TopicsSnapshot())
        #expect(results.map { (try? $0.get()) != nil } == [true, true, false])
    }

    @Test("-1 takes the broker's defaults, assignments give the counts")
    func shapes() throws {
        let settings = try BrokerSettings(values: ["num.partitions": "7"])
        let rules = TopicRules(settings: settings, nodes: [1])
        let topics = [
            NewTopic(name: "a"), NewTopic(name: "b", partitionCount: 2, replicationFactor: 1),
            NewTopic(name: "c", assignments: [.init(partition: 1, nodes: [1]), .init(partition: 0, nodes: [1])]),
        ]
        let plans = try rules.plan(topics, in: TopicsSnapshot()).map { try $0.get() }
        #expect(plans.map(\.partitionCount) == [7, 2, 2])
        #expect(plans.map(\.replicationFactor) == [1, 1, 1])
    }

    @Test("a default replication factor above the nodes is refused, as in Kafka")
    func defaultReplicationFactor() throws {
        let settings = try BrokerSettings(values: ["default.replication.factor": "3"])
        let results = TopicRules(settings: settings, nodes: [1]).plan([NewTopic(name: "a")], in: TopicsSnapshot())
        guard case .failure(let error) = results[0] else {
            Issue.record("the topic was planned")
            return
        }
        #expect(error.code.rawValue == 38)
    }

    @Test("clamping lowers the replication factor, and the in-sync minimum with it")
    func clamping() throws {
        let settings = try BrokerSettings(values: ["clamp.replication.factor": "true", "min.insync.replicas": "2"])
        let rules = TopicRules(settings: settings, nodes: [1])
        let plan = try rules.plan([NewTopic(name: "a", replicationFactor: 3)], in: TopicsSnapshot())[0].get()
        #expect(plan.replicationFactor == 1)
        let topic = TopicDescription(
            name: "a", id: TopicID(high: 0, low: 1), partitionCount: 1, replicationFactor: 1,
            configuration: plan.configuration)
        #expect(topic.configuration.inSyncReplicasMin == 2)
        #expect(topic.inSyncReplicasMin == 1)
    }

    @Test(
        "partitions are only added",
        arguments: [
            ("t", 3, nil, 37, "The topic t currently has 5 partition(s); 3 would not be an increase."),
            ("t", 5, nil, 37, "Topic already has 5 partition(s)."),
            ("t", -1, nil, 37, "The topic t currently has 5 partition(s); -1 would not be an increase."),
            ("t", Int32.max, nil, 44, "Excessively large"),
            ("u", 5, nil, 3, "The topic 'u' does not exist."),
            ("u/", 5, nil, 17, "Topic name is invalid"),
            ("t", 7, [[1]], 39, "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."),
            ("t", 6, [[4]], 39, "The manual partition assignment includes broker 4"),
        ] as [(String, Int32, [[Int32]]?, Int16, String)])
    func newPartitions(topic: String, count: Int32, assignments: [[Int32]]?, code: Int16, message: String) throws {
        let there = snapshot(try description("t", partitions: 5))
        let request = NewPartitions(topic: topic, totalCount: count, assignments: assignments)
        let error = try #require(throws: TopicError.self) { try rules.plan(request, in: there) }
        #expect(error.code.rawValue == code)
        #expect(error.message.hasPrefix(message))
    }

    @Test("a topic id has the form of a version 4 UUID and reads back from its text")
    func identifiers() {
        var state: UInt64 = 42
        for _ in 0..<500 {
            let id = TopicID.random {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state ^ (state >> 29)
            }
            #expect(TopicID(uid: id.uid) == id)
            #expect(Array(id.uid)[14] == "4")
            #expect("89ab".contains(Array(id.uid)[19]))
            #expect(id.high >> 58 != 62)
        }
        #expect(TopicID(uid: "00000000-0000-0001-0000-00000000000a") == TopicID(high: 1, low: 10))
        #expect(TopicID(uid: "nonsense") == nil)
        #expect(TopicID(uid: "00000000-0000-0001-0000-00000000000g") == nil)
    }
}
