import KafkaWire
import NIOCore
import WeirRuntime
import WeirSimulation

@testable import Coordinators

/// Clients of a group coordinator, most of which do as they should, under a seed.
///
/// What it checks is what clients rely on: a partition has one owner in a generation, generations do not go back,
/// everybody is answered once, and a coordinator that replays the log is the one that wrote it.
struct GroupModel {
    struct Broken: Error, CustomStringConvertible {
        var description: String
    }

    struct Client {
        var name: String
        var group: String
        var memberID = ""
        var instanceID: String?
        var generation: Int32 = -1
        var isLeader = false
        var members: [String] = []
        var phase = Phase.out
        var origin: RequestOrigin

        enum Phase { case out, waiting, joined, assigned }
    }

    private struct Asked {
        var client: Int?
        var group: String
        /// Who the client was when it asked, and in which generation; it may have forgotten since.
        var owner = ""
        var generation: Int32 = -1
        /// Whether the answer may come later; everything else is answered in the step itself.
        var mayWait: Bool
    }

    /// A generation that was assigned in one life of a group, which ends when it is deleted.
    private struct Assigned: Hashable {
        var group: String
        var life: Int
        var generation: Int32
    }

    private(set) var world: GroupWorld
    private enum Wildness { case tame, wild }

    private var random: SeededRandom
    private var wildness = Wildness.tame
    private var clients: [Client] = []
    private var asked: [Ticket: Asked] = [:]
    private var owners: [Assigned: [String: String]] = [:]
    private var lives: [String: Int] = [:]
    private var livesCounted = 0
    private var latest: [String: (life: Int, generation: Int32)] = [:]
    private var joins = 0
    private var settings = GroupSettings()
    private(set) var history: [String] = []

    /// How many generations had partitions of two members or more: what there was to check.
    var sharedGenerations: Int { owners.values.filter { Set($0.values).count > 1 }.count }

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        wildness = random.chance(0.5) ? .tame : .wild
        settings.initialRebalanceDelayMilliseconds = [0, 3_000].randomElement(using: &random) ?? 0
        settings.offsetsRetentionMilliseconds = 3_600_000
        world = GroupWorld(settings: settings, topics: Self.topics(["t", "u"]))
        for number in 0..<7 {
            var client = Client(
                name: "c\(number)", group: number < 5 ? "g" : "h",
                origin: RequestOrigin(
                    version: [0, 3, 5, 9].randomElement(using: &random) ?? 9, clientID: "c\(number)", clientHost: "/"))
            // Two of them believe to be the same static member.
            if client.origin.version >= 5, random.chance(0.4) { client.instanceID = number < 2 ? "same" : "i\(number)" }
            clients.append(client)
        }
    }

    /// Lets something happen.
    mutating func turn() throws {
        switch Int.random(in: 0..<1_000, using: &random) {
        case 0..<(wildness == .tame ? 30 : 100): try misbehave()
        case 100..<150: try transact()
        case 150..<190: try useTools()
        case 190..<310: pass(milliseconds: Int64.random(in: 0..<2_000, using: &random))
        case 310..<325: pass(milliseconds: Int64.random(in: 0..<70_000, using: &random))
        case 325..<328: pass(milliseconds: Int64.random(in: 0..<2 * 3_600_000, using: &random))
        case 330..<345: try restart()
        case 345..<355: try change()
        default: try act(Int.random(in: 0..<clients.count, using: &random))
        }
        if random.chance(0.8) { try commit() }
        try checkMachine()
    }

    /// Everybody is silent from now on: all members go, and nobody is left waiting.
    mutating func end() throws {
        try commit()
        pass(milliseconds: 2 * 3_600_000)
        pass(milliseconds: 2 * 3_600_000)
        try commit()
        guard world.waiting.isEmpty else {
            throw Broken(description: "\(world.waiting.count) tickets were forgotten")
        }
        for (id, group) in world.machine.groups where !group.isEmpty {
            throw Broken(description: "group \(id) has silent members: \(group)")
        }
        guard world.machine.work.deadlines.count == 1 else {
            throw Broken(description: "\(world.machine.work.deadlines.count) deadlines, where only expiry has one")
        }
        try checkReplay()
    }

    /// A machine that replays what this one wrote has its durable state.
    func checkReplay() throws {
        let twin = try world.replayed()
        let state = try world.machine.durableState(like: twin)
        let replayed = try twin.durableState(like: world.machine)
        guard state == replayed else {
            throw Broken(description: "the state is\n\(state)\nand what the log says is\n\(replayed)")
        }
    }
}

