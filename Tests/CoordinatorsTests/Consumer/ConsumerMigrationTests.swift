import KafkaWire
import NIOCore
import Testing
import WeirRuntime

@testable import Coordinators

@Suite("Groups that change their protocol")
struct ConsumerMigrationTests {
    private static let orders = ConsumerHarness.orders

    /// A coordinator with a stable classic group of one member, which has all of orders; and the member's id.
    private static func classicGroup(
        _ settings: GroupSettings = GroupSettings(), instance: String? = nil
    ) -> (ConsumerHarness, member: String) {
        var harness = ConsumerHarness(settings: settings)
        let member = harness.classicMember(instance: instance)
        #expect(harness.ask(.heartbeat(harness.beat(member, 1), ConsumerHarness.origin(4))) == .heartbeat(.init(.none)))
        return (harness, member)
    }

    @Test("a consumer of KIP-848 makes a classic group one of its kind; who was in it stays and keeps what it had")
    func upgrade() throws {
        var (harness, old) = Self.classicGroup()
        let joined = harness.join("new")
        #expect(joined.errorCode == .none)
        #expect(joined.memberEpoch == 2)
        #expect(joined.owned == [:])
        #expect(harness.group()?.members[old]?.current.assigned[Self.orders] == [0, 1, 2, 3])
        guard case .list(let listed) = harness.ask(.list(ListGroupsRequest())) else { return }
        #expect(listed.map(\.groupType) == ["consumer"])

        // The old member is to join again, learns what to give up, gives it up, and joins once more.
        #expect(harness.heartbeat(old, generation: 1) == .rebalanceInProgress)
        let first = harness.rejoin(old, owned: [0, 1, 2, 3])
        #expect(first.generationId == 1)
        #expect(first.protocolName == "cooperative-sticky")
        let kept = harness.fetch(old, generation: 1)
        #expect(kept.count == 2)
        #expect(harness.heartbeat(old, generation: 1) == .rebalanceInProgress)
        #expect(harness.heartbeat("new", epoch: 2).assignment == nil, "nothing was given up yet")
        let second = harness.rejoin(old, owned: kept)
        #expect(second.generationId == 2)
        #expect(harness.fetch(old, generation: 2) == kept)
        #expect(harness.heartbeat(old, generation: 2) == .none)

        let given = harness.heartbeat("new", epoch: 2)
        #expect(Set(given.owned?[Self.orders] ?? []) == Set(0..<4).subtracting(kept))
        #expect(harness.group()?.stateName == "Stable")

        let state = harness.group()?.durableState
        try harness.restart()
        #expect(harness.group()?.durableState == state)
        #expect(harness.heartbeat(old, generation: 2) == .none)
    }

    @Test("a producer that names the group only commits to it whatever its protocol; one that names a member is fenced")
    func transactionalCommit() throws {
        var (harness, old) = Self.classicGroup()
        let commit = Ask.transactionalCommit([TopicPartition("orders", 0): 7], producer: 1)
        func codes(_ response: GroupResponse?) -> [ErrorCode] {
            guard case .transactionalCommit(let response) = response else { return [] }
            return response.topics.flatMap(\.partitions).map(\.errorCode)
        }
        #expect(codes(harness.ask(commit)) == [.none])
        _ = harness.join("new")
        #expect(codes(harness.ask(commit)) == [.none])
        for (member, generation) in [(old, Int32(0)), ("nobody", 1), ("nobody", -1)] {
            let named = Ask.transactionalCommit(
                [TopicPartition("orders", 0): 8], producer: 1, member: member, generation: generation)
            #expect(codes(harness.ask(named)) != [.none], "\(member) \(generation)")
        }
    }

