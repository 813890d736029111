/// How often what happened in a run: whether its faults bite.
public struct SimulationCounts: Sendable, Hashable {
    /// What is counted.
    public enum Kind: Int, Sendable, Hashable, CaseIterable {
        case elections, proposals, dropped, commits, acknowledged, reads, readsServed
        case delivered, lost, duplicated, blocked, partitions, resets
        case crashes, powerCuts, blackouts, starts, lostWrites, failedSyncs, fullDisks, damaged, pauses
        case snapshotsTaken, snapshotsSent, snapshotsInstalled, truncations
        case changesProposed, changesApplied, jointEntered, jointLeft, learnersPromoted, leadersRemoved
        case transfersAsked, transfersDone, wedged
        case highestTerm, highestIndex
    }

    /// Nothing happened yet.
    public init() {}

    private var values = [Int](repeating: 0, count: Kind.allCases.count)

    /// How often it happened.
    public subscript(kind: Kind) -> Int {
        get { values[kind.rawValue] }
        set { values[kind.rawValue] = newValue }
    }

    /// Adds another run's; maxima stay maxima.
    public mutating func add(_ other: SimulationCounts) {
        for kind in Kind.allCases {
            switch kind {
            case .highestTerm, .highestIndex: self[kind] = max(self[kind], other[kind])
            default: self[kind] += other[kind]
            }
        }
    }
}

extension SimulationCounts: CustomStringConvertible {
    /// What happened at all, in the order of the kinds.
    public var description: String {
        Kind.allCases.filter { self[$0] > 0 }.map { "\($0) \(self[$0])" }.joined(separator: ", ")
    }
}
