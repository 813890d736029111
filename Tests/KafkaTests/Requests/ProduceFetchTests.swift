import KafkaWire
import NIOCore
import Testing

@testable import Kafka

@Suite("produce and fetch") struct ProduceFetchTests {
    @Test("what was produced is fetched, byte for byte but for offset and epoch", arguments: [1, 2])
    func roundTrip(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:3"])
        let client = try node.connect()
        for partition in Int32(0)..<3 {
            let answer = try #require(
                try client.ask(produce(batch(["a", "b"]), to: "orders", partition), version: 9))
            #expect(answer.parts.map(\.errorCode) == [.none])
            #expect(answer.parts.map(\.baseOffset) == [0])
        }
        let again = try #require(try client.ask(produce(batch(["c"]), to: "orders"), version: 3))
        #expect(again.parts.map(\.baseOffset) == [2])
        for version in Int16(4)...18 {
            var request = fetch([("orders", 0, 0), ("orders", 1, 1), ("orders", 2, 2)])
            for index in request.topics.indices where version >= 13 {
                request.topics[index].topicId = node.topicID("orders")
            }
            let answer = try #require(try client.ask(request, version: version))
            #expect(try answer.parts.map { try $0.values() } == [["0 a", "1 b", "2 c"], ["0 a", "1 b"], []])
            #expect(answer.parts.map(\.highWatermark) == [3, 2, 2])
            #expect(answer.parts.allSatisfy { $0.records != nil })
        }
    }

    @Test("a fetch at the end waits, and is woken by the commit, not by the append")
    func longPoll() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let producer = try node.connect()
        let consumer = try node.connect()
        try node.withLog("orders") { $0.commits = .held }
        try consumer.send(fetch([("orders", 0, 0)], waitMs: 5000), version: 12)
        #expect(try consumer.nextFrame() == nil)
        try producer.send(produce(batch(["a"]), to: "orders"), version: 9)
        #expect(try consumer.nextFrame() == nil)
        #expect(try producer.nextFrame() == nil)
        try node.withLog("orders") { $0.commit() }
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(try answer.parts[0].values() == ["0 a"])
        #expect(try producer.receive(ProduceResponse.self, version: 9)?.response.parts[0].errorCode == ErrorCode.none)
    }
}
