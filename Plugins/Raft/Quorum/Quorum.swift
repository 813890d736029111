/// What is known of an election.
package enum VoteResult: Sendable, Hashable {
    /// Not decided yet.
    case pending
    /// A majority refused, or can no longer be reached.
    case lost
    /// A majority voted for the candidate.
    case won
}

/// Decisions by more than half of some replicas; of no replicas, everything is decided.
package struct MajorityQuorum: Sendable {
    /// Who decides; each is there once.
    package let members: [ReplicaID]

    /// More than half of `members` decide.
    package init(_ members: [ReplicaID]) { self.members = members }

    /// The latest index that a majority acknowledged; the largest possible one where nobody decides.
    ///
    /// `acked` gives nil for who was not heard of, which counts as 0.
    package func committedIndex(_ acked: (ReplicaID) -> LogIndex?) -> LogIndex {
        if members.isEmpty { return LogIndex(.max) }
        if members.count == 1 { return acked(members[0]) ?? 0 }
        return withUnsafeTemporaryAllocation(of: LogIndex.self, capacity: members.count) { sorted in
            // Insertion sort: groups are small, and nothing is allocated.
            for (count, member) in members.enumerated() {
                let index = acked(member) ?? 0
                var place = count
                while place > 0 && sorted[place - 1] < index {
                    sorted.initializeElement(at: place, to: sorted[place - 1])
                    place -= 1
                }
                sorted.initializeElement(at: place, to: index)
            }
            return sorted[members.count / 2]
        }
    }

    /// How an election stands; `vote` gives nil for who has not answered.
    package func voteResult(_ vote: (ReplicaID) -> Bool?) -> VoteResult {
        if members.isEmpty { return .won }
        var granted = 0
        var missing = 0
        for member in members {
            switch vote(member) {
            case true?: granted += 1
            case false?: break
            case nil: missing += 1
            }
        }
        let majority = members.count / 2 + 1
        if granted >= majority { return .won }
        return granted + missing >= majority ? .pending : .lost
    }
}

/// Decisions that need a majority of both halves of a joint configuration (Raft §6).
package struct JointQuorum: Sendable {
    /// The new half; the only one unless joint.
    package let incoming: MajorityQuorum
    /// The old half; nobody unless joint.
    package let outgoing: MajorityQuorum

    /// Both halves decide.
    package init(incoming: MajorityQuorum, outgoing: MajorityQuorum) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    /// The latest index that a majority of both halves acknowledged.
    package func committedIndex(_ acked: (ReplicaID) -> LogIndex?) -> LogIndex {
        let index = incoming.committedIndex(acked)
        return outgoing.members.isEmpty ? index : min(index, outgoing.committedIndex(acked))
    }

    /// How an election stands: lost where one half lost it, won where both won it.
    package func voteResult(_ vote: (ReplicaID) -> Bool?) -> VoteResult {
        let results = (incoming.voteResult(vote), outgoing.voteResult(vote))
        if results.0 == results.1 { return results.0 }
        return results.0 == .lost || results.1 == .lost ? .lost : .pending
    }
}
