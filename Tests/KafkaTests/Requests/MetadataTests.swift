import KafkaWire
import NIOCore
import Testing

@testable import Kafka

@Suite("metadata") struct MetadataTests {
    private func request(_ names: [String], mayCreate: Bool = true) -> MetadataRequest {
        var request = MetadataRequest()
        request.allowAutoTopicCreation = mayCreate
        request.topics = names.map { name in
            var topic = MetadataRequest.MetadataRequestTopic()
            topic.name = name
            return topic
        }
        return request
    }

    @Test("leader, replicas and node are the ones that there are", arguments: Int16(0)...13)
    func leaders(version: Int16) throws {
        let node = try SimulatedBroker(topics: ["orders:3"])
        let answer = try #require(try node.connect().ask(request(["orders"]), version: version))
        #expect(answer.brokers.map(\.nodeId) == [1])
        #expect(answer.brokers.map(\.host) == ["node"] && answer.brokers.map(\.port) == [9])
        let topic = try #require(answer.topics.first)
        #expect(topic.partitions.map(\.partitionIndex) == [0, 1, 2])
        #expect(topic.partitions.allSatisfy { $0.leaderId == 1 && $0.replicaNodes == [1] && $0.isrNodes == [1] })
        #expect(topic.partitions.allSatisfy { $0.errorCode == .none })
        #expect((topic.topicId.isZero) == (version < 10))
        #expect(answer.controllerId == (version >= 1 ? 1 : -1))
        #expect(answer.clusterId == (version >= 2 ? "simulated" : nil))
    }

    @Test(
        "asking makes a topic where both sides allow it",
        arguments: [
            ("true", true, Int16(4), true), ("true", false, 4, false), ("false", true, 4, false),
            ("true", true, 1, true),
            ("true", true, 12, true),
        ])
    func autoCreate(setting: String, mayCreate: Bool, version: Int16, isMade: Bool) throws {
        let node = try SimulatedBroker(settings: ["auto.create.topics.enable": setting])
        let client = try node.connect()
        let answer = try #require(try client.ask(request(["fresh"], mayCreate: mayCreate), version: version))
        #expect(answer.topics.map(\.errorCode) == [isMade ? .none : .unknownTopicOrPartition])
        let taken = try client.ask(produce(batch(["a"]), to: "fresh"), version: 7)
        #expect(taken?.parts[0].errorCode == (isMade ? ErrorCode.none : .unknownTopicOrPartition))
    }

    @Test("a name that no topic may have is told so", arguments: ["", "..", "a b", String(repeating: "x", count: 250)])
    func invalidName(name: String) throws {
        let answer = try #require(try SimulatedBroker().connect().ask(request([name]), version: 4))
        #expect(answer.topics.map(\.errorCode) == [.invalidTopicException])
    }

    @Test("null asks for all topics, an empty list for none, but in version 0 for all")
    func allTopics() throws {
        let client = try SimulatedBroker(topics: ["a", "b"]).connect()
        var all = MetadataRequest()
        all.topics = nil
        #expect(try client.ask(all, version: 4)?.topics.count == 2)
        #expect(try client.ask(request([]), version: 4)?.topics.count == 0)
        #expect(try client.ask(request([]), version: 0)?.topics.count == 2)
    }

    @Test("topics are found by id; an unknown id is told so", arguments: [Int16(10), 12])
    func byID(version: Int16) throws {
        let client = try SimulatedBroker(topics: ["orders"]).connect()
        let id = try #require(try client.ask(request(["orders"]), version: 12)?.topics.first?.topicId)
        var asked = request(["orders"])
        asked.topics?[0].name = nil
        asked.topics?[0].topicId = id
        if version == 12 { #expect(try client.ask(asked, version: version)?.topics.first?.name == "orders") }
        asked.topics?[0].topicId = WireUUID(high: 1, low: 2)
        #expect(try client.ask(asked, version: version)?.topics.map(\.errorCode) == [.unknownTopicId])
    }

    @Test("what a connection pipelines behind a creation finds the topic made")
    func barrier() throws {
        let client = try SimulatedBroker().connect()
        try client.send(request(["fresh"]), version: 4)
        let second = try client.send(produce(batch(["a"]), to: "fresh"), version: 7)
        #expect(
            try client.receive(MetadataResponse.self, version: 4)?.response.topics.map(\.errorCode) == [ErrorCode.none])
        let answer = try #require(try client.receive(ProduceResponse.self, version: 7))
        #expect(answer.correlation == second && answer.response.parts[0].errorCode == .none)
    }
}
