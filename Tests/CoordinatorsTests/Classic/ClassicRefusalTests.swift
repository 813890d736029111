import KafkaWire
import NIOCore
import Testing

@testable import Coordinators

@Suite("What a classic group refuses")
struct ClassicRefusalTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var what: String
        var request: GroupRequest
        var code: ErrorCode
        var testDescription: String { what }

        init(_ what: String, _ request: GroupRequest, _ code: ErrorCode) {
            self.what = what
            self.request = request
            self.code = code
        }
    }

    /// To a group of the members `a` (which leads) and `b`, and the static `s`, in generation 1.
    static let cases = [
        Case("a join without a group", Ask.join(""), .invalidGroupId),
        Case(
            "a join of a group whose name no record holds", Ask.join(String(repeating: "g", count: 40_000)),
            .invalidGroupId),
        Case("a session that is too short", Ask.join(session: 5_999), .invalidSessionTimeout),
        Case("a session that is too long", Ask.join(session: 1_800_001), .invalidSessionTimeout),
        Case("an instance without a name", Ask.join(instance: ""), .invalidRequest),
        Case("a member id to a group that is not there", Ask.join("other", member: "a"), .unknownMemberId),
        Case("a member that was never in", Ask.join(member: "x"), .unknownMemberId),
        Case("an instance that has another id", Ask.join(member: "a", instance: "i"), .fencedInstanceId),
        Case("an instance that is not known", Ask.join(member: "a", instance: "j"), .unknownMemberId),
        Case("another kind of member", Ask.join(type: "connect"), .inconsistentGroupProtocol),
        Case("protocols that the others do not have", Ask.join(protocols: ["zebra"]), .inconsistentGroupProtocol),
        Case("no protocols", Ask.join(protocols: []), .inconsistentGroupProtocol),
        Case("no protocols for a new group", Ask.join("new", protocols: []), .inconsistentGroupProtocol),
        Case("no type for a new group", Ask.join("new", type: ""), .inconsistentGroupProtocol),
        Case("a first join without an id", Ask.join(), .memberIdRequired),

        Case("a sync without a group", Ask.sync("", member: "a", generation: 1), .invalidGroupId),
        Case("a sync to a group that is not there", Ask.sync("other", member: "a", generation: 1), .unknownMemberId),
        Case("a sync of a stranger", Ask.sync(member: "x", generation: 1), .unknownMemberId),
        Case("a sync of another generation", Ask.sync(member: "b", generation: 2), .illegalGeneration),
        Case(
            "a sync of another type", Ask.sync(member: "b", generation: 1, type: "connect"), .inconsistentGroupProtocol),
        Case(
            "a sync of another protocol", Ask.sync(member: "b", generation: 1, name: "sticky"),
            .inconsistentGroupProtocol),
        Case("a sync that agrees", Ask.sync(member: "b", generation: 1, type: "consumer", name: "range"), .none),

        Case("a heartbeat without a group", Ask.heartbeat("", member: "a", generation: 1), .invalidGroupId),
        Case(
            "a heartbeat to a group that is not there", Ask.heartbeat("other", member: "a", generation: 1),
            .unknownMemberId),
        Case("a heartbeat of a stranger", Ask.heartbeat(member: "x", generation: 1), .unknownMemberId),
        Case("a heartbeat of another generation", Ask.heartbeat(member: "a", generation: 0), .illegalGeneration),
        Case(
            "a heartbeat of a fenced instance", Ask.heartbeat(member: "a", instance: "i", generation: 1),
            .fencedInstanceId),
        Case("a heartbeat", Ask.heartbeat(member: "a", generation: 1), .none),

        Case("a leave without a group", Ask.leave("", members: [("a", nil)]), .invalidGroupId),
        Case("a leave of a group that is not there", Ask.leave("other", members: [("a", nil)]), .unknownMemberId),
        Case("a leave of a stranger", Ask.leave(members: [("x", nil)]), .unknownMemberId),
        Case("a leave of nobody", Ask.leave(members: [("", nil)]), .unknownMemberId),
        Case("a leave of an instance that is not there", Ask.leave(members: [("", "j")]), .unknownMemberId),
        Case("a leave of a fenced instance", Ask.leave(members: [("a", "i")]), .fencedInstanceId),
        Case("a leave by the name of the instance", Ask.leave(members: [("", "i")]), .none),

        Case("a commit of a stranger", Ask.commit(one, member: "x", generation: 1), .unknownMemberId),
        Case("a commit of another generation", Ask.commit(one, member: "a", generation: 2), .illegalGeneration),
        Case(
            "a commit of a fenced instance", Ask.commit(one, member: "a", instance: "i", generation: 1),
            .fencedInstanceId),
        Case("a commit of nobody, while there are members", Ask.commit(one), .unknownMemberId),
        Case("a commit of nobody to a group that is not there", Ask.commit(of: "other", one), .none),
        Case(
            "a commit of a generation to a group that is not there",
            Ask.commit(of: "other", one, member: "a", generation: 1), .groupIdNotFound),
        Case(
            "the same before version 9", Ask.commit(of: "other", one, member: "a", generation: 1, version: 8),
            .illegalGeneration),
        Case("a commit", Ask.commit(one, member: "a", generation: 1), .none),
        Case(
            "metadata as long as it may be",
            Ask.commit(one, member: "a", generation: 1, metadata: String(repeating: "ü", count: 4_096)), .none),
        Case(
            "metadata that is too long",
            Ask.commit(one, member: "a", generation: 1, metadata: String(repeating: "m", count: 4_097)),
            .offsetMetadataTooLarge),

        Case(
            "a transaction's commit of a stranger",
            Ask.transactionalCommit(one, producer: 1, member: "x", generation: 1), .unknownMemberId),
        Case(
            "a transaction's commit of another generation",
            Ask.transactionalCommit(one, producer: 1, member: "a", generation: 2), .illegalGeneration),
        Case("a transaction's commit of no member", Ask.transactionalCommit(one, producer: 1), .none),
        Case(
            "a transaction's commit without a group", Ask.transactionalCommit(of: "", one, producer: 1), .invalidGroupId
        ),

        Case(
            "deleting offsets of a topic that members want", Ask.deleteOffsets(TopicPartition("t", 0)),
            .groupSubscribedToTopic),
        Case("deleting offsets of another topic", Ask.deleteOffsets(TopicPartition("u", 0)), .none),
        Case(
            "deleting offsets of a group that is not there", Ask.deleteOffsets(of: "other", TopicPartition("u", 0)),
            .groupIdNotFound),
        Case("deleting offsets without a group", Ask.deleteOffsets(of: "", TopicPartition("u", 0)), .invalidGroupId),
        Case("deleting a group with members", .delete(group: "g"), .nonEmptyGroup),
        Case("deleting a group that is not there", .delete(group: "other"), .groupIdNotFound),
        Case(
            "describing a group that is not there", .describe(group: "other", Ask.origin(version: 6)), .groupIdNotFound),
        Case("describing it before version 6", .describe(group: "other", Ask.origin(version: 5)), .none),
    ]

    private static let one = [TopicPartition("t", 0): Int64(1)]

    private func world() throws -> GroupWorld {
        var world = GroupWorld()
        try world.form(members: ["a", "b", "s"]) { $0 == "s" ? "i" : nil }
        return world
    }

    @Test("refused with the code that Kafka has for it", arguments: cases)
    func refusal(_ refused: Case) throws {
        var world = try world()
        #expect(try world.ask(refused.request).code == refused.code)
    }

    @Test(
        "what is refused changes nothing", arguments: cases.filter { $0.code != .none && $0.code != .memberIdRequired })
    func unchanged(_ refused: Case) throws {
        var world = try world()
        let before = world.log.count
        _ = try world.ask(refused.request)
        #expect(world.log.count == before)
        #expect(try world.ask(Ask.heartbeat(member: "a", generation: 1)).code == .none)
        #expect(world.machine.groups.keys.sorted() == ["g"])
    }

    @Test("a fenced member's commits are refused while the group completes a rebalance, a transaction's are not")
    func commitInRebalance() throws {
        var world = try world()
        _ = world.step(Ask.join(member: "a"))
        _ = world.step(Ask.join(member: "b"))
        // The generation before may still commit what it has done.
        let before = try world.ask(Ask.commit(Self.one, member: "b", generation: 1))
        #expect(before.code == .none)
        _ = world.step(Ask.join(member: "s", instance: "i"))
        _ = try world.commit()
        #expect(try world.ask(Ask.commit(Self.one, member: "b", generation: 2)).code == .rebalanceInProgress)
        let transaction = Ask.transactionalCommit(Self.one, producer: 1, member: "b", generation: 2)
        #expect(try world.ask(transaction).code == .none)
    }

    @Test("a commit keeps a member alive as a heartbeat does")
    func commitIsHeartbeat() throws {
        var world = try world()
        for _ in 0..<4 {
            world.pass(milliseconds: 9_000)
            _ = try world.ask(Ask.commit(Self.one, member: "a", generation: 1))
        }
        let code = try world.ask(Ask.heartbeat(member: "a", generation: 1)).code
        #expect(code == .rebalanceInProgress, "b and s were silent, a was not")
        #expect(try world.ask(Ask.heartbeat(member: "b", generation: 1)).code == .unknownMemberId)
    }

    @Test("members before version 9 are told of the old leader when a static one replaces itself")
    func replacedLeaderBeforeSkipping() throws {
        var world = GroupWorld()
        try world.form(members: ["s"]) { _ in "i" }
        guard case .join(let old) = try world.ask(Ask.join(instance: "i", version: 8, fresh: "s2")) else { return }
        #expect(old.leader == "s" && old.memberId == "s2" && old.members.isEmpty && !old.skipAssignment)
        guard case .join(let new) = try world.ask(Ask.join(instance: "i", version: 9, fresh: "s3")) else { return }
        #expect(new.leader == "s3" && new.skipAssignment && new.members.map(\.memberId) == ["s3"])
    }

    @Test("a static member comes back into a full group, a new one does not")
    func fullGroup() throws {
        var world = GroupWorld()
        try world.form(members: ["s", "u"]) { $0 }
        var settings = GroupSettings()
        settings.groupSizeMax = 2
        _ = try world.ask(.settingsChanged(settings))
        #expect(try world.ask(Ask.join(instance: "u", fresh: "u2")).code == .none)
        #expect(try world.ask(Ask.join(instance: "v", fresh: "v")).code == .groupMaxSizeReached)
    }

    @Test("static members without patience are not looked at all the time")
    func impatient() throws {
        var world = GroupWorld()
        try world.form(members: ["s", "u"]) { $0 }
        // The leader changes what it can do and leaves: u is left, and does not come.
        _ = world.step(Ask.join(member: "u", instance: "u", topics: ["x"], rebalance: 0))
        _ = world.step(Ask.join(member: "s", instance: "s", rebalance: 0))
        _ = try world.commit()
        _ = world.step(Ask.join(member: "s", instance: "s", topics: ["y"], rebalance: 0))
        _ = world.step(Ask.leave(members: [("s", "s")]))
        let before = world.inFlight.count
        world.pass(milliseconds: 9_000)
        #expect(world.inFlight.count - before < 30)
        world.pass(milliseconds: 60_000)
        _ = try world.commit()
        #expect(world.machine.groups["g"]?.isEmpty ?? true)
    }
}
