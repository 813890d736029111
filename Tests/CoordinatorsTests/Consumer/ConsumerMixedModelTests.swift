import KafkaWire
import NIOCore
import Testing
import WeirSimulation

@testable import Coordinators

/// A consumer that speaks either protocol, as its life needs it.
private struct MixedClient {
    enum Speech {
        /// KIP-848.
        case consumer
        /// The classic protocol; gives everything up before it joins.
        case eager
        /// The classic protocol; gives up what it is told to, and joins again.
        case cooperative
    }

    let name: String
    let speech: Speech
    var isAlive = true
    var memberID: String
    /// The epoch, or the generation.
    var epoch: Int32
    var owned = TopicPartitionSet()
    /// What the last heartbeat told; nil: that is done.
    var told: TopicPartitionSet?
    var needsJoin = true
    var join: Ticket?
    var sync: Ticket?

    init(name: String, speech: Speech) {
        self.name = name
        self.speech = speech
        memberID = speech == .consumer ? name : ""
        epoch = speech == .consumer ? 0 : -1
    }

    /// It was put out: it owns nothing any more, and begins anew.
    mutating func lose() {
        owned = TopicPartitionSet()
        told = nil
        join = nil
        sync = nil
        needsJoin = true
        if speech == .consumer { epoch = 0 } else { (memberID, epoch) = ("", -1) }
    }
}

/// A group in which clients of both protocols come and go, so that it changes its own.
private struct MixedModel {
    var random: SeededRandom
    var harness: ConsumerHarness
    var clients: [MixedClient] = []
    var upgrades = 0
    var downgrades = 0
    private var wasConsumer = false

    static let topics = TopicsImage([
        .init(name: "alpha", id: WireUUID(high: 6, low: 1), partitionCount: 5),
        .init(name: "beta", id: WireUUID(high: 6, low: 2), partitionCount: 3),
    ])
    static let all = TopicPartitionSet(topics.topics.map { ($0.id, Array(0..<$0.partitionCount)) })

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        harness = ConsumerHarness(topics: Self.topics)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<5: start()
        case 5..<8: leave(anyClient())
        case 8..<10: kill(anyClient())
        case 10..<80: if let index = anyClient() { try act(index) }
        case 80..<82: try restart()
        default: pass(Int64.random(in: 1...3_000, using: &random))
        }
        check()
    }

    private mutating func anyClient() -> Int? {
        clients.indices.filter { clients[$0].isAlive }.randomElement(using: &random)
    }

    private mutating func start() {
        guard clients.count(where: \.isAlive) < 5 else { return }
        let speech: MixedClient.Speech = [.consumer, .eager, .cooperative].randomElement(using: &random)!
        // Members of a classic group must have an assignor in common, and those that join it must know of it.
        clients.append(MixedClient(name: "client-\(clients.count)", speech: speech))
    }

    private mutating func leave(_ index: Int?) {
        guard let index else { return }
        let client = clients[index]
        kill(index)
        if client.speech == .consumer {
            if client.epoch > 0 { _ = harness.heartbeat(client.memberID, epoch: -1) }
        } else if !client.memberID.isEmpty {
            var request = LeaveGroupRequest()
            request.groupId = "g"
            var identity = LeaveGroupRequest.MemberIdentity()
            identity.memberId = client.memberID
            request.members = [identity]
            _ = harness.ask(.leave(request, ConsumerHarness.origin(5)))
        }
        noteProtocol()
    }

    private mutating func kill(_ index: Int?) {
        guard let index else { return }
        clients[index].isAlive = false
        clients[index].owned = TopicPartitionSet()
    }

    private mutating func restart() throws {
        let before = harness.group()?.durableState
        try harness.restart()
        if let before { #expect(harness.group()?.durableState == before) }
        // Whoever waited is refused by the shell, and asks again.
        for index in clients.indices where clients[index].join != nil || clients[index].sync != nil {
            clients[index].join = nil
            clients[index].sync = nil
            clients[index].needsJoin = true
        }
    }

    mutating func pass(_ milliseconds: Int64) {
        harness.pass(milliseconds: milliseconds)
        noteProtocol()
        // A client knows when its session is over.
        let members: Set<String>
        switch harness.machine.groups["g"] {
        case .consumer(let group): members = Set(group.members.keys)
        case .classic(let group): members = Set(group.members.keys).union(group.pendingJoins)
        case nil: members = []
        }
        for index in clients.indices where clients[index].isAlive && !members.contains(clients[index].memberID) {
            if !clients[index].owned.isEmpty || clients[index].epoch > 0 { clients[index].lose() }
        }
    }

    private mutating func noteProtocol() {
        let isConsumer = harness.group() != nil
        if isConsumer && !wasConsumer { upgrades += 1 }
        if !isConsumer && wasConsumer { downgrades += 1 }
        wasConsumer = isConsumer
    }

    func check() {
        var owner: [String: String] = [:]
        for client in clients where client.isAlive {
            client.owned.forEach { topic, partition in
                let other = owner.updateValue(client.name, forKey: "\(topic)-\(partition)")
                #expect(other == nil, "\(client.name) and \(other ?? "") both own \(topic)-\(partition)")
            }
        }
    }

    /// Everybody goes on in time, and nothing else happens: all that there is has an owner.
    mutating func settle() throws {
        for _ in 0..<60 {
            for index in clients.indices where clients[index].isAlive {
                try act(index)
                check()
            }
            pass(1_500)
        }
        let alive = clients.filter(\.isAlive)
        guard !alive.isEmpty else { return }
        let owned = alive.reduce(TopicPartitionSet()) { $0.union($1.owned) }
        #expect(owned == Self.all, "\(Self.all.subtracting(owned).sorted) has no owner")
    }
}

