import Raft
import WeirSimulation

/// Fails with a reason where the body does: a benchmark that does not do its work measures nothing.
func must<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { preconditionFailure("\(error)") }
}

let threeVoters = ConfigurationState(voters: [1, 2, 3])

/// A replica of a group of three with its storage, and what its owner does for it between `ready` and `advance`.
struct Member {
    let replica: Replica
    let storage: MemoryStorage

    init(_ id: UInt64, _ configure: (inout ReplicaConfiguration) -> Void = { _ in }) {
        var configuration = ReplicaConfiguration(id: ReplicaID(id))
        configure(&configuration)
        storage = MemoryStorage(configuration: threeVoters)
        replica = Replica(configuration, storage: storage, random: SeededRandom(seed: id))
    }

    /// Stores what is to be stored, and says that it is applied. The messages and how many entries were applied.
    func work() -> (messages: [Message], appliedCount: Int) {
        let ready = replica.ready()
        if let state = ready.hardState { storage.hardState = state }
        storage.append(ready.entries)
        replica.advance()
        return (ready.messages, ready.committedEntries.count)
    }

    /// Drops stored entries once there are many.
    func compact() {
        guard storage.entries.count > 8_192 else { return }
        let applied = replica.status.applied
        must { try storage.compact(to: applied) }
    }

    /// Makes the replica leader: the others' votes and acknowledgements are made up.
    func lead() {
        replica.campaign()
        while replica.hasReady { _ = work() }
        let term = replica.status.hardState.term
        must { try replica.step(Message(.voteResponse, from: 2, to: 1, term: term)) }
        _ = work()
        acknowledge()
        while replica.hasReady { _ = work() }
        precondition(replica.status.softState.role == .leader, "votes of a majority elect")
    }

    /// The others say that they have the whole log.
    func acknowledge() {
        let (term, last) = (storage.hardState.term, storage.lastIndex)
        for id in [2, 3] as [ReplicaID] {
            must { try replica.step(Message(.appendResponse, from: id, to: 1, term: term, index: last)) }
        }
    }
}

/// What keeps a payload's bytes alive.
final class PayloadOwner: Sendable {}
