/// What to simulate: a run follows from this alone.
public struct SimulationOptions: Sendable, Hashable {
    /// How the faults and their strengths are chosen.
    public enum Mix: Sendable, Hashable {
        /// A bit of everything.
        case medium
        /// Drawn from the seed: which are on, and how strong.
        case swarm
    }

    /// Something broken on purpose, to see that it is noticed.
    public enum Sabotage: String, Sendable, Hashable, CaseIterable {
        /// A replica forgets, when it starts again, whom it voted for.
        case forgottenVote
        /// Disks say that they synced, and did not.
        case lyingSync
        /// A state machine applies a payload twice.
        case doubleApply
        /// Messages leave before what they vouch for is stored.
        case earlyAnswers
        /// A follower takes in no appends in the second phase.
        case deafFollower
        /// Reads are answered one index too early.
        case staleReads
    }

    /// What everything is drawn from.
    public var seed: UInt64
    /// Events of the first phase.
    public var steps = 20_000
    /// How the faults are chosen.
    public var mix = Mix.medium
    /// Nodes that the group begins with.
    public var nodeCount = 5
    /// Kinds of trouble that are left out.
    public var without: Set<Fault> = []
    /// What is broken on purpose.
    public var sabotage: Sabotage?

    /// A run of that seed with the defaults.
    public init(seed: UInt64) { self.seed = seed }

    /// The command's arguments that repeat the run.
    public var arguments: String {
        var words = ["--seed \(seed)", "--steps \(steps)"]
        if mix == .swarm { words.append("--swarm") }
        if nodeCount != 5 { words.append("--nodes \(nodeCount)") }
        if !without.isEmpty {
            let names = Fault.allCases.filter(without.contains).map(\.rawValue)
            words.append("--without " + names.joined(separator: ","))
        }
        if let sabotage { words.append("--sabotage \(sabotage.rawValue)") }
        return words.joined(separator: " ")
    }
}
