import Coordinators
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

@Suite("What coordinators know of topics") struct TopicsImageSourceTests {
    @Test("a change of topics is told also where somebody else has had the new image made meanwhile")
    func topicsAreTold() throws {
        let node = try SimulatedBroker(topics: ["a"])
        let source = TopicsImageSource(topics: node.broker.topics, loop: node.loops[0])
        let told = Mutex<[[String]]>([])
        source.onChange { image in told.withLock { $0.append(image.topics.map(\.name).sorted()) } }
        source.topicsChanged()
        try node.run { [broker = node.broker] in _ = await broker.topics.create([NewTopic(name: "b")]) }
        source.topicsChanged()
        // A shard that begins to read its log just now.
        #expect(source.current["b"] != nil)
        node.pass(.seconds(1))
        #expect(told.withLock { $0 } == [["a"], ["a", "b"]])
    }
}
