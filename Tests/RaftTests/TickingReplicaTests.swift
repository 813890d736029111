import Raft
import Testing
import WeirSimulation

/// Groups of replicas in one process, with a network that loses and delays; everything under a seed.
///
/// Two worlds of one seed see the same requests and the same network as long as their replicas do the same.
private struct World {
    enum Ticking {
        /// Every replica at every tick.
        case each
        /// Those that the schedule visits.
        case scheduled
    }

    private struct Node {
        var replica: Replica
        var storage: MemoryStorage
        var applied: LogIndex = 0
    }

    static let groupCount = 6
    static let replicaCount = 4

    let ticking: Ticking
    private var random: SeededRandom
    private var nodes: [Node] = []
    private var network: [(due: Int, place: Int, message: Message)] = []
    private var schedule = TickSchedule()
    private var now = 0
    /// What every replica did.
    private(set) var transcript: [String] = []
    /// How often a replica was ticked.
    private(set) var tickCalls = 0

    init(_ ticking: Ticking, seed: UInt64) {
        self.ticking = ticking
        random = SeededRandom(seed: seed)
        let preVote = random.oneIn(2)
        let checkQuorum = random.oneIn(2)
        for group in 0..<Self.groupCount {
            let heartbeatTicks = random.integer(1...4)
            let electionTicks = heartbeatTicks + random.integer(1...12)
            for member in 1...Self.replicaCount {
                var configuration = ReplicaConfiguration(id: ReplicaID(UInt64(member)))
                configuration.preVote = preVote
                configuration.checkQuorum = checkQuorum
                configuration.heartbeatTicks = heartbeatTicks
                configuration.electionTicks = electionTicks
                let storage = MemoryStorage(configuration: ConfigurationState(voters: [1, 2, 3], learners: [4]))
                let replica = Replica(
                    configuration, storage: storage,
                    random: SeededRandom(seed: seed &* 1_000 + UInt64(group * 10 + member)))
                nodes.append(Node(replica: replica, storage: storage))
                let slot = schedule.add(ticksUntilDue: replica.ticksUntilDue)
                precondition(slot == nodes.count - 1, "slots are places")
            }
        }
    }

    mutating func run(ticks: Int) {
        for _ in 0..<ticks {
            now += 1
            tick()
            deliver()
            if random.oneIn(2) { request() }
            for place in nodes.indices { handleReady(place) }
        }
    }

    private mutating func tick() {
        switch ticking {
        case .each:
            tickCalls += nodes.count
            for node in nodes { node.replica.tick() }
        case .scheduled:
            let nodes = nodes
            var calls = 0
            schedule.tick { slot, ticks in
                calls += 1
                nodes[slot].replica.tick(ticks)
                return nodes[slot].replica.ticksUntilDue
            }
            tickCalls += calls
        }
    }

    /// Does something with a replica, which has seen all ticks before.
    private mutating func with(_ place: Int, _ body: (Replica) -> Void) {
        let replica = nodes[place].replica
        if ticking == .scheduled { replica.tick(schedule.catchUp(place)) }
        body(replica)
        if ticking == .scheduled { schedule.reschedule(place, ticksUntilDue: replica.ticksUntilDue) }
    }

    private mutating func deliver() {
        let arrived = network.filter { $0.due <= now }
        network.removeAll { $0.due <= now }
        for (_, place, message) in arrived {
            with(place) { replica in
                do { try replica.step(message) } catch { _ = error }
            }
        }
    }

    private mutating func request() {
        let place = random.integer(0...nodes.count - 1)
        let target = ReplicaID(UInt64(random.integer(1...3)))
        let kind = random.integer(0...20)
        with(place) { replica in
            switch kind {
            case 0: replica.campaign()
            case 1: replica.transferLeadership(to: target)
            case 2: replica.forgetLeader()
            case 3: replica.reportUnreachable(target)
            case 4...8: replica.readIndex(Payload(handle: 7, byteCount: 1))
            default: try? replica.propose([Payload(byteCount: 10)])
            }
        }
    }

    private mutating func handleReady(_ place: Int) {
        while nodes[place].replica.hasReady {
            let ready = nodes[place].replica.ready()
            let node = nodes[place]
            if let state = ready.hardState { node.storage.hardState = state }
            if let snapshot = ready.snapshot { node.storage.restore(snapshot) }
            node.storage.append(ready.entries)
            transcript.append(
                "\(now) \(place): \(ready.softState.map { "\($0.leader.value) \($0.role)" } ?? "-") "
                    + "\(ready.hardState.map { "\($0.term.value)/\($0.vote.value)/\($0.commit.value)" } ?? "-") "
                    + "\(ready.entries.map { "\($0.term.value)/\($0.index.value)" }) "
                    + "\(ready.readStates.map(\.index.value)) \(ready.committedEntries.map(\.index.value)) "
                    + "\(ready.messages.map(Self.text))")
            for message in ready.messages where !random.oneIn(8) {
                let target = place / Self.replicaCount * Self.replicaCount + Int(message.to.value) - 1
                network.append((now + random.integer(1...3), target, message))
            }
            with(place) { $0.advance() }
        }
    }

    /// The message's bytes; of payloads zeros.
    private static func text(_ message: Message) -> String {
        var bytes: [UInt8] = []
        MessageCodec().encode(message, into: &bytes) { payload, bytes in
            bytes.append(contentsOf: repeatElement(0, count: payload.byteCount))
        }
        return bytes.hex
    }

    /// The replicas' states at the end.
    var states: [String] {
        nodes.map { "\($0.replica.status.softState) \($0.replica.status.hardState) \($0.replica.status.last)" }
    }
}

@Suite("replicas that are ticked by a schedule")
struct TickingReplicaTests {
    @Test("do what they do when each is ticked at every tick", arguments: 0..<16 as Range<UInt64>)
    func sameAsEach(seed: UInt64) {
        var each = World(.each, seed: seed)
        var scheduled = World(.scheduled, seed: seed)
        each.run(ticks: 300)
        scheduled.run(ticks: 300)
        let difference = zip(each.transcript, scheduled.transcript).first { $0 != $1 }
        #expect(difference == nil, "seed \(seed)")
        #expect(each.transcript.count == scheduled.transcript.count, "seed \(seed)")
        #expect(each.states == scheduled.states, "seed \(seed)")
        #expect(each.transcript.count > 700 && each.states.contains { $0.contains("leader") }, "seed \(seed)")
        #expect(scheduled.tickCalls * 2 < each.tickCalls, "seed \(seed): the schedule saves most visits")
    }
}
