import KafkaWire
import NIOCore
import Testing

@testable import Coordinators

@Suite("Offsets that nobody wants any more")
struct OffsetsExpiryTests {
    private static let hour: Int64 = 3_600_000
    private let first = TopicPartition("t", 0)
    private let second = TopicPartition("u", 0)

    private func world(topics: TopicsImage = TopicsImage()) -> GroupWorld {
        var settings = GroupSettings()
        settings.offsetsRetentionMilliseconds = Self.hour
        settings.initialRebalanceDelayMilliseconds = 0
        return GroupWorld(settings: settings, topics: topics)
    }

    @Test("offsets of a group that nobody joined expire after their own commit")
    func simpleGroup() throws {
        var world = world()
        _ = try world.ask(Ask.commit([first: 1]))
        world.pass(milliseconds: Self.hour / 2)
        _ = try world.ask(Ask.commit([second: 2]))
        world.pass(milliseconds: Self.hour / 2 + 600_000)
        #expect(try world.ask(Ask.fetch(nil)).offsets == [second: 2])
        world.pass(milliseconds: Self.hour)
        #expect(try world.ask(Ask.fetch(nil)).offsets.isEmpty)
        #expect(try world.ask(.list(ListGroupsRequest())) == .list([]))
    }

    @Test("members keep the offsets of their topics as long as they live, and then for the retention")
    func subscribed() throws {
        var world = world()
        try world.form(members: ["a"])
        _ = try world.ask(Ask.commit([first: 1, second: 2], member: "a", generation: 1))
        for _ in 0..<(2 * Self.hour / 9_000) {
            world.pass(milliseconds: 9_000)
            _ = try world.ask(Ask.heartbeat(member: "a", generation: 1))
        }
        #expect(try world.ask(Ask.fetch(nil)).offsets == [first: 1], "u has no member that wants it")
        _ = try world.ask(Ask.leave(members: [("a", nil)]))
        world.pass(milliseconds: Self.hour - 1)
        _ = try world.restart()
        #expect(try world.ask(Ask.fetch(nil)).offsets == [first: 1], "the retention begins when the last one left")
        world.pass(milliseconds: 600_001)
        #expect(try world.ask(Ask.fetch(nil)).offsets.isEmpty)
        #expect(try world.ask(.describe(group: "g", Ask.origin(version: 6))).code == .groupIdNotFound)
        #expect(world.machine.groups.isEmpty)
    }

    @Test("a retention that the client asked for counts instead of the setting")
    func ownRetention() throws {
        var world = world()
        _ = try world.ask(Ask.commit([first: 1], retention: 2 * Self.hour, version: 4))
        world.pass(milliseconds: Self.hour + 600_000)
        _ = try world.restart()
        #expect(try world.ask(Ask.fetch([first])).offsets == [first: 1])
        world.pass(milliseconds: Self.hour)
        #expect(try world.ask(Ask.fetch([first])).offsets == [first: -1])
    }

    @Test("offsets that a transaction may change do not expire")
    func pending() throws {
        var world = world()
        _ = try world.ask(Ask.commit([first: 1]))
        _ = try world.ask(Ask.transactionalCommit([first: 2], producer: 7))
        world.pass(milliseconds: 2 * Self.hour)
        #expect(try world.ask(Ask.fetch([first])).offsets == [first: 1])
        _ = try world.ask(Ask.end(producer: 7, .committed))
        #expect(try world.ask(Ask.fetch([first])).offsets == [first: 2])
        world.pass(milliseconds: 600_000)
        #expect(try world.ask(Ask.fetch([first])).offsets == [first: -1])
    }

    @Test("an empty group without offsets goes at the next look")
    func emptyGroup() throws {
        var world = world()
        try world.form(members: ["a"])
        _ = try world.ask(Ask.leave(members: [("a", nil)]))
        #expect(try world.ask(.list(ListGroupsRequest())) != .list([]))
        world.pass(milliseconds: 600_000)
        #expect(try world.ask(.list(ListGroupsRequest())) == .list([]))
        _ = try world.restart()
        #expect(try world.ask(.list(ListGroupsRequest())) == .list([]))
    }

    @Test("what topics leave behind goes in steps, and what new ones of the name have stays")
    func deletedTopics() throws {
        let old = TopicsImage.Topic(name: "t", id: WireUUID(high: 1, low: 1), partitionCount: 3_000)
        let new = TopicsImage.Topic(name: "t", id: WireUUID(high: 1, low: 2), partitionCount: 1)
        var world = world(topics: TopicsImage([old]))
        let all = Dictionary(uniqueKeysWithValues: (0..<600).map { (TopicPartition("t", Int32($0)), Int64(1)) })
        for group in ["f", "g", "h", "i"] { _ = try world.ask(Ask.commit(of: group, all)) }
        _ = try world.ask(Ask.commit(of: "g", [second: 5]))
        _ = world.step(.topicsChanged(TopicsImage([new])))
        let records = world.inFlight.reduce(0) { $0 + $1.records.count }
        #expect(records > 0 && records < 2_000, "one step does not do it all: \(records)")
        _ = try world.commit()
        _ = try world.ask(Ask.commit(of: "f", [first: 9]))
        world.pass(milliseconds: 1)
        _ = try world.commit()
        #expect(try world.ask(Ask.fetch(of: "f", nil)).offsets == [first: 9])
        #expect(try world.ask(Ask.fetch(of: "g", nil)).offsets == [second: 5])
        #expect(try world.ask(Ask.fetch(of: "h", nil)).offsets.isEmpty)
        #expect(try world.ask(Ask.fetch(of: "i", nil)).offsets.isEmpty)
    }

    @Test("a thousand groups are looked at in steps")
    func manyGroups() throws {
        var world = world()
        for group in 0..<1_000 { _ = try world.ask(Ask.commit(of: "g\(group)", [first: 1])) }
        let committed = world.log.count
        world.pass(milliseconds: Self.hour + 600_000)
        #expect(world.inFlight.allSatisfy { $0.records.count <= 1_000 })
        #expect(world.inFlight.filter { !$0.records.isEmpty }.count > 1)
        _ = try world.commit()
        #expect(world.log.count == 2 * committed)
        #expect(world.machine.offsets.groups.isEmpty)
    }
}