    @Test("when the last consumer of KIP-848 goes, the group is a classic one again, and the others rebalance")
    func downgrade() throws {
        var (harness, old) = Self.classicGroup()
        _ = harness.join("new")
        #expect(harness.heartbeat("new", epoch: -1).errorCode == .none)
        #expect(harness.group() == nil)
        guard case .classic(let classic)? = harness.machine.groups["g"] else {
            Issue.record("not a classic group")
            return
        }
        #expect(classic.state == .preparingRebalance)
        #expect(classic.generation == 2)
        #expect(harness.heartbeat(old, generation: 2) == .rebalanceInProgress)
        let ticket = harness.send(.join(harness.request(old, owned: [0, 1]), ConsumerHarness.origin(9), memberID: ""))
        guard case .join(let joined)? = harness.takeAnswer(ticket) else {
            Issue.record("the join was not answered")
            return
        }
        #expect(joined.generationId == 3)
        #expect(joined.leader == old)
        // The log has the group as it was before the rebalance, with the member in it.
        try harness.restart()
        guard case .classic(let replayed)? = harness.machine.groups["g"] else {
            Issue.record("not a classic group after a restart")
            return
        }
        #expect(replayed.members.keys.sorted() == [old])
        #expect(replayed.generation == 2)
    }

    @Test("a consumer of KIP-848 that dies leaves a classic group behind too")
    func downgradeByDeath() {
        var (harness, old) = Self.classicGroup()
        _ = harness.join("new")
        _ = harness.heartbeat(old, generation: 1)
        _ = harness.rejoin(old, owned: [])
        let epoch = harness.group()?.members[old]?.current.epoch ?? 0
        _ = harness.fetch(old, generation: epoch)
        for _ in 0..<9 {
            harness.pass(milliseconds: 5_000)
            _ = harness.heartbeat(old, generation: epoch)
        }
        #expect(harness.group() == nil)
    }

    @Test(
        "a group changes its protocol only as the policy says",
        arguments: [
            (GroupSettings.MigrationPolicy.disabled, false, false), (.upgrade, true, false),
            (.downgrade, false, false), (.bidirectional, true, true),
        ] as [(GroupSettings.MigrationPolicy, Bool, Bool)])
    func policy(_ policy: GroupSettings.MigrationPolicy, _ upgrades: Bool, _ downgrades: Bool) {
        var settings = GroupSettings()
        settings.migrationPolicy = policy
        var (harness, _) = Self.classicGroup(settings)
        let records = harness.log.count
        let joined = harness.join("new")
        #expect(joined.errorCode == (upgrades ? .none : .groupIdNotFound))
        #expect((harness.group() != nil) == upgrades)
        guard upgrades else {
            #expect(harness.log.count == records)
            return
        }
        _ = harness.heartbeat("new", epoch: -1)
        #expect((harness.group() == nil) == downgrades)
    }

    @Test("who waits in a classic group that becomes another is told to join again")
    func waiting() {
        var (harness, old) = Self.classicGroup()
        let ticket = harness.send(.join(harness.request(old, owned: [0]), ConsumerHarness.origin(9), memberID: ""))
        // Somebody else is waited for, so that the join is held.
        if case .join(let joined)? = harness.takeAnswer(ticket) {
            let sync = harness.send(
                .sync(harness.syncRequest(old, joined.generationId, [:]), ConsumerHarness.origin(5)))
            _ = harness.takeAnswer(sync)
        }
        let second = harness.newID()
        let held = harness.send(.join(harness.request(second, owned: []), ConsumerHarness.origin(9), memberID: ""))
        #expect(harness.takeAnswer(held) == nil)
        #expect(harness.join("new").errorCode == .none)
        guard case .join(let refused)? = harness.takeAnswer(held) else {
            Issue.record("whoever waited was forgotten")
            return
        }
        #expect(refused.errorCode == .rebalanceInProgress)
        #expect(harness.rejoin(second, owned: []).errorCode == .none)
        #expect(harness.group()?.members.count == 3)
        #expect(harness.machine.groups.count == 1)
    }