// What happens.
extension GroupModel {
    private mutating func ask(_ request: GroupRequest, client: Int? = nil, group: String) throws {
        let before = world.inFlight.count
        history.append("\(world.time.wallMilliseconds) \(client.map { clients[$0].name } ?? "-"): \(request)")
        let ticket = world.step(request)
        var mayWait = false
        var mayWrite = true
        switch request {
        case .join, .sync: mayWait = true
        case .heartbeat, .fetchOffsets, .describe, .list, .describeConsumer: mayWrite = false
        default: break
        }
        var question = Asked(client: client, group: group, mayWait: mayWait)
        if case .sync(let sync, _) = request {
            question.owner = sync.groupInstanceId ?? sync.memberId
            question.generation = sync.generationId
        }
        asked[ticket] = question
        let effects = world.inFlight[before...]
        if !mayWrite, effects.contains(where: { !$0.records.isEmpty }) {
            throw Broken(description: "\(request) changed the log")
        }
        if !mayWait, !effects.contains(where: { $0.responses.contains { $0.ticket == ticket } }) {
            throw Broken(description: "\(request) was not answered at once")
        }
    }

    private mutating func act(_ index: Int) throws {
        switch clients[index].phase {
        case .waiting: break
        case .out: try join(index)
        case .joined: try sync(index, clients[index].isLeader ? assignment(over: clients[index].members) : [])
        case .assigned:
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6: try heartbeat(index)
            case 6..<8: try commitOffsets(index, generation: clients[index].generation)
            case 8: try join(index)
            default: try leave(index)
            }
        }
    }

    private mutating func join(_ index: Int, type: String = "consumer", protocols: [String]? = nil) throws {
        let client = clients[index]
        var request = JoinGroupRequest()
        request.groupId = client.group
        request.memberId = client.memberID
        request.groupInstanceId = client.instanceID
        request.protocolType = type
        request.sessionTimeoutMs = [6_000, 30_000, 60_000].randomElement(using: &random) ?? 6_000
        request.rebalanceTimeoutMs = [5_000, 20_000, 60_000].randomElement(using: &random) ?? 5_000
        let names =
            protocols ?? [["range"], ["sticky", "range"], ["range", "sticky"]].randomElement(using: &random) ?? []
        request.protocols = names.map { name in
            var offered = JoinGroupRequest.JoinGroupRequestProtocol()
            offered.name = name
            var subscription = ConsumerProtocolSubscription()
            subscription.topics = ["t"]
            offered.metadata = GroupRecords.encode(subscription, version: 0)
            return offered
        }
        joins += 1
        clients[index].phase = .waiting
        try ask(.join(request, client.origin, memberID: "\(client.name)-\(joins)"), client: index, group: client.group)
    }

    private mutating func sync(
        _ index: Int, _ assignments: [SyncGroupRequest.SyncGroupRequestAssignment], generation: Int32? = nil
    ) throws {
        let client = clients[index]
        var request = SyncGroupRequest()
        request.groupId = client.group
        request.memberId = client.memberID
        request.groupInstanceId = client.instanceID
        request.generationId = generation ?? client.generation
        request.assignments = assignments
        clients[index].phase = .waiting
        try ask(.sync(request, client.origin), client: index, group: client.group)
    }

    /// Every partition to one of the members; another one each time.
    private mutating func assignment(over members: [String]) -> [SyncGroupRequest.SyncGroupRequestAssignment] {
        var shares: [String: [String]] = [:]
        for partition in 0..<3 {
            guard let member = members.randomElement(using: &random) else { return [] }
            shares[member, default: []].append("t-\(partition)")
        }
        return shares.sorted { $0.key < $1.key }.map { member, partitions in
            var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
            assignment.memberId = member
            assignment.assignment = ByteBuffer(string: partitions.joined(separator: ","))
            return assignment
        }
    }

    private mutating func heartbeat(_ index: Int, generation: Int32? = nil) throws {
        let client = clients[index]
        var request = HeartbeatRequest()
        request.groupId = client.group
        request.memberId = client.memberID
        request.groupInstanceId = client.instanceID
        request.generationId = generation ?? client.generation
        try ask(.heartbeat(request, client.origin), client: index, group: client.group)
    }

    private mutating func leave(_ index: Int) throws {
        let client = clients[index]
        var member = LeaveGroupRequest.MemberIdentity()
        member.memberId = random.chance(0.2) ? "" : client.memberID
        member.groupInstanceId = client.instanceID
        var request = LeaveGroupRequest()
        request.groupId = client.group
        request.members = [member]
        try ask(.leave(request, client.origin), client: index, group: client.group)
    }

    private mutating func commitOffsets(_ index: Int, generation: Int32) throws {
        let client = clients[index]
        var partition = OffsetCommitRequest.OffsetCommitRequestPartition()
        partition.partitionIndex = Int32.random(in: 0..<3, using: &random)
        partition.committedOffset = Int64.random(in: 0..<1_000, using: &random)
        partition.committedMetadata = random.chance(0.05) ? String(repeating: "m", count: 5_000) : "m"
        var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
        topic.name = ["t", "u"].randomElement(using: &random) ?? "t"
        topic.partitions = [partition]
        var request = OffsetCommitRequest()
        request.groupId = client.group
        request.memberId = generation < 0 ? "" : client.memberID
        request.groupInstanceId = generation < 0 ? nil : client.instanceID
        request.generationIdOrMemberEpoch = generation
        if client.origin.version < 5, random.chance(0.2) { request.retentionTimeMs = 60_000 }
        request.topics = [topic]
        try ask(.commit(request, client.origin), client: index, group: client.group)
    }

    private mutating func misbehave() throws {
        let index = Int.random(in: 0..<clients.count, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 8: try leave(index)
        case 9:
            // Asks again though the answer is still to come.
            if random.chance(0.5) { try join(index) } else { try sync(index, []) }
        case 0: try heartbeat(index, generation: Int32.random(in: -1..<5, using: &random))
        case 1:
            // Not the leader, and assigns; or with an old generation.
            let members = clients.filter { $0.group == clients[index].group }.map(\.memberID)
            let delta = Int32.random(in: -1...1, using: &random)
            try sync(index, assignment(over: members), generation: clients[index].generation + delta)
        case 2: try join(index, protocols: [["zebra"], [], ["range"]].randomElement(using: &random) ?? [])
        case 3: try join(index, type: "connect")
        case 4:
            // Somebody else's id.
            let other = clients.randomElement(using: &random)?.memberID ?? ""
            clients[index].memberID = other
            try heartbeat(index)
        case 5: try commitOffsets(index, generation: Int32.random(in: -1..<5, using: &random))
        case 6:
            // The client is started again and knows nothing.
            clients[index].memberID = ""
            clients[index].generation = -1
            clients[index].phase = .out
        default: clients[index].phase = .out
        }
    }

    private mutating func transact() throws {
        let producer = ProducerIdentity(id: Int64.random(in: 1...3, using: &random), epoch: 0)
        let group = random.chance(0.7) ? "g" : "only-offsets"
        if random.chance(0.5) {
            let outcome: TransactionOutcome = random.chance(0.6) ? .committed : .aborted
            return try ask(.transactionEnded(TransactionEnd(producer: producer, outcome: outcome)), group: group)
        }
        var partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition()
        partition.partitionIndex = Int32.random(in: 0..<3, using: &random)
        partition.committedOffset = Int64.random(in: 0..<1_000, using: &random)
        var topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
        topic.name = ["t", "u"].randomElement(using: &random) ?? "t"
        topic.partitions = [partition]
        var request = TxnOffsetCommitRequest()
        request.groupId = group
        request.producerId = producer.id
        request.topics = [topic]
        try ask(
            .transactionalCommit(request, RequestOrigin(version: 3, clientID: "p", clientHost: "/")), group: group)
    }

    private mutating func useTools() throws {
        let group = ["g", "h", "only-offsets", "none"].randomElement(using: &random) ?? "g"
        let origin = RequestOrigin(version: 6, clientID: "tool", clientHost: "/")
        switch Int.random(in: 0..<5, using: &random) {
        case 0: try ask(.describe(group: group, origin), group: group)
        case 1: try ask(.list(ListGroupsRequest()), group: group)
        case 2: try ask(.delete(group: group), group: group)
        case 3:
            var request = OffsetFetchRequest.OffsetFetchRequestGroup()
            request.groupId = group
            request.topics = nil
            try ask(.fetchOffsets(request, requireStable: random.chance(0.5), origin), group: group)
        default:
            var partition = OffsetDeleteRequest.OffsetDeleteRequestPartition()
            partition.partitionIndex = 1
            var topic = OffsetDeleteRequest.OffsetDeleteRequestTopic()
            topic.name = ["t", "u"].randomElement(using: &random) ?? "t"
            topic.partitions = [partition]
            var request = OffsetDeleteRequest()
            request.groupId = group
            request.topics = [topic]
            try ask(.deleteOffsets(request), group: group)
        }
    }

    private mutating func change() throws {
        if random.chance(0.5) {
            let names = [["t", "u"], ["t"], ["t", "u", "v"]].randomElement(using: &random) ?? []
            try ask(.topicsChanged(Self.topics(names)), group: "")
        } else {
            settings.groupSizeMax = [2, 3, .max].randomElement(using: &random) ?? .max
            try ask(.settingsChanged(settings), group: "")
        }
    }

    private static func topics(_ names: [String]) -> TopicsImage {
        TopicsImage(
            names.map { TopicsImage.Topic(name: $0, id: WireUUID(high: 1, low: UInt64($0.count)), partitionCount: 6) })
    }

    private mutating func pass(milliseconds: Int64) {
        history.append("\(world.time.wallMilliseconds) passes \(milliseconds)")
        world.pass(milliseconds: milliseconds)
    }

    private mutating func restart() throws {
        try checkReplay()
        history.append("restart")
        for ticket in try world.restart() {
            // The client asks again, as who it was.
            if let client = asked.removeValue(forKey: ticket)?.client { clients[client].phase = .out }
        }
    }
}

