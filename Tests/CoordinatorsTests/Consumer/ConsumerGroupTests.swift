import KafkaWire
import Testing

@testable import Coordinators

@Suite("Groups of KIP-848")
struct ConsumerGroupTests {
    private static let orders = ConsumerHarness.orders

    @Test("one member alone gets everything with its first heartbeat")
    func alone() {
        var harness = ConsumerHarness()
        let joined = harness.join("a")
        #expect(joined.errorCode == .none)
        #expect(joined.memberId == "a")
        #expect(joined.memberEpoch == 1)
        #expect(joined.heartbeatIntervalMs == 500, "others may be about to join")
        #expect(joined.owned == [Self.orders: [0, 1, 2, 3]])
        #expect(harness.group()?.stateName == "Stable")

        harness.pass(milliseconds: 5_000)
        let records = harness.log.count
        let steady = harness.heartbeat("a", epoch: 1)
        #expect(steady.heartbeatIntervalMs == 5_000)
        #expect(steady.memberEpoch == 1)
        #expect(steady.assignment == nil)
        #expect(harness.log.count == records, "a heartbeat that changes nothing writes nothing")
    }

    @Test("what is set for one group holds for its members from their next heartbeat on, and for no other group")
    func overrides() {
        var harness = ConsumerHarness()
        _ = harness.join("a", in: "slow")
        _ = harness.join("b", in: "other")
        var settings = GroupSettings()
        settings.overrides["slow"] = GroupOverride(
            consumerSessionMilliseconds: 60_000, consumerHeartbeatMilliseconds: 15_000)
        _ = harness.ask(.settingsChanged(settings))
        harness.pass(milliseconds: 5_000)
        #expect(harness.heartbeat("a", epoch: 1, in: "slow").heartbeatIntervalMs == 15_000)
        #expect(harness.heartbeat("b", epoch: 1, in: "other").heartbeatIntervalMs == 5_000)
        harness.pass(milliseconds: 50_000)
        #expect(harness.heartbeat("a", epoch: 1, in: "slow").errorCode == .none)
        #expect(harness.heartbeat("b", epoch: 1, in: "other").errorCode == .unknownMemberId)
    }

    @Test("a second member gets its half when the first has given it up, and not before")
    func second() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        let joined = harness.join("b")
        #expect(joined.memberEpoch == 2)
        #expect(joined.owned == [:])
        #expect(harness.group()?.stateName == "Reconciling")

        // The first is told to give up two, and stays in its epoch until it has.
        let told = harness.heartbeat("a", epoch: 1, owned: [Self.orders: [0, 1, 2, 3]])
        #expect(told.memberEpoch == 1)
        let kept = told.owned?[Self.orders] ?? []
        #expect(kept.count == 2)
        #expect(harness.heartbeat("a", epoch: 1).assignment == nil)
        #expect(harness.heartbeat("b", epoch: 2).assignment == nil, "nothing is free yet")