    @Test("a static member keeps its partitions when its restart changes its protocol, and back")
    func staticMember() {
        var (harness, _) = Self.classicGroup(instance: "one")
        let joined = harness.join("new") { $0.instanceId = "one" }
        #expect(joined.errorCode == .none)
        #expect(joined.owned == [Self.orders: [0, 1, 2, 3]])
        #expect(harness.group()?.members.keys.sorted() == ["new"])

        var request = harness.request("", owned: [])
        request.groupInstanceId = "one"
        guard case .join(let back) = harness.ask(.join(request, ConsumerHarness.origin(9), memberID: "back")) else {
            return
        }
        #expect(back.errorCode == .none)
        #expect(back.memberId == "back")
        #expect(harness.group() == nil, "nobody is left that speaks the new protocol")
        #expect(harness.fetch("back", generation: back.generationId, instance: "one") == [0, 1, 2, 3])
    }

    @Test("an empty classic group changes whatever the policy is; its offsets stay")
    func empty() {
        var settings = GroupSettings()
        settings.migrationPolicy = .disabled
        var (harness, old) = Self.classicGroup(settings)
        var leave = LeaveGroupRequest()
        leave.groupId = "g"
        var identity = LeaveGroupRequest.MemberIdentity()
        identity.memberId = old
        leave.members = [identity]
        _ = harness.ask(.leave(leave, ConsumerHarness.origin(5)))
        #expect(harness.join("new").owned == [Self.orders: [0, 1, 2, 3]])
    }

    @Test("an administrator puts out members of KIP-848, by their ids or their owners' names for them")
    func putOut() {
        var harness = ConsumerHarness()
        _ = harness.join("a")
        _ = harness.join("b") { $0.instanceId = "i" }
        _ = harness.join("c")
        var leave = LeaveGroupRequest()
        leave.groupId = "g"
        leave.members = [("a", nil), ("", "i"), ("nobody", nil), ("c", "i")].map { member, instance in
            var identity = LeaveGroupRequest.MemberIdentity()
            identity.memberId = member
            identity.groupInstanceId = instance
            return identity
        }
        guard case .leave(let left) = harness.ask(.leave(leave, ConsumerHarness.origin(5))) else {
            Issue.record("a LeaveGroup was not answered as one")
            return
        }
        #expect(left.members.map(\.errorCode) == [.none, .none, .unknownMemberId, .fencedInstanceId])
        #expect(left.members.map(\.memberId) == ["a", "", "nobody", "c"])
        #expect(harness.group()?.members.keys.sorted() == ["c"])
    }

    @Test("a classic member is refused as in a classic group, and put out when it does not come in time")
    func refusals() {
        var (harness, old) = Self.classicGroup()
        _ = harness.join("new")
        #expect(harness.heartbeat(old, generation: 5) == .illegalGeneration)
        #expect(harness.heartbeat("nobody", generation: 1) == .unknownMemberId)
        #expect(harness.heartbeat("new", generation: 2) == .unknownMemberId)
        var other = harness.request(old, owned: [])
        other.protocolType = "connect"
        guard case .join(let refused) = harness.ask(.join(other, ConsumerHarness.origin(9), memberID: "x")) else {
            return
        }
        #expect(refused.errorCode == .inconsistentGroupProtocol)
        guard
            case .join(let unnamed) = harness.ask(
                .join(harness.request("", owned: []), ConsumerHarness.origin(9), memberID: "made"))
        else { return }
        #expect(unnamed.errorCode == .memberIdRequired)
        #expect(unnamed.memberId == "made")

        // Told to join again, it sends heartbeats but does not join.
        #expect(harness.heartbeat(old, generation: 1) == .rebalanceInProgress)
        for _ in 0..<12 {
            harness.pass(milliseconds: 5_000)
            _ = harness.heartbeat(old, generation: 1)
            _ = harness.heartbeat("new", epoch: harness.group()?.members["new"]?.current.epoch ?? 0)
        }
        #expect(harness.group()?.members.keys.sorted() == ["new"])
    }
}