// What a client does next.
extension MixedModel {
    mutating func act(_ index: Int) throws {
        if clients[index].speech == .consumer { beat(index) } else { try goOn(index) }
        noteProtocol()
    }

    private mutating func beat(_ index: Int) {
        let client = clients[index]
        if let told = client.told { (clients[index].owned, clients[index].told) = (told, nil) }
        let owned = clients[index].owned
        let response = harness.heartbeat(client.memberID, epoch: client.epoch) { request in
            request.subscribedTopicNames = ["alpha", "beta"]
            request.rebalanceTimeoutMs = 20_000
            request.topicPartitions = owned.sorted.map { topic, partitions in
                var item = ConsumerGroupHeartbeatRequest.TopicPartitions()
                item.topicId = topic
                item.partitions = partitions
                return item
            }
        }
        switch response.errorCode {
        case .none:
            clients[index].epoch = response.memberEpoch
            if let told = response.owned { clients[index].told = TopicPartitionSet(told.map { ($0, $1) }) }
        case .fencedMemberEpoch, .unknownMemberId, .groupIdNotFound: clients[index].lose()
        default: Issue.record("unexpected \(response.errorCode.name)")
        }
    }

    private mutating func goOn(_ index: Int) throws {
        if let ticket = clients[index].join {
            guard let answer = harness.takeAnswer(ticket) else { return }
            clients[index].join = nil
            if case .join(let response) = answer { try joined(index, response) }
        } else if let ticket = clients[index].sync {
            guard let answer = harness.takeAnswer(ticket) else { return }
            clients[index].sync = nil
            if case .sync(let response) = answer { try synced(index, response) }
        } else if clients[index].needsJoin {
            sendJoin(index)
        } else {
            heartbeat(index)
        }
    }

    private mutating func sendJoin(_ index: Int) {
        if clients[index].speech == .eager { clients[index].owned = TopicPartitionSet() }
        var subscription = ConsumerProtocolSubscription()
        subscription.topics = ["alpha", "beta"]
        subscription.ownedPartitions = clients[index].owned.sorted.map { topic, partitions in
            var item = ConsumerProtocolSubscription.TopicPartition()
            item.topic = Self.topics[id: topic]?.name ?? ""
            item.partitions = partitions
            return item
        }
        var proto = JoinGroupRequest.JoinGroupRequestProtocol()
        proto.name = "model"
        proto.metadata = GroupRecords.encode(subscription, version: 1)
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = clients[index].memberID
        request.protocolType = "consumer"
        request.sessionTimeoutMs = 30_000
        request.rebalanceTimeoutMs = 20_000
        request.protocols = [proto]
        let fresh = "\(clients[index].name)-\(harness.log.count)-\(Int.random(in: 0..<1_000_000, using: &random))"
        clients[index].needsJoin = false
        clients[index].join = harness.send(.join(request, ConsumerHarness.origin(9), memberID: fresh))
    }