// What comes of it.
extension GroupModel {
    private mutating func commit() throws {
        for answer in try world.commit() {
            countLives(upTo: answer.logCount)
            guard let question = asked.removeValue(forKey: answer.ticket) else { continue }
            history.append("  \(answer.response)")
            guard let index = question.client else { continue }
            try take(answer.response, index, question)
        }
    }

    private mutating func countLives(upTo count: Int) {
        while livesCounted < count {
            if case .record(let record, _) = world.log[livesCounted], record.value == nil {
                var key = record.key
                if key.readInteger(as: Int16.self) == 2, let group = try? GroupMetadataKey.read(from: &key, version: 2)
                {
                    lives[group.group, default: 0] += 1
                }
            }
            livesCounted += 1
        }
    }

    private mutating func take(_ response: GroupResponse, _ index: Int, _ question: Asked) throws {
        switch response {
        case .join(let join):
            clients[index].phase = .out
            switch join.errorCode {
            case .none:
                clients[index].memberID = join.memberId
                clients[index].generation = join.generationId
                clients[index].isLeader = join.leader == join.memberId && !join.skipAssignment
                clients[index].members = join.members.map(\.memberId)
                clients[index].phase = .joined
            case .memberIdRequired: clients[index].memberID = join.memberId
            case .unknownMemberId, .fencedInstanceId, .groupMaxSizeReached: clients[index].memberID = ""
            default: break
            }
        case .sync(let sync):
            clients[index].phase = sync.errorCode == .none ? .assigned : .out
            if sync.errorCode == .none { try own(String(buffer: sync.assignment), question) }
        case .heartbeat(let heartbeat): follow(heartbeat.errorCode, index)
        case .leave(let leave):
            let code = leave.members.first?.errorCode ?? ErrorCode.none
            if code == ErrorCode.none { follow(.unknownMemberId, index) }
        default: break
        }
    }

