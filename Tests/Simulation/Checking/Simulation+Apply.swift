import Raft

/// The state machines, and what they must agree on.
extension Simulation {
    /// Applies entries in order.
    func apply(_ entries: [Entry], at node: Node) {
        for entry in entries {
            let index = entry.index.value
            // A snapshot overtakes what was handed out before it: the replica acts on the snapshot's membership already.
            if index <= node.overtaken { continue }
            guard index == node.applied + 1 else {
                return fail(.appliedInOrder, node, "it applies \(index) after \(node.applied)")
            }
            check(
                history.mark(at: index)?.term == entry.term.value, .stateMachineSafety, node,
                "it applies an entry of term \(entry.term.value) at \(index), where another is committed")
            if entry.kind != .normal { applyChange(entry, at: node) } else { applyPayload(entry, at: node) }
            guard violation == nil else { return }
            node.applied = index
            agree(on: entry, at: node)
            if entry.kind != .normal, node.phase == .running { offer(makeSnapshot(of: node), at: node) }
        }
        guard !node.waitingReads.isEmpty else { return }
        let served = node.waitingReads.count
        node.waitingReads.removeAll { $0 <= node.applied }
        counts[.readsServed] += served - node.waitingReads.count
    }

    private func applyPayload(_ entry: Entry, at node: Node) {
        guard entry.payload.handle > 0 else { return }
        node.stateHash = mix(node.stateHash, entry.contentHash)
        if options.sabotage == .doubleApply, entry.index.value % 10 == 0, node.slot == 1 {
            node.stateHash = mix(node.stateHash, entry.contentHash)
        }
        let place = Int(entry.payload.handle) - 1
        guard history.proposals.indices.contains(place) else {
            return fail(.stateMachineSafety, node, "it applies a payload that nobody proposed")
        }
        let proposal = history.proposals[place]
        guard Int(proposal.node) == node.slot, proposal.life == node.life, proposal.acknowledged == 0 else { return }
        history.proposals[place].acknowledged = entry.index.value
        counts[.acknowledged] += 1
        if let first = recovery?.firstProposal, place >= first { recovery?.acknowledged += 1 }
    }

    /// The first who applies an index says what is there; all others must have the same.
    private func agree(on entry: Entry, at node: Node) {
        let index = node.applied
        if let known = history.state(at: index) {
            return check(
                known == node.stateHash, .stateMachineSafety, node,
                "after applying \(index) its state is not the one that others had there")
        }
        guard index == history.lastApplied + 1 else {
            return fail(.appliedInOrder, node, "it applies \(index), and nobody applied \(index - 1)")
        }
        let payload = entry.kind == .normal ? entry.payload.handle : 0
        history.apply(node.stateHash, payload: payload)
        guard payload > 0 else { return }
        let place = Int(payload) - 1
        history.proposals[place].copies += 1
        let proposal = history.proposals[place]
        check(
            proposal.copies <= proposal.bringers, .noDoubleWrite, node,
            "payload \(payload) is there \(proposal.copies) times, and was brought \(proposal.bringers) times")
    }

    private func applyChange(_ entry: Entry, at node: Node) {
        guard let change = entry.configurationChange, let replica = node.replica else { return }
        let index = entry.index.value
        do {
            let state = try replica.apply(change)
            node.stateHash = mix(node.stateHash, entry.contentHash)
            note("node \(node.slot + 1) applies at \(index): \(change.line): \(Members(state))")
            let old = node.members
            if node.isBusy, node.membersBefore == nil { node.membersBefore = old }
            node.configuration = state
            node.members = Members(state)
            checkChange(change, to: state, from: old, at: index, of: node)
            noteChange(change, from: old, at: node)
        } catch {
            // Everybody has the same configuration here, so everybody is refused, and nothing changes.
            check(
                node.members.applying(change) == nil, .configurationSound, node,
                "the change at \(index), \(change.line), is refused: \(error); \(node.members)")
            node.stateHash = mix(node.stateHash, entry.contentHash)
        }
    }

    private func checkChange(
        _ change: ConfigurationChange, to state: ConfigurationState, from old: Members, at index: UInt64, of node: Node
    ) {
        check(
            node.replica?.status.configuration == state, .configurationAgrees, node,
            "it acts on another configuration than it returned at \(index)")
        if index <= history.latestMembership.index {
            return check(
                history.membership(at: index).state == state, .configurationAgrees, node,
                "its configuration at \(index) is \(node.members), others had \(history.membership(at: index).members)")
        }
        let expected = old.applying(change)
        check(
            expected == node.members, .configurationSound, node,
            "\(old), \(change.line): it has \(node.members), and not \(expected.map(String.init(describing:)) ?? "none")"
        )
        if let flaw = node.members.flaw { fail(.configurationSound, node, "\(node.members): \(flaw)") }
        history.changeMembership(at: index, state)
        counts[.changesApplied] += 1
        if node.members.isJoint && !old.isJoint { counts[.jointEntered] += 1 }
        if !node.members.isJoint && old.isJoint { counts[.jointLeft] += 1 }
        if old.learners & node.members.voters != 0 { counts[.learnersPromoted] += 1 }
    }

    private func noteChange(_ change: ConfigurationChange, from old: Members, at node: Node) {
        node.needsAudit = true
        guard node.isLeader else { return }
        if old.voters.has(node.slot), !node.members.voters.has(node.slot) { counts[.leadersRemoved] += 1 }
        node.leadership.since = node.ticks
        for operation in change.operations where operation.replica.bit != 0 {
            node.leadership.probes[operation.replica.slot] = 0
            node.leadership.awaitsSnapshot &= ~operation.replica.bit
            if old.everybody & operation.replica.bit == 0 {
                node.leadership.answered &= ~operation.replica.bit
            } else {
                // What is known of it may be forgotten, or not, depending on the half it is in.
                node.leadership.answered |= operation.replica.bit
            }
        }
    }

    /// Notes that the replica is about to learn that the entries are applied.
    func noteApplied(_ entries: [Entry], at node: Node) {
        guard let last = entries.last?.index.value else { return }
        node.appliedTold = max(node.appliedTold, last)
        if !node.openChanges.isEmpty { node.openChanges.removeAll { $0 <= last } }
        node.applyingBytes -= entries.reduce(0) { $0 + $1.sizeBytes }
        guard node.isLeader else { return }
        node.leadership.quotaBytes = max(
            0, node.leadership.quotaBytes - entries.reduce(0) { $0 + $1.payload.byteCount })
    }

    func checkInstalled(_ snapshot: Snapshot, at node: Node) {
        let index = snapshot.last.index.value
        check(
            history.state(at: index) == snapshot.payload.handle, .stateMachineSafety, node,
            "the snapshot at \(index) holds another state than was there")
        check(
            history.membership(at: index).state == snapshot.configuration, .configurationAgrees, node,
            "the snapshot at \(index) holds another configuration than was there")
    }
}