    private mutating func joined(_ index: Int, _ response: JoinGroupResponse) throws {
        guard response.errorCode == .none else {
            clients[index].needsJoin = true
            switch response.errorCode {
            case .memberIdRequired: clients[index].memberID = response.memberId
            case .unknownMemberId: clients[index].lose()
            case .rebalanceInProgress: break
            default: Issue.record("unexpected \(response.errorCode.name)")
            }
            return
        }
        clients[index].memberID = response.memberId
        clients[index].epoch = response.generationId
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = response.memberId
        request.generationId = response.generationId
        request.protocolType = "consumer"
        request.protocolName = response.protocolName
        if response.leader == response.memberId { request.assignments = try assignments(response.members) }
        clients[index].sync = harness.send(.sync(request, ConsumerHarness.origin(5)))
    }

    /// What a leader assigns: in turn, but nothing that another one has not given up.
    private func assignments(
        _ members: [JoinGroupResponse.JoinGroupResponseMember]
    ) throws -> [SyncGroupRequest.SyncGroupRequestAssignment] {
        var claims: [TopicPartitionSet] = []
        for member in members {
            let owned = try ConsumerProtocol.subscription(member.metadata).ownedPartitions
            claims.append(
                TopicPartitionSet(owned.compactMap { item in Self.topics[item.topic].map { ($0.id, item.partitions) } })
            )
        }
        var shares = members.map { _ in TopicPartitionSet() }
        var turn = 0
        for (topic, partitions) in Self.all.sorted {
            for partition in partitions {
                let next = turn % members.count
                turn += 1
                let isClaimed = claims.indices.contains { $0 != next && claims[$0].contains(topic, partition) }
                if !isClaimed { shares[next].insert(topic, partition) }
            }
        }
        return zip(members, shares).map { member, share in
            var item = SyncGroupRequest.SyncGroupRequestAssignment()
            item.memberId = member.memberId
            item.assignment = ConsumerProtocol.bytes(share, answering: member.metadata, Self.topics)
            return item
        }
    }

    private mutating func synced(_ index: Int, _ response: SyncGroupResponse) throws {
        switch response.errorCode {
        case .none:
            let told = try ConsumerProtocol.assignment(response.assignment, Self.topics)
            let givesUp = !clients[index].owned.isSubset(of: told)
            clients[index].owned = told
            if givesUp { clients[index].needsJoin = true }
        case .rebalanceInProgress: clients[index].needsJoin = true
        case .illegalGeneration, .unknownMemberId: clients[index].lose()
        default: Issue.record("unexpected \(response.errorCode.name)")
        }
    }

    private mutating func heartbeat(_ index: Int) {
        var request = HeartbeatRequest()
        request.groupId = "g"
        request.memberId = clients[index].memberID
        request.generationId = clients[index].epoch
        guard case .heartbeat(let response) = harness.ask(.heartbeat(request, ConsumerHarness.origin(4))) else {
            return
        }
        switch response.errorCode {
        case .none: break
        case .rebalanceInProgress: clients[index].needsJoin = true
        case .illegalGeneration, .unknownMemberId: clients[index].lose()
        default: Issue.record("unexpected \(response.errorCode.name)")
        }
    }
}

@Suite("Groups that change their protocol, from seeds")
struct ConsumerMixedModelTests {
    @Test(
        "with clients of both protocols no partition has two owners, and in the end each has one",
        arguments: UInt64(1)...60)
    func model(_ seed: UInt64) throws {
        var model = MixedModel(seed: seed)
        for _ in 0..<400 { try model.step() }
        try model.settle()
    }

    @Test("the clients do make the group change its protocol, both ways")
    func changes() throws {
        var (upgrades, downgrades) = (0, 0)
        for seed in UInt64(100)..<120 {
            var model = MixedModel(seed: seed)
            for _ in 0..<400 { try model.step() }
            upgrades += model.upgrades
            downgrades += model.downgrades
        }
        #expect(upgrades > 20)
        #expect(downgrades > 8)
    }
}
