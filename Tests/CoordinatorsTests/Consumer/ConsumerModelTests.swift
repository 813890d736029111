import KafkaWire
import Testing
import WeirRuntime
import WeirSimulation

@testable import Coordinators

/// A client of KIP-848 as the model runs it: it owns what it was given until it gives it up.
private struct ModelClient {
    let id: String
    var instance: String?
    var topics: [String]
    var epoch: Int32 = 0
    /// What it works on.
    var owned = TopicPartitionSet()
    /// What it was told last; nil: it has done what that asks.
    var told: TopicPartitionSet?
    /// Whether it says all of itself next: the last answer was lost.
    var isUncertain = false
    var isAlive = true

    mutating func forget() {
        epoch = 0
        owned = TopicPartitionSet()
        told = nil
        isUncertain = false
    }

    /// Gives up what it is not to keep, and begins with the rest.
    mutating func followTold() {
        guard let told else { return }
        owned = told
        self.told = nil
    }
}

/// Clients, a coordinator, and what goes wrong between them, from a seed.
private struct ConsumerModel {
    var random: SeededRandom
    var harness: ConsumerHarness
    var clients: [ModelClient] = []
    var nextID = 0
    var lastEpoch: Int32 = 0
    var partitions: [String: Int32] = ["alpha": 6, "beta": 3, "gamma": 4]

