import Raft

/// A set of nodes, by slot: node 1 is bit 0.
typealias NodeSet = UInt32

extension ReplicaID {
    /// Its place among the nodes of a run.
    var slot: Int { Int(value) - 1 }

    /// The set of it alone; empty for nobody.
    var bit: NodeSet { value >= 1 && value <= 32 ? 1 << NodeSet(value - 1) : 0 }

    init(slot: Int) { self.init(UInt64(slot + 1)) }
}

extension NodeSet {
    init(_ ids: [ReplicaID]) { self = ids.reduce(0) { $0 | $1.bit } }

    /// The slots in it, ascending.
    var slots: [Int] { (0..<32).filter { self >> NodeSet($0) & 1 == 1 } }

    func has(_ slot: Int) -> Bool { self >> NodeSet(slot) & 1 == 1 }
}

/// A membership as sets, and what a change makes of it: the checker's own model of joint consensus (thesis §4.3).
struct Members: Hashable {
    var voters: NodeSet = 0
    var outgoing: NodeSet = 0
    var learners: NodeSet = 0
    var learnersNext: NodeSet = 0
    var autoLeave = false

    init() {}

    init(_ state: ConfigurationState) {
        voters = NodeSet(state.voters)
        outgoing = NodeSet(state.votersOutgoing)
        learners = NodeSet(state.learners)
        learnersNext = NodeSet(state.learnersNext)
        autoLeave = state.autoLeave
    }

    var isJoint: Bool { outgoing != 0 }
    var everybody: NodeSet { voters | outgoing | learners | learnersNext }
    var allVoters: NodeSet { voters | outgoing }

    /// Whether the nodes decide: a majority of each half that there is.
    func hasQuorum(_ nodes: NodeSet) -> Bool {
        Self.hasMajority(nodes, of: voters) && (outgoing == 0 || Self.hasMajority(nodes, of: outgoing))
    }

    static func hasMajority(_ nodes: NodeSet, of voters: NodeSet) -> Bool {
        2 * (nodes & voters).nonzeroBitCount > voters.nonzeroBitCount
    }

    /// Why it is none that may ever be; nil where it is sound.
    var flaw: String? {
        if voters == 0 { return "it has no voters" }
        if learners & allVoters != 0 { return "a learner votes" }
        if learnersNext & ~outgoing != 0 { return "a coming learner is no outgoing voter" }
        if learnersNext & voters != 0 { return "a coming learner is an incoming voter" }
        if !isJoint && (learnersNext != 0 || autoLeave) { return "it is not joint, and is to be left" }
        return nil
    }

    /// What the change makes of it; nil where it does not fit.
    func applying(_ change: ConfigurationChange) -> Members? {
        var next = self
        if change.isLeaveJoint {
            guard isJoint else { return nil }
            next.learners |= learnersNext
            next.learnersNext = 0
            next.outgoing = 0
            next.autoLeave = false
            return next
        }
        guard !isJoint else { return nil }
        if change.isEnterJoint {
            next.outgoing = voters
            next.autoLeave = change.transition != .explicit
        }
        for operation in change.operations { next.perform(operation) }
        guard next.voters != 0 else { return nil }
        if !change.isEnterJoint && (next.voters ^ voters).nonzeroBitCount > 1 { return nil }
        return next
    }

    private mutating func perform(_ operation: ConfigurationChange.Operation) {
        let bit = operation.replica.bit
        switch operation.kind {
        case .addVoter:
            learners &= ~bit
            learnersNext &= ~bit
            voters |= bit
        case .addLearner:
            guard learners & bit == 0 else { return }
            voters &= ~bit
            if outgoing & bit != 0 { learnersNext |= bit } else { learners |= bit }
        case .remove:
            voters &= ~bit
            learners &= ~bit
            learnersNext &= ~bit
        case .update:
            break
        }
    }
}

extension Members: CustomStringConvertible {
    var description: String {
        func list(_ set: NodeSet) -> String { set.slots.map { "\($0 + 1)" }.joined(separator: " ") }
        var text = "voters (\(list(voters)))"
        if isJoint { text += " outgoing (\(list(outgoing)))" }
        if learners != 0 { text += " learners (\(list(learners)))" }
        if learnersNext != 0 { text += " coming learners (\(list(learnersNext)))" }
        if autoLeave { text += " to be left" }
        return text
    }
}
