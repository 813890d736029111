import KafkaWire
import NIOCore
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("draining") struct DrainTests {
    /// Closes a component's gate and tells the component, as the runtime does.
    private func drain(_ name: String, _ node: SimulatedBroker) throws {
        let gate = try #require(node.host.registry.gate(named: name))
        node.host.registry.close([gate])
        let component: any Component = try #require(name == "kafka" ? node.plugin : node.host.component(name))
        try node.run { await component.drain() }
        node.settle()
    }

    @Test("one partition drained: its parked fetches are answered at once, new work is sent elsewhere, the rest serves")
    func onePartition() throws {
        let node = try SimulatedBroker(topics: ["orders:2"])
        let (producer, consumer) = (try node.connect(), try node.connect())
        try consumer.send(fetch([("orders", 0, 0), ("orders", 1, 0)], waitMs: 100_000), version: 12)
        node.settle()
        try drain("kafka/orders-0", node)
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(answer.parts.map(\.errorCode) == [.notLeaderOrFollower, .none])
        let refused = try producer.ask(produce(batch(["a"]), to: "orders", 0), version: 7)
        #expect(refused?.parts[0].errorCode == .notLeaderOrFollower)
        let taken = try producer.ask(produce(batch(["a"]), to: "orders", 1), version: 7)
        #expect(taken?.parts[0].errorCode == ErrorCode.none)
        let fetched = try producer.ask(fetch([("orders", 0, 0)], waitMs: 100_000), version: 12)
        #expect(fetched?.parts[0].errorCode == .notLeaderOrFollower)
        try producer.send(produce(batch(["a"]), to: "orders", 0, acks: 0), version: 7)
        node.pass(.milliseconds(50))
        #expect(!producer.isOpen)
        #expect(node.work("kafka/orders-0").sessions == 0)
    }

    @Test(
        "the broker drained: what was admitted is answered, parked fetches too, and connections end", arguments: [1, 2])
    func broker(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:2"])
        let (producer, consumer, idle) = (try node.connect(), try node.connect(), try node.connect())
        try node.withLog("orders", 0) { $0.commits = .held }
        try producer.send(produce(batch(["a"]), to: "orders", 0), version: 7)
        try consumer.send(fetch([("orders", 0, 0), ("orders", 1, 0)], waitMs: 100_000), version: 12)
        node.pass(.seconds(2))
        try drain("kafka", node)
        #expect(!idle.isOpen)
        #expect(try consumer.receive(FetchResponse.self, version: 12)?.response.parts.count == 2)
        // Pipelined behind the one that waits: refused, in its turn.
        try producer.send(produce(batch(["b"]), to: "orders", 1), version: 7)
        #expect(try producer.nextFrame() == nil)
        try node.withLog("orders", 0) { $0.commit() }
        #expect(try producer.receive(ProduceResponse.self, version: 7)?.response.parts[0].errorCode == ErrorCode.none)
        #expect(
            try producer.receive(ProduceResponse.self, version: 7)?.response.parts[0].errorCode == .notLeaderOrFollower)
        node.pass(.milliseconds(25))
        #expect(!producer.isOpen && !consumer.isOpen)
        #expect(node.work("kafka").sessions == 0)
        let late = try node.connect()
        #expect(!late.isOpen)
    }

    @Test(
        "read-only: fetches go on, a produce gets an error that a client tries again",
        arguments: ["kafka", "kafka/orders-0"])
    func readOnly(name: String) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        _ = try client.ask(produce(batch(["a"]), to: "orders"), version: 8)
        node.host.registry.setReadOnly([try #require(node.host.registry.gate(named: name))])
        let refused = try #require(try client.ask(produce(batch(["b"]), to: "orders"), version: 8)).parts[0]
        #expect(refused.errorCode.isRetriable && refused.errorMessage?.contains("read-only") == true)
        #expect(try client.ask(fetch([("orders", 0, 0)]), version: 12)?.parts[0].values() == ["0 a"])
        var all = MetadataRequest()
        all.topics = nil
        #expect(try client.ask(all, version: 4)?.topics.map(\.name) == ["orders"])
    }

    @Test("a deleted topic's parked fetch is told, and its name can be made again")
    func deletion() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let (consumer, admin) = (try node.connect(), try node.connect())
        try consumer.send(fetch([("orders", 0, 0)], waitMs: 100_000), version: 12)
        node.settle()
        var request = DeleteTopicsRequest()
        request.topicNames = ["orders"]
        #expect(try admin.ask(request, version: 5)?.responses.map(\.errorCode) == [ErrorCode.none])
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(answer.parts[0].errorCode == .unknownTopicOrPartition)
        #expect(
            try admin.ask(produce(batch(["a"]), to: "orders"), version: 7)?.parts[0].errorCode
                == .unknownTopicOrPartition)
    }
}