        let done = harness.heartbeat("a", epoch: 1, owned: [Self.orders: kept])
        #expect(done.memberEpoch == 2)
        #expect(done.assignment == nil, "it has what it was told before")
        let given = harness.heartbeat("b", epoch: 2)
        #expect(Set(given.owned?[Self.orders] ?? []) == Set(0..<4).subtracting(kept))
        #expect(harness.group()?.stateName == "Stable")
    }

    @Test("what a member that leaves had goes to the others with their next heartbeats")
    func leave() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        _ = harness.heartbeat("a", epoch: -1)
        #expect(harness.group()?.stateName == "Empty")
        let joined = harness.join("b")
        #expect(joined.owned == [Self.orders: [0, 1, 2, 3]])

        _ = harness.join("c")
        let left = harness.heartbeat("b", epoch: -1)
        #expect(left.errorCode == .none)
        #expect(left.memberEpoch == -1)
        #expect(harness.group()?.stateName == "Assigning")
        let given = harness.heartbeat("c", epoch: 4)
        #expect(given.owned == [Self.orders: [0, 1, 2, 3]])
        #expect(harness.heartbeat("b", epoch: 3).errorCode == .unknownMemberId)
    }

    @Test("a member that says nothing for its session is out, one that speaks stays")
    func session() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        _ = harness.join("b")
        for _ in 0..<8 {
            harness.pass(milliseconds: 5_000)
            #expect(harness.heartbeat("b", epoch: 2).assignment == nil)
        }
        harness.pass(milliseconds: 4_999)
        #expect(harness.group()?.members.count == 2)
        harness.pass(milliseconds: 1)
        #expect(harness.group()?.members.keys.sorted() == ["b"])
        #expect(harness.heartbeat("a", epoch: 1).errorCode == .unknownMemberId)
        #expect(harness.heartbeat("b", epoch: 2).owned == [Self.orders: [0, 1, 2, 3]])
    }

    @Test("a member that does not give up partitions in its time is out")
    func revocation() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        _ = harness.join("b")
        _ = harness.heartbeat("a", epoch: 1, owned: [Self.orders: [0, 1, 2, 3]])
        for _ in 0..<5 {
            harness.pass(milliseconds: 5_000)
            #expect(harness.heartbeat("a", epoch: 1).errorCode == .none)
            #expect(harness.heartbeat("b", epoch: 2).errorCode == .none)
        }
        harness.pass(milliseconds: 5_000)
        #expect(harness.heartbeat("a", epoch: 1).errorCode == .unknownMemberId)
        #expect(harness.heartbeat("b", epoch: 2).owned == [Self.orders: [0, 1, 2, 3]])
    }

    @Test("an epoch that is not the member's is fenced; the one before passes with nothing more than is its own")
    func fenced() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        #expect(harness.heartbeat("a", epoch: 7).errorCode == .fencedMemberEpoch)
        _ = harness.heartbeat("a", epoch: 1, owned: [:]) { $0.subscribedTopicNames = ["orders", "payments"] }
        // The answer with epoch 2 was lost.
        let again = harness.heartbeat("a", epoch: 1, owned: [Self.orders: [0, 1, 2, 3]])
        #expect(again.errorCode == .none)
        #expect(again.memberEpoch == 2)
        #expect(harness.heartbeat("a", epoch: 1).errorCode == .fencedMemberEpoch)
        #expect(
            harness.heartbeat("a", epoch: 1, owned: [WireUUID(high: 9, low: 9): [0]]).errorCode == .fencedMemberEpoch)
        // Whoever was fenced comes back with epoch 0.
        let rejoined = harness.join("a")
        #expect(rejoined.errorCode == .none)
        #expect(rejoined.owned?[Self.orders] == [0, 1, 2, 3])
    }

    @Test("a static member that left for a while keeps its partitions, and has them again under a new id")
    func staticMember() {
        var harness = ConsumerHarness()
        _ = harness.join("a") { $0.instanceId = "one" }
        let epoch = harness.group()?.epoch
        #expect(harness.join("b") { $0.instanceId = "one" }.errorCode == .unreleasedInstanceId)
        let left = harness.heartbeat("a", epoch: -2) { $0.instanceId = "one" }
        #expect(left.errorCode == .none)
        #expect(left.memberEpoch == -2)
        let back = harness.join("b") { $0.instanceId = "one" }
        #expect(back.owned == [Self.orders: [0, 1, 2, 3]])
        #expect(back.memberEpoch == 1)
        #expect(harness.group()?.epoch == epoch, "nobody else is troubled")
        #expect(harness.heartbeat("a", epoch: 1) { $0.instanceId = "one" }.errorCode == .fencedInstanceId)
        #expect(harness.heartbeat("a", epoch: -1) { $0.instanceId = "one" }.errorCode == .fencedInstanceId)
        #expect(harness.heartbeat("c", epoch: 1) { $0.instanceId = "two" }.errorCode == .unknownMemberId)
    }

    @Test("a static member that does not come back is out when its session ends")
    func staticMemberGone() {
        var harness = ConsumerHarness()
        _ = harness.join("a") { $0.instanceId = "one" }
        _ = harness.heartbeat("a", epoch: -2) { $0.instanceId = "one" }
        harness.pass(milliseconds: 44_999)
        #expect(harness.group()?.isEmpty == false)
        harness.pass(milliseconds: 1)
        #expect(harness.group()?.isEmpty == true)
    }

    @Test("a request that makes no sense is refused, and makes no group")
    func invalid() {
        var harness = ConsumerHarness()
        #expect(harness.join("a", in: "").errorCode == .invalidRequest)
        #expect(harness.join("", version: 1).errorCode == .invalidRequest)
        #expect(harness.join("a") { $0.instanceId = "" }.errorCode == .invalidRequest)
        #expect(harness.join("a") { $0.rackId = "" }.errorCode == .invalidRequest)
        #expect(harness.join("a") { $0.rebalanceTimeoutMs = -1 }.errorCode == .invalidRequest)
        #expect(harness.join("a") { $0.topicPartitions = nil }.errorCode == .invalidRequest)
        #expect(harness.join("a", topics: nil).errorCode == .invalidRequest)
        #expect(harness.join("a") { $0.serverAssignor = "magic" }.errorCode == .unsupportedAssignor)
        #expect(harness.heartbeat("a", epoch: -2).errorCode == .invalidRequest)
        #expect(harness.heartbeat("a", epoch: -3).errorCode == .invalidRequest)
        #expect(harness.heartbeat("", epoch: 1).errorCode == .invalidRequest)
        #expect(harness.heartbeat("a", epoch: 1).errorCode == .groupIdNotFound)
        #expect(
            harness.join("a", topics: nil) { $0.subscribedTopicRegex = "(" }.errorCode == .invalidRegularExpression)
        #expect(harness.machine.groups.isEmpty)
        #expect(harness.log.isEmpty)
    }

    @Test("before version 1 the coordinator names the member")
    func named() {
        var harness = ConsumerHarness()
        let joined = harness.join("", version: 0)
        #expect(joined.errorCode == .none)
        #expect(joined.memberId?.hasPrefix("made-") == true)
    }

    @Test("a full group takes no more members, but those that it has come back")
    func full() {
        var settings = GroupSettings()
        settings.consumerGroupSizeMax = 1
        var harness = ConsumerHarness(settings: settings)
        _ = harness.join("a") { $0.instanceId = "one" }
        #expect(harness.join("b").errorCode == .groupMaxSizeReached)
        _ = harness.heartbeat("a", epoch: -2) { $0.instanceId = "one" }
        #expect(harness.join("c") { $0.instanceId = "one" }.errorCode == .none)
    }

    @Test("a topic that grows, comes or goes changes the assignment with the next heartbeat")
    func topicsChange() {
        var harness = ConsumerHarness()
        _ = harness.join("a", topics: ["orders", "later"])
        let later = WireUUID(high: 1, low: 3)
        harness.setTopics(
            TopicsImage([
                .init(name: "orders", id: Self.orders, partitionCount: 5),
                .init(name: "later", id: later, partitionCount: 1),
            ]))
        #expect(harness.heartbeat("a", epoch: 1).owned == [Self.orders: [0, 1, 2, 3, 4], later: [0]])
        harness.setTopics(TopicsImage([.init(name: "later", id: later, partitionCount: 1)]))
        #expect(harness.heartbeat("a", epoch: 2).owned == [later: [0]])
    }

    @Test("a regular expression follows the topics, not more often than is set")
    func regex() {
        var harness = ConsumerHarness()
        let joined = harness.join("a", topics: nil) { $0.subscribedTopicRegex = "o.*" }
        #expect(joined.owned == [Self.orders: [0, 1, 2, 3]])
        var topics = Array(ConsumerHarness.topics.topics)
        topics.append(.init(name: "others", id: WireUUID(high: 1, low: 3), partitionCount: 1))
        topics.append(.init(name: "__consumer_offsets", id: WireUUID(high: 1, low: 4), partitionCount: 50))
        harness.setTopics(TopicsImage(topics))
        #expect(harness.heartbeat("a", epoch: 1).owned?.count == 2)
        topics.append(.init(name: "orange", id: WireUUID(high: 1, low: 5), partitionCount: 1))
        harness.setTopics(TopicsImage(topics))
        #expect(harness.heartbeat("a", epoch: 2).assignment == nil)
        harness.pass(milliseconds: 1_000)
        #expect(harness.heartbeat("a", epoch: 2).owned?.count == 3)
        #expect(
            harness.heartbeat("a", epoch: 3) { $0.subscribedTopicRegex = "[" }.errorCode
                == .invalidRegularExpression)
        #expect(harness.heartbeat("a", epoch: 3) { $0.subscribedTopicRegex = ".*" }.owned?.count == 4)
        #expect(harness.group()?.isSubscribed(to: "payments") == true)
    }

    @Test("the assignor that most members ask for is taken")
    func assignor() {
        var harness = ConsumerHarness()
        _ = harness.join("a", topics: ["orders", "payments"]) { $0.serverAssignor = "range" }
        _ = harness.join("b", topics: ["orders", "payments"]) { $0.serverAssignor = "range" }
        _ = harness.join("c", topics: ["orders", "payments"]) { $0.serverAssignor = "uniform" }
        guard case .describeConsumer(let described) = harness.ask(.describeConsumer(group: "g")) else { return }
        #expect(described.assignorName == "range")
        #expect(harness.group()?.targets["a"]?[Self.orders] == [0, 1])
    }

    @Test("a coordinator that reads the log goes on where the last one was, and nobody's epoch changes")
    func replay() throws {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        _ = harness.join("b", topics: nil) { $0.subscribedTopicRegex = "ord.*" }
        let told = harness.heartbeat("a", epoch: 1, owned: [Self.orders: [0, 1, 2, 3]])
        let state = harness.group()?.durableState
        try harness.restart()
        #expect(harness.group()?.durableState == state)
        let epoch = harness.group()?.epoch
        #expect(harness.heartbeat("a", epoch: 1, owned: told.owned).memberEpoch == 2)
        #expect(harness.heartbeat("b", epoch: 2).owned?[Self.orders]?.count == 2)
        #expect(harness.group()?.epoch == epoch)
        // Sessions count from then on.
        harness.pass(milliseconds: 44_999)
        #expect(harness.group()?.members.count == 2)
        harness.pass(milliseconds: 1)
        #expect(harness.group()?.isEmpty == true)
    }

    @Test("offsets are fenced by the member's epoch")
    func offsets() {
        var harness = ConsumerHarness()
        #expect(harness.commit("", epoch: -1) == .none)
        _ = harness.join("a")
        #expect(harness.commit("a", epoch: 1) == .none)
        #expect(harness.commit("a", epoch: 0) == .staleMemberEpoch)
        #expect(harness.commit("b", epoch: 1) == .unknownMemberId)
        #expect(harness.commit("", epoch: -1) == .unknownMemberId)
        #expect(harness.commit("a", epoch: 1, version: 8) == .unsupportedVersion)
        #expect(harness.group()?.fetchRefusal(memberID: nil, memberEpoch: -1) == nil)
        #expect(harness.group()?.fetchRefusal(memberID: "a", memberEpoch: 1) == nil)
        #expect(harness.group()?.fetchRefusal(memberID: "a", memberEpoch: 2) == .staleMemberEpoch)
        #expect(harness.group()?.fetchRefusal(memberID: "z", memberEpoch: 1) == .unknownMemberId)
    }

    @Test("tools see the group, and may delete it when it is empty; its offsets were kept until then")
    func tools() throws {
        var harness = ConsumerHarness()
        #expect(harness.commit("", epoch: -1) == .none)
        _ = harness.join("a") { $0.instanceId = "one" }
        guard case .describeConsumer(let described) = harness.ask(.describeConsumer(group: "g")) else { return }
        #expect(described.groupState == "Stable")
        #expect(described.groupEpoch == 1)
        #expect(described.assignmentEpoch == 1)
        #expect(described.assignorName == "uniform")
        #expect(described.members.map(\.memberId) == ["a"])
        #expect(described.members.first?.instanceId == "one")
        #expect(described.members.first?.assignment.topicPartitions.first?.topicName == "orders")
        guard case .describeConsumer(let unknown) = harness.ask(.describeConsumer(group: "no")) else { return }
        #expect(unknown.errorCode == .groupIdNotFound)
        guard case .describe(let classic) = harness.ask(.describe(group: "g", ConsumerHarness.origin(6))) else {
            return
        }
        #expect(classic.errorCode == .groupIdNotFound)
        guard case .list(let listed) = harness.ask(.list(ListGroupsRequest())) else { return }
        #expect(listed.map(\.groupType) == ["consumer"])
        #expect(listed.map(\.groupState) == ["Stable"])

        #expect(harness.ask(.delete(group: "g")) == .delete(.nonEmptyGroup))
        _ = harness.heartbeat("a", epoch: -1) { $0.instanceId = "one" }
        #expect(harness.ask(.delete(group: "g")) == .delete(.none))
        #expect(harness.machine.groups.isEmpty)
        try harness.restart()
        #expect(harness.machine.groups.isEmpty)
    }
}

extension ConsumerHarness {
    /// Commits an offset of orders-0.
    fileprivate mutating func commit(_ member: String, epoch: Int32, version: Int16 = 9) -> ErrorCode {
        var request = OffsetCommitRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationIdOrMemberEpoch = epoch
        var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
        topic.name = "orders"
        var partition = OffsetCommitRequest.OffsetCommitRequestPartition()
        partition.committedOffset = 5
        topic.partitions = [partition]
        request.topics = [topic]
        guard case .commit(let response) = ask(.commit(request, Self.origin(version))) else {
            return .unknownServerError
        }
        return response.topics.first?.partitions.first?.errorCode ?? .unknownServerError
    }
}
