import Raft
import WeirSimulation

/// What is stored, and what leaders believe: looked at now and then, as it costs more.
extension Simulation {
    // MARK: Disk

    /// Notes a write that was made.
    func noteWrite(_ write: Journal.Write, _ sequence: UInt64, of node: Node) {
        let restart = write.received.map { (index: $0.last.index.value, mark: baseMark(of: $0)) }
        node.stored.note(
            sequence, write.hardState, write.entries, restart: restart, own: write.own?.last.index.value ?? 0)
    }

    /// Notes what has become durable.
    func noteSync(upTo sequence: UInt64, of node: Node) {
        let isSound = node.stored.sync(upTo: sequence)
        check(
            isSound, .oneVotePerTerm, node,
            "in term \(node.stored.hardState.term.value) it stored two votes, or none after one, or an earlier term after a later"
        )
    }

    // MARK: Leaders

    /// Compares what a leader believes with what is so. After its inputs are worked off.
    func audit(_ node: Node) {
        guard violation == nil, !node.isBusy, node.isLeader, let status = node.replica?.status else { return }
        auditQuorum(node)
        auditTransfer(node, status)
        let tracked = NodeSet(status.peers.map(\.id))
        check(
            tracked == node.members.everybody, .progressTrue, node,
            "it tracks \(tracked.slots.map { $0 + 1 }); \(node.members)")
        for peer in status.peers { audit(peer, of: node, firstIndex: status.firstIndex) }
        auditCommit(node, status)
    }

    /// With check-quorum a leader that hears of no quorum steps down at the second look, at the latest.
    private func auditQuorum(_ node: Node) {
        let patience = 2 * plan.replica.electionTicks + 1
        guard plan.replica.checkQuorum, node.ticks - node.leadership.since > patience else { return }
        var heard = node.id.bit
        for slot in nodes.indices where node.ticks - node.leadership.heard[slot] <= patience {
            heard |= 1 << NodeSet(slot)
        }
        check(
            node.members.hasQuorum(heard), .quorumHeard, node,
            "in \(patience) ticks it heard only \(heard.slots.map { $0 + 1 }), and still leads; \(node.members)")
    }

    private func auditTransfer(_ node: Node, _ status: ReplicaStatus) {
        guard status.transferee != .none else {
            node.leadership.transferee = .none
            return
        }
        if node.leadership.transferee != status.transferee {
            node.leadership.transferee = status.transferee
            node.leadership.transferSeen = node.ticks
        }
        // A removed or demoted leader does not look, as in etcd.
        let decides = node.members.allVoters.has(node.slot) && !node.members.learners.has(node.slot)
        check(
            !decides || node.members.allVoters & status.transferee.bit != 0, .transferEnds, node,
            "it hands leadership to \(status.transferee.value), who is no voter; \(node.members)")
        check(
            node.ticks - node.leadership.transferSeen <= plan.replica.electionTicks + 1, .transferEnds, node,
            "its transfer to \(status.transferee.value) has not ended in an election timeout")
    }

    private func audit(_ peer: ReplicaStatus.Peer, of node: Node, firstIndex: LogIndex) {
        let name = "what it believes of \(peer.id.value)"
        check(
            peer.match < peer.next, .progressTrue, node, "\(name): match \(peer.match.value), next \(peer.next.value)")
        check(
            peer.next.value <= node.log.last + 1, .progressTrue, node,
            "\(name): next \(peer.next.value), and its log ends at \(node.log.last)")
        check(
            peer.inflightCount <= plan.replica.inflightMessagesMax, .windowLimit, node,
            "\(name): \(peer.inflightCount) under way of \(plan.replica.inflightMessagesMax)")
        check(
            peer.mode != .snapshot || peer.match + 1 < firstIndex, .progressTrue, node,
            "\(name): it waits for a snapshot, has \(peer.match.value), and the log begins at \(firstIndex.value)")
        guard peer.id.slot < nodes.count else { return }
        let stored = nodes[peer.id.slot].stored
        // Who has gone on to a later term may have replaced what it acknowledged in this one.
        guard stored.hardState.term <= node.hardState.term else { return }
        let match = peer.match.value
        // A new leader counts its own entries of earlier terms before they are stored: they commit only with one of its
        // own term, which is stored after them.
        if peer.id == node.id, let mark = node.log.mark(at: match), mark.term < node.term { return }
        check(
            match <= stored.log.last, .progressTrue, node,
            "\(name): match \(match), and its stored log ends at \(stored.log.last)")
        if let own = node.log.mark(at: match), let other = stored.log.mark(at: match), match > 0 {
            check(own == other, .progressTrue, node, "\(name): match \(match), where it has stored another entry")
        }
    }

    private func auditCommit(_ node: Node, _ status: ReplicaStatus) {
        // A removed or demoted leader notices with the next acknowledgement only, as in etcd.
        guard node.members.allVoters.has(node.slot), !node.members.learners.has(node.slot) else { return }
        var matches: [(bit: NodeSet, match: UInt64)] = []
        for peer in status.peers { matches.append((peer.id.bit, peer.match.value)) }
        var reached: UInt64 = 0
        for candidate in matches where candidate.match > reached {
            let holders = matches.reduce(0) { $1.match >= candidate.match ? $0 | $1.bit : $0 }
            if node.members.hasQuorum(holders) { reached = candidate.match }
        }
        guard reached > node.commit, node.log.mark(at: reached)?.term == node.term else { return }
        fail(.commitNotLate, node, "a quorum has \(reached), and it has committed \(node.commit)")
    }

    /// Whether a leader must take a proposal of so many bytes; nil where that is not certain.
    func mustTake(_ bytes: Int, at node: Node) -> Bool? {
        guard node.writesAsynchronously, node.isLeader, let status = node.replica?.status else { return nil }
        if status.transferee != .none || !node.members.everybody.has(node.slot) { return false }
        let quota = plan.replica.uncommittedBytesMax
        let held = node.leadership.quotaBytes
        return quota == 0 || held == 0 || bytes == 0 || held + bytes <= quota
    }

    /// Checks whether a proposal was taken that had to be, and no other.
    func checkTaken(_ isTaken: Bool, _ mustTake: Bool?, at node: Node) {
        guard let mustTake else { return }
        check(
            isTaken == mustTake, .quotaLimit, node,
            "it \(isTaken ? "takes" : "refuses") a proposal with \(node.leadership.quotaBytes) bytes outstanding of "
                + "\(plan.replica.uncommittedBytesMax)\(isTaken ? ", or while it hands leadership over" : "")")
    }

    // MARK: Snapshots

    /// How a leader sends to a replica, where that is certain.
    func peerStatus(_ id: ReplicaID, at node: Node) -> ReplicaStatus.Peer? {
        guard node.isLeader, !node.isBusy else { return nil }
        return node.replica?.status.peers.first { $0.id == id }
    }

    /// A report ends the wait for a snapshot, and is believed.
    func checkReport(_ node: Node, _ id: ReplicaID, isFailed: Bool, before: ReplicaStatus.Peer?) {
        guard let before, before.mode == .snapshot, let after = peerStatus(id, at: node) else { return }
        let next = isFailed ? before.match + 1 : max(before.match, before.pendingSnapshot) + 1
        check(
            after.mode == .probe && after.next == next, .progressTrue, node,
            "its snapshot for \(id.value) \(isFailed ? "failed" : "arrived"): next is \(after.next.value), mode \(after.mode)"
        )
    }
}
