import KafkaWire
import Testing

@testable import Coordinators

@Suite("Offsets of topics that are gone")
struct OffsetsOfTopicsTests {
    private static let origin = RequestOrigin(version: 9, clientID: "c", clientHost: "/127.0.0.1")

    private static func commit(_ topic: String) -> GroupRequest {
        var partition = OffsetCommitRequest.OffsetCommitRequestPartition()
        partition.committedOffset = 42
        var asked = OffsetCommitRequest.OffsetCommitRequestTopic()
        asked.name = topic
        asked.partitions = [partition]
        var request = OffsetCommitRequest()
        request.groupId = "g"
        request.generationIdOrMemberEpoch = -1
        request.retentionTimeMs = -1
        request.topics = [asked]
        return .commit(request, origin)
    }

    private static func image(_ names: [String]) -> TopicsImage {
        TopicsImage(
            names.enumerated().map { index, name in
                TopicsImage.Topic(name: name, id: WireUUID(high: 1, low: UInt64(index + 1)), partitionCount: 1)
            })
    }

    @Test("offsets of a topic that went while nobody coordinated are gone after the next start, those of others stay")
    func topicGoneMeanwhile() throws {
        var world = GroupWorld(topics: Self.image(["a", "b"]))
        _ = try world.ask(Self.commit("a"))
        _ = try world.ask(Self.commit("b"))
        // The news is taken in, and lost with the machine before its records are committed.
        _ = world.step(.topicsChanged(Self.image(["a"])))
        _ = try world.restart()
        _ = try world.commit()
        #expect(world.machine.offsets.offset(group: "g", TopicPartition("a", 0))?.offset == 42)
        #expect(world.machine.offsets.offset(group: "g", TopicPartition("b", 0)) == nil)
        #expect(try world.replayed().offsets.description == world.machine.offsets.description)
    }

    @Test("where no topics are known at all, no offset is forgotten")
    func nothingKnown() throws {
        var world = GroupWorld()
        _ = try world.ask(Self.commit("a"))
        _ = try world.restart()
        #expect(world.machine.offsets.offset(group: "g", TopicPartition("a", 0))?.offset == 42)
    }
}