    static let names = ["alpha", "beta", "gamma", "delta"]

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        var settings = GroupSettings()
        settings.regexRefreshMilliseconds = 500
        harness = ConsumerHarness(settings: settings, topics: Self.image(["alpha": 6, "beta": 3, "gamma": 4]))
    }

    static func image(_ partitions: [String: Int32]) -> TopicsImage {
        TopicsImage(
            partitions.map { name, count in
                .init(name: name, id: id(name), partitionCount: count)
            })
    }

    static func id(_ name: String) -> WireUUID {
        WireUUID(high: 5, low: UInt64(names.firstIndex(of: name)! + 1))
    }

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6: start()
        case 6..<62: beat(at: anyClient())
        case 62..<80: if let index = anyClient() { clients[index].followTold() }
        case 80..<83: leave()
        case 83..<85: crash()
        case 85..<88: if let index = anyClient() { clients[index].topics = anyTopics() }
        case 88..<90: changeTopics()
        case 90..<91: try restart()
        default: pass(milliseconds: Int64.random(in: 1...6_000, using: &random))
        }
        check()
    }

    private mutating func anyTopics() -> [String] {
        let some = Self.names.filter { _ in Bool.random(using: &random) }
        return some.isEmpty ? ["alpha"] : some
    }

    private mutating func anyClient() -> Int? {
        let alive = clients.indices.filter { clients[$0].isAlive }
        return alive.randomElement(using: &random)
    }

    private mutating func start() {
        guard clients.count(where: \.isAlive) < 6 else { return }
        nextID += 1
        var client = ModelClient(id: "member-\(nextID)", topics: anyTopics())
        if random.chance(0.3) {
            let instance = "static-\(Int.random(in: 0..<3, using: &random))"
            if !clients.contains(where: { $0.isAlive && $0.instance == instance }) { client.instance = instance }
        }
        clients.append(client)
    }

    /// A client's heartbeat; its answer may be lost.
    mutating func beat(at index: Int?, loses: Bool? = nil) {
        guard let index else { return }
        let client = clients[index]
        let isFull = client.epoch == 0 || client.isUncertain || random.chance(0.3)
        // Before it has given up what it was told to, it says that it still has it.
        let owned = client.owned
        let response = harness.heartbeat(client.id, epoch: client.epoch) { request in
            request.instanceId = client.instance
            request.topicPartitions = client.epoch == 0 ? [] : owned.wire
            if isFull { request.rebalanceTimeoutMs = 10_000 }
            request.subscribedTopicNames = client.topics
        }
        if loses ?? random.chance(0.1) {
            clients[index].isUncertain = true
            // What it was told before may be taken back by the answer that it did not get.
            clients[index].told = nil
            return
        }
        clients[index].isUncertain = false
        switch response.errorCode {
        case .none:
            clients[index].epoch = response.memberEpoch
            if let assignment = response.owned { clients[index].told = TopicPartitionSet(assignment.map { ($0, $1) }) }
        case .fencedMemberEpoch, .unknownMemberId, .fencedInstanceId, .groupIdNotFound:
            clients[index].forget()
        case .unreleasedInstanceId: break
        default: Issue.record("unexpected \(response.errorCode): \(response.errorMessage ?? "")")
        }
    }

    private mutating func leave() {
        guard let index = anyClient() else { return }
        let client = clients[index]
        clients[index].owned = TopicPartitionSet()
        clients[index].isAlive = false
        guard client.epoch > 0 else { return }
        let epoch: Int32 = client.instance != nil && random.chance(0.7) ? -2 : -1
        _ = harness.heartbeat(client.id, epoch: epoch) { $0.instanceId = client.instance }
    }

    private mutating func crash() {
        guard let index = anyClient() else { return }
        clients[index].isAlive = false
        clients[index].owned = TopicPartitionSet()
    }

    private mutating func changeTopics() {
        let name = Self.names.randomElement(using: &random)!
        switch partitions[name] {
        case nil: partitions[name] = Int32.random(in: 1...5, using: &random)
        case let count?: partitions[name] = random.chance(0.3) ? nil : min(count + 1, 9)
        }
        harness.setTopics(Self.image(partitions))
    }

    private mutating func restart() throws {
        let before = harness.group()?.durableState
        try harness.restart()
        #expect(harness.group()?.durableState == before)
    }

    mutating func pass(milliseconds: Int64) {
        harness.pass(milliseconds: milliseconds)
        dropExpired()
    }

    /// A client whose session or time to give up partitions ended knows that itself, by its own clock.
    private mutating func dropExpired() {
        let members = harness.group()?.members ?? [:]
        for index in clients.indices where clients[index].epoch > 0 && members[clients[index].id] == nil {
            clients[index].forget()
        }
    }

    /// What must hold at every moment.
    func check() {
        var owner: [String: String] = [:]
        for client in clients where client.isAlive {
            client.owned.forEach { topic, partition in
                let other = owner.updateValue(client.id, forKey: "\(topic)-\(partition)")
                #expect(other == nil, "\(client.id) and \(other ?? "") both own \(topic)-\(partition)")
            }
        }
        guard let group = harness.group() else { return }
        #expect(group.epoch >= group.targetEpoch)
        var owners = 0
        for (id, member) in group.members {
            #expect(member.current.assigned.isDisjoint(with: member.current.pendingRevocation))
            #expect(member.current.epoch <= group.targetEpoch)
            member.current.owned.forEach { topic, partition in
                owners += 1
                #expect(group.owners[topic]?[partition] == id, "\(topic)-\(partition) is not \(id)'s alone")
            }
        }
        #expect(owners == group.owners.values.reduce(0) { $0 + $1.count })
    }

    /// Nothing goes wrong any more, and everybody speaks in time: who lives gets its part.
    mutating func settle() {
        for _ in 0..<40 {
            for index in clients.indices where clients[index].isAlive {
                beat(at: index, loses: false)
                clients[index].followTold()
                check()
            }
            pass(milliseconds: 3_000)
        }
        let alive = clients.filter(\.isAlive)
        guard let group = harness.group(), !alive.isEmpty else { return }
        #expect(group.stateName == "Stable")
        #expect(Set(group.members.keys) == Set(alive.map(\.id)))
        var wanted = TopicPartitionSet()
        for name in Set(alive.flatMap(\.topics)) {
            for partition in 0..<(partitions[name] ?? 0) { wanted.insert(Self.id(name), partition) }
        }
        #expect(alive.reduce(TopicPartitionSet()) { $0.union($1.owned) } == wanted)
        for client in alive { #expect(client.owned == group.targets[client.id]) }
    }
}

extension TopicPartitionSet {
    fileprivate var wire: [ConsumerGroupHeartbeatRequest.TopicPartitions] {
        sorted.map { topic, partitions in
            var value = ConsumerGroupHeartbeatRequest.TopicPartitions()
            value.topicId = topic
            value.partitions = partitions
            return value
        }
    }
}

@Suite("Groups of KIP-848, from seeds")
struct ConsumerModelTests {
    @Test(
        "whatever happens, no partition has two owners, the log gives the state, and all ends balanced",
        arguments: UInt64(1)...60)
    func model(_ seed: UInt64) throws {
        var model = ConsumerModel(seed: seed)
        for _ in 0..<300 { try model.step() }
        model.settle()
    }
}
