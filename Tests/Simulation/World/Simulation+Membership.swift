import Raft
import WeirSimulation

/// Changes of the membership, and how much damage the group can bear.
extension Simulation {
    /// Proposes a change, drawn, at the node.
    func changeMembership(at node: Node) {
        let change = drawChange(node.members)
        guard mayPropose(change, at: node) else { return }
        counts[.changesProposed] += 1
        note("node \(node.slot + 1) is asked to \(change.line)")
        let form: EntryKind = change.isSimple && random.below(2) == 0 ? .configurationChangeV1 : .configurationChange
        propose(change, form: form, at: node)
    }

    func propose(_ change: ConfigurationChange, form: EntryKind = .configurationChange, at node: Node) {
        guard let replica = node.replica else { return }
        node.isExact = !node.isBusy
        do {
            try replica.propose(change, form: form)
        } catch {
            check(error == .proposalDropped, .noUnexpectedError, node, "a change fails: \(error)")
        }
        settle(node)
    }

    private func drawChange(_ members: Members) -> ConfigurationChange {
        if members.isJoint, random.below(4) > 0 { return .leaveJoint }
        if random.below(20) == 0 { return drawNonsense(members) }
        var operations: [ConfigurationChange.Operation] = []
        let damaged = members.voters & ~usableNodes
        if damaged != 0, random.below(3) > 0 {
            operations.append(.init(.remove, ReplicaID(slot: damaged.slots[0])))
        } else {
            operations.append(drawOperation(members))
        }
        guard random.below(100) < plan.jointWeight else { return ConfigurationChange(operations) }
        for _ in 0..<random.below(3) { operations.append(drawOperation(members)) }
        let transitions: [ConfigurationChange.Transition] = [.auto, .implicit, .explicit]
        return ConfigurationChange(operations, transition: random.element(of: transitions))
    }

    /// What fits nowhere, or changes nothing.
    private func drawNonsense(_ members: Members) -> ConfigurationChange {
        switch random.below(4) {
        case 0: .leaveJoint
        case 1: ConfigurationChange([.init(.update, ReplicaID(slot: random.below(nodes.count)))])
        case 2: ConfigurationChange([.init(.addVoter, .none)])
        default: ConfigurationChange(members.voters.slots.map { .init(.remove, ReplicaID(slot: $0)) })
        }
    }

    private func drawOperation(_ members: Members) -> ConfigurationChange.Operation {
        let voters = members.voters.slots
        let learners = members.learners.slots
        let likesLearners = random.below(100) < plan.learnerWeight
        if !learners.isEmpty, random.below(2) == 0 {
            let learner = ReplicaID(slot: random.element(of: learners))
            return .init(random.below(4) == 0 ? .remove : .addVoter, learner)
        }
        if voters.count > 2, random.below(7) < voters.count {
            let isLeader = random.below(3) == 0
            let leader = nodes.first { $0.isLeader && members.voters.has($0.slot) }
            let slot = isLeader ? leader?.slot ?? random.element(of: voters) : random.element(of: voters)
            return .init(likesLearners ? .addLearner : .remove, ReplicaID(slot: slot))
        }
        guard let newcomer = drawNewcomer(members) else { return .init(.update, ReplicaID(slot: voters.first ?? 0)) }
        return .init(likesLearners ? .addLearner : .addVoter, newcomer.id)
    }

    /// A node that is no member: one that was removed, with its disk, or a new one.
    private func drawNewcomer(_ members: Members) -> Node? {
        let latest = history.latestMembership.members.everybody | members.everybody
        var removed: [Node] = []
        for node in nodes where !latest.has(node.slot) && usableNodes.has(node.slot) { removed.append(node) }
        if !removed.isEmpty, random.below(3) > 0 {
            let node = random.element(of: removed)
            node.isWanted = true
            return node
        }
        return addJoiner()
    }

    // MARK: What an operator makes sure of

    /// Whether a leader may be asked: the group must be able to go on with what is left of its disks.
    ///
    /// Looked at where the change would be appended, as it may have been on its way for long.
    func mayPropose(_ change: ConfigurationChange, at node: Node) -> Bool {
        guard let status = node.replica?.status, status.softState.role == .leader else { return true }
        guard let next = Members(status.configuration).applying(change) else { return true }
        guard next.hasQuorum(usableNodes) else { return false }
        // With another one open it becomes an empty entry.
        guard node.openChanges.isEmpty || node.isBusy else { return true }
        admitted.removeAll { $0 == next }
        admitted.append(next)
        if admitted.count > 64 { admitted.removeFirst() }
        return true
    }

