import Raft

/// Steps of quorum cases: each stands alone.
enum QuorumCases {
    /// What a step must give is its result, and the drawing for people.
    struct Outcome {
        var result: QuorumResult
        var printed: String
    }

    static func run(_ step: CaseStep) throws(CommandFailure) -> Outcome {
        let quorum = JointQuorum(
            incoming: MajorityQuorum((step.incoming ?? []).map { ReplicaID($0) }),
            outgoing: MajorityQuorum((step.outgoing ?? []).map { ReplicaID($0) }))
        switch step.parsedDirective.command {
        case "committed": return committed(step, quorum)
        case "vote": return vote(step, quorum)
        default: throw CommandFailure("unknown command")
        }
    }

    private static func vote(_ step: CaseStep, _ quorum: JointQuorum) -> Outcome {
        let votes = step.votes ?? [:]
        let name =
            switch quorum.voteResult({ votes[String($0.value)] }) {
            case .won: "VoteWon"
            case .lost: "VoteLost"
            case .pending: "VotePending"
            }
        return Outcome(result: .word(name), printed: name)
    }

    private static func committed(_ step: CaseStep, _ quorum: JointQuorum) -> Outcome {
        let acknowledged = step.acknowledged ?? [:]
        let index = quorum.committedIndex { acknowledged[String($0.value)].map { LogIndex($0) } }
        let isInfinite = index.value == .max
        let voters = (quorum.incoming.members + quorum.outgoing.members).sorted()
        var distinct: [ReplicaID] = []
        for voter in voters where distinct.last != voter { distinct.append(voter) }
        let drawing = draw(distinct.map { ($0.value, acknowledged[String($0.value)]) })
        return Outcome(
            result: isInfinite ? .word("infinity") : .index(index.value),
            printed: drawing + (isInfinite ? "∞" : String(index.value)))
    }

    /// How far each voter is, as a bar as long as there are voters behind it.
    private static func draw(_ voters: [(id: UInt64, index: UInt64?)]) -> String {
        guard !voters.isEmpty else { return "<empty majority quorum>" }
        func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }
        var lines = [blanks(voters.count + 4) + "idx"]
        for voter in voters {
            let index = String(voter.index ?? 0)
            let behind = voters.count { ($0.index ?? 0) < (voter.index ?? 0) }
            let bar =
                voter.index == nil
                ? "?" + blanks(voters.count)
                : String(repeating: "x", count: behind) + ">" + blanks(voters.count - behind)
            lines.append("\(bar) \(blanks(max(0, 5 - index.count)))\(index)    (id=\(voter.id))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