// Clients of the classic protocol.
extension ConsumerHarness {
    /// Joins and syncs a new member, alone in its group, which assigns itself all of orders.
    fileprivate mutating func classicMember(instance: String?) -> String {
        var request = request(instance == nil ? newID() : "", owned: [])
        request.groupInstanceId = instance
        let ticket = send(.join(request, Self.origin(9), memberID: "static"))
        pass(milliseconds: 3_000)
        guard case .join(let joined)? = takeAnswer(ticket) else {
            Issue.record("a classic join was not answered")
            return ""
        }
        var sync = syncRequest(joined.memberId, joined.generationId, [joined.memberId: [0, 1, 2, 3]])
        sync.groupInstanceId = instance
        _ = ask(.sync(sync, Self.origin(5)))
        return joined.memberId
    }

    /// The id that the coordinator gives a new member.
    fileprivate mutating func newID() -> String {
        let id = "classic-\(log.count)-\(time.now.nanoseconds)"
        guard case .join(let given) = ask(.join(request("", owned: []), Self.origin(9), memberID: id)) else {
            return ""
        }
        #expect(given.errorCode == .memberIdRequired)
        return given.memberId
    }

    fileprivate func request(_ member: String, owned: [Int32]) -> JoinGroupRequest {
        var subscription = ConsumerProtocolSubscription()
        subscription.topics = ["orders"]
        if !owned.isEmpty {
            var item = ConsumerProtocolSubscription.TopicPartition()
            item.topic = "orders"
            item.partitions = owned
            subscription.ownedPartitions = [item]
        }
        var proto = JoinGroupRequest.JoinGroupRequestProtocol()
        proto.name = "cooperative-sticky"
        proto.metadata = GroupRecords.encode(subscription, version: 1)
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = member
        request.protocolType = "consumer"
        request.sessionTimeoutMs = 45_000
        request.rebalanceTimeoutMs = 50_000
        request.protocols = [proto]
        return request
    }

    fileprivate func syncRequest(
        _ member: String, _ generation: Int32, _ assignments: [String: [Int32]]
    ) -> SyncGroupRequest {
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationId = generation
        request.protocolType = "consumer"
        request.protocolName = "cooperative-sticky"
        request.assignments = assignments.map { member, partitions in
            var item = SyncGroupRequest.SyncGroupRequestAssignment()
            item.memberId = member
            item.assignment = ConsumerProtocol.bytes(
                TopicPartitionSet([(Self.orders, partitions)]),
                answering: GroupRecords.encode(
                    ConsumerProtocolSubscription(), version: 1), Self.topics)
            return item
        }
        return request
    }

    fileprivate func beat(_ member: String, _ generation: Int32) -> HeartbeatRequest {
        var request = HeartbeatRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationId = generation
        return request
    }

    fileprivate mutating func heartbeat(_ member: String, generation: Int32) -> ErrorCode {
        guard case .heartbeat(let response) = ask(.heartbeat(beat(member, generation), Self.origin(4))) else {
            return .unknownServerError
        }
        return response.errorCode
    }

    fileprivate mutating func rejoin(_ member: String, owned: [Int32]) -> JoinGroupResponse {
        guard case .join(let response) = ask(.join(request(member, owned: owned), Self.origin(9), memberID: "x")) else {
            return .failure(.unknownServerError, memberID: "")
        }
        return response
    }

    /// The partitions of orders that SyncGroup tells.
    fileprivate mutating func fetch(_ member: String, generation: Int32, instance: String? = nil) -> [Int32] {
        var request = syncRequest(member, generation, [:])
        request.groupInstanceId = instance
        guard case .sync(let response) = ask(.sync(request, Self.origin(5))) else { return [] }
        #expect(response.errorCode == .none)
        return (try? ConsumerProtocol.assignment(response.assignment, Self.topics))?[Self.orders] ?? []
    }
}