    /// The nodes whose disks hold what they acknowledged.
    var usableNodes: NodeSet {
        nodes.reduce(0) { $1.phase == .damaged || $1.isFlipped ? $0 : $0 | $1.id.bit }
    }

    /// Whether these nodes are a quorum of every configuration that may yet decide anything.
    ///
    /// Those are the ones that a member may begin from when it starts again, all since, and those to come.
    func canGoOn(with usable: NodeSet) -> Bool {
        let members = history.latestMembership.members.everybody
        var from = history.latestMembership.index
        for node in nodes where usable.has(node.slot) && members.has(node.slot) {
            from = min(from, max(node.stored.snapshot, history.start))
        }
        let first = history.membership(at: from).index
        for membership in history.memberships.reversed() {
            guard membership.members.hasQuorum(usable) else { return false }
            if membership.index <= first { break }
        }
        return admitted.allSatisfy { $0.hasQuorum(usable) }
    }

    /// Whether one of these nodes can be elected by them, as their logs, terms and configurations are.
    ///
    /// A quorum of every configuration is not enough for that: a change takes effect where it is applied. A
    /// voter that was demoted and knows it does not campaign, and does not vote for those that do not know
    /// it yet and whose logs are shorter; they still count it as a voter. And without pre-vote a request of a lower
    /// term is not answered: whose term is higher, and who does not ask the candidate for votes
    /// itself, may be ahead of it for ever.
    func canElect(among nodes: NodeSet) -> Bool {
        let states = nodes.slots.map { slot in self.nodes[slot].electorate(history) }
        return states.contains { candidate in
            guard candidate.members.allVoters & candidate.bit != 0 else { return false }
            let supporters = states.reduce(NodeSet(0)) { set, voter in
                let isHeard =
                    plan.replica.preVote || voter.term <= candidate.term
                    || voter.members.allVoters & voter.bit != 0 && voter.members.allVoters & candidate.bit != 0
                return voter.last <= candidate.last && isHeard ? set | voter.bit : set
            }
            return candidate.members.hasQuorum(supporters)
        }
    }

    /// Stops nodes that are no members any more, once every usable voter of the new membership knows it that can.
    ///
    /// Earlier they may still be needed for a majority of the old one.
    func stopRemovedNodes() {
        let latest = history.latestMembership
        let voters = latest.members.allVoters & usableNodes & (recovery?.core ?? ~0) & ~stranded
        for slot in voters.slots where nodes[slot].applied < latest.index { return }
        for node in nodes where node.isRunning && !latest.members.everybody.has(node.slot) {
            guard node.applied > 0 || recovery != nil else { continue }
            note("node \(node.slot + 1) is no member any more, and is stopped")
            crash(node, cutsPower: false)
            // The start that a crash plans is void.
            node.life &+= 1
            node.isStopped = true
        }
    }

    /// Starts nodes that were stopped, and are to be members again.
    func startReturningNodes() {
        let members = history.latestMembership.members.everybody
        for node in nodes where node.isStopped && (members.has(node.slot) || node.isWanted) {
            if let recovery, !recovery.core.has(node.slot) { continue }
            node.isStopped = false
            node.isWanted = false
            planStart(of: node)
        }
    }
}

/// What decides about a node's part in an election.
private struct Electorate {
    var bit: NodeSet
    var term: UInt64
    var last: (UInt64, UInt64)
    var members: Members
}

extension Node {
    /// Its part in an election: as it is, or as it will be when it starts again.
    fileprivate func electorate(_ history: History) -> Electorate {
        // Nobody campaigns before it has applied the changes that it knows to be committed.
        if isRunning {
            return Electorate(
                bit: id.bit, term: term, last: (log.lastMark.term, log.last),
                members: history.membership(at: commit).members)
        }
        let known = min(max(stored.hardState.commit.value, stored.snapshot), stored.log.last)
        return Electorate(
            bit: id.bit, term: stored.hardState.term.value, last: (stored.log.lastMark.term, stored.log.last),
            members: history.membership(at: known).members)
    }
}