    private mutating func follow(_ code: ErrorCode, _ index: Int) {
        guard code != .none else { return }
        if clients[index].phase != .waiting { clients[index].phase = .out }
        if code == .unknownMemberId || code == .fencedInstanceId { clients[index].memberID = "" }
    }

    /// A client was told what it owns: nobody else may have been told so in this generation.
    private mutating func own(_ partitions: String, _ question: Asked) throws {
        let group = question.group
        let generation = Assigned(group: group, life: lives[group, default: 0], generation: question.generation)
        let me = question.owner
        for partition in partitions.split(separator: ",").map(String.init) {
            if let owner = owners[generation, default: [:]][partition], owner != me {
                throw Broken(description: "\(partition) of \(generation) belongs to \(owner) and to \(me)")
            }
            owners[generation, default: [:]][partition] = me
        }
        if let last = latest[group], last.life == generation.life, last.generation > generation.generation {
            throw Broken(description: "\(group) went back from \(last) to \(generation)")
        }
        latest[group] = (generation.life, generation.generation)
    }

    private func checkMachine() throws {
        var deadlines = 1
        var held = Set(world.inFlight.flatMap { $0.responses.map(\.ticket) })
        for (id, group) in world.machine.groups {
            guard case .classic(let group) = group else { continue }
            let joining = group.members.values.filter { $0.join != nil }.count
            try check(group.joiningCount == joining, "\(id) counts \(group.joiningCount) joins, not \(joining)")
            try check(group.pendingSyncs.isSubset(of: group.members.keys), "\(id) waits for syncs of strangers")
            try check(group.pendingJoins.isDisjoint(with: group.members.keys), "\(id) waits for joins of members")
            try check(group.members.isEmpty == (group.leader == nil), "\(id) is led by \(group.leader ?? "nobody")")
            try check(group.leader.map { group.members[$0] != nil } ?? true, "\(id) is led by a stranger")
            try check(group.isEmptyIfItSaysSo, "\(id) is \(group.state) with \(group.members.count) members")
            for member in group.members.values {
                held.formUnion([member.join?.ticket, member.sync].compactMap(\.self))
            }
            let instances = group.members.values.compactMap(\.instanceID)
            try check(Set(instances) == Set(group.staticMembers.keys), "\(id) mistakes its static members")
            try check(!group.isVacant, "\(id) is kept though nothing is left of it")
            deadlines += group.members.count + group.pendingJoins.count + 2
            for member in group.members.values where !member.isWaitingForOthers {
                let session = world.machine.work.deadlines[.session(group: id, member: member.id)]
                try check(session != nil, "\(id) would never miss \(member.id)")
            }
        }
        try check(held == world.waiting, "\(world.waiting.subtracting(held)) wait for nothing")
        let count = world.machine.work.deadlines.count
        try check(count <= deadlines, "there are \(count) deadlines, for what needs \(deadlines)")
    }

    private func check(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw Broken(description: what()) }
    }
}

extension ClassicGroup {
    fileprivate var isEmptyIfItSaysSo: Bool {
        switch state {
        case .empty: members.isEmpty
        case .completingRebalance, .stable: !members.isEmpty
        case .preparingRebalance: true
        }
    }
}
