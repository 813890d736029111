import Testing
import WeirSimulation

@testable import Raft

@Suite("A replica as its owner drives it")
struct ReplicaTests {
    private func replica(
        _ state: ConfigurationState, seed: UInt64 = 1, change: (inout ReplicaConfiguration) -> Void = { _ in }
    ) -> (Replica, MemoryStorage) {
        let storage = MemoryStorage(start: EntryID(term: 1, index: 10), configuration: state)
        storage.hardState = HardState(commit: 10)
        var configuration = ReplicaConfiguration(id: 1)
        configuration.applied = 10
        change(&configuration)
        return (Replica(configuration, storage: storage, random: SeededRandom(seed: seed)), storage)
    }

    /// Does what every `Ready` says until there is none; returns the messages.
    @discardableResult
    private func settle(_ replica: Replica, _ storage: MemoryStorage) throws -> [Message] {
        var sent: [Message] = []
        while replica.hasReady {
            let ready = replica.ready()
            if let state = ready.hardState { storage.hardState = state }
            storage.append(ready.entries)
            for entry in ready.committedEntries {
                if let change = entry.configurationChange { try replica.apply(change) }
            }
            sent += ready.messages
            replica.advance()
        }
        return sent
    }

    @Test("every election timeout lies between once and twice the configured one, and each of them occurs")
    func electionTimeouts() {
        var seen: Set<Int> = []
        for seed in 0..<200 {
            let (replica, _) = replica(ConfigurationState(voters: [1, 2]), seed: UInt64(seed))
            seen.insert(replica.ticksUntilDue)
        }
        #expect(seen == Set(10..<20))
    }

    @Test("ticks in bulk do what the same ticks do one by one", arguments: 0..<50)
    func bulkTicks(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let pair = (0..<2).map { _ in
            replica(ConfigurationState(voters: [1, 2, 3]), seed: seed) {
                $0.preVote = seed % 2 == 0
                $0.checkQuorum = seed % 3 == 0
                $0.heartbeatTicks = 3
            }
        }
        for _ in 0..<40 {
            let ticks = Int.random(in: 0...25, using: &random)
            for _ in 0..<ticks { pair[0].0.tick() }
            pair[1].0.tick(ticks)
            let answer = Bool.random(using: &random)
            for (replica, storage) in pair {
                for message in try settle(replica, storage) where answer {
                    guard message.kind == .vote || message.kind == .preVote else { continue }
                    let kind: Message.Kind = message.kind == .vote ? .voteResponse : .preVoteResponse
                    try replica.step(Message(kind, from: message.to, to: 1, term: message.term))
                }
                try settle(replica, storage)
            }
            let states = pair.map { ($0.0.status.softState, $0.0.status.hardState, $0.0.ticksUntilDue) }
            #expect(states[0] == states[1], "seed \(seed)")
        }
    }

    @Test("the tick that is said to be due is the first that does anything", arguments: 0..<20)
    func dueTick(seed: UInt64) throws {
        let (replica, storage) = replica(ConfigurationState(voters: [1]), seed: seed) { $0.heartbeatTicks = 4 }
        for _ in 0..<5 {
            replica.tick(replica.ticksUntilDue - 1)
            #expect(!replica.hasReady, "seed \(seed)")
            #expect(replica.ticksUntilDue == 1)
            replica.tick()
            try settle(replica, storage)
        }
        #expect(replica.status.softState.role == .leader)
    }

    @Test("messages that only a replica's own storage sends are refused from others")
    func localMessages() {
        let (replica, _) = replica(ConfigurationState(voters: [1, 2]))
        for kind in Message.Kind.allCases where kind.isLocal {
            #expect(throws: RaftError.localMessage, "\(kind)") { try replica.step(Message(kind, from: 2, to: 1)) }
        }
        #expect(throws: RaftError.peerNotFound) { try replica.step(Message(.appendResponse, from: 9, to: 1)) }
    }

    @Test("a leader that has committed what was lost here is an error, not a trap")
    func logLost() {
        let (replica, _) = replica(ConfigurationState(voters: [1, 2]))
        #expect(throws: RaftError.logLost) {
            try replica.step(Message(.heartbeat, from: 2, to: 1, term: 2, commit: 11))
        }
    }

    @Test("an append message with a gap is refused, and nothing of it is taken over", arguments: [10, 11, 13])
    func gaps(index: UInt64) {
        let (replica, _) = replica(ConfigurationState(voters: [1, 2]))
        var message = Message(.append, from: 2, to: 1, term: 2, logTerm: 1, index: 10)
        message.entries = [Entry(term: 2, index: LogIndex(index == 11 ? 11 : index), payload: .empty)]
        if index == 11 { message.entries.append(Entry(term: 2, index: 13, payload: .empty)) }
        #expect(throws: RaftError.malformedAppend) { try replica.step(message) }
        #expect(replica.status.last == EntryID(term: 1, index: 10))
    }

    @Test("what a faulty peer may send does not trap: no entries, no term")
    func faultyPeer() throws {
        let (replica, storage) = replica(ConfigurationState(voters: [1]))
        try replica.step(Message(.preVote, from: 2, to: 1))
        try replica.step(Message(.vote, from: 2, to: 1, logTerm: 9, index: 99))
        #expect(!replica.hasReady, "in term 0 there is nothing to answer")
        replica.campaign()
        try settle(replica, storage)
        #expect(throws: RaftError.proposalDropped) { try replica.step(Message(.propose, from: 2, to: 1)) }
        try replica.step(Message(.vote, from: 2, to: 1))
        let answers = try settle(replica, storage)
        #expect(answers.map(\.kind) == [.voteResponse])
        #expect(answers.allSatisfy { $0.isRejection && $0.term == 1 })
    }

    @Test("looking at what is to be done does not take it")
    func peeking() throws {
        let (replica, storage) = replica(ConfigurationState(voters: [1]))
        replica.campaign()
        #expect(replica.hasReady)
        #expect(replica.hasReady)
        try settle(replica, storage)
        try replica.propose([Payload(handle: 7, byteCount: 3)])
        let ready = replica.ready()
        #expect(ready.entries.map(\.payload.handle) == [7])
        storage.append(ready.entries)
        replica.advance()
        #expect(replica.ready().committedEntries.map(\.payload.handle) == [7])
    }

    @Test("payloads keep their owner and their handle through the log and the messages")
    func payloads() throws {
        final class Owner: Sendable {}
        let (replica, storage) = replica(ConfigurationState(voters: [1, 2]))
        replica.campaign()
        try settle(replica, storage)
        try replica.step(Message(.voteResponse, from: 2, to: 1, term: 1))
        try settle(replica, storage)
        try replica.step(Message(.appendResponse, from: 2, to: 1, term: 1, index: 11))
        try settle(replica, storage)
        let owner = Owner()
        try replica.propose([
            Payload(owner: owner, handle: 1, byteCount: 5), Payload(owner: owner, handle: 2, byteCount: 5),
        ])
        let sent = try settle(replica, storage).filter { $0.kind == .append }
        #expect(sent.map { $0.entries.map(\.payload.handle) } == [[1, 2]])
        #expect(sent.allSatisfy { $0.entries.allSatisfy { $0.payload.owner === owner } })
        #expect(storage.entries.suffix(2).allSatisfy { $0.payload.owner === owner })
    }
}
