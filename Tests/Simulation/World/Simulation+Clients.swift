import Raft
import WeirSimulation

/// What the group is asked for.
extension Simulation {
    /// Does one thing that a client or an operator may do, and plans the next.
    func serveClient() {
        queue.add(.client, at: now + 1 + random.around(recovery == nil ? plan.clientMean : 2 * unitsPerTick))
        guard let node = drawServing() else { return }
        if recovery != nil { return propose(1, at: node) }
        let weights = [
            plan.proposalWeight, plan.readWeight, plan.transferWeight, plan.membershipWeight, plan.compactionWeight,
            plan.forgetWeight, plan.campaignWeight,
        ]
        var left = random.below(weights.reduce(0, +))
        let choice = weights.firstIndex { weight in
            left -= weight
            return left < 0
        }
        switch choice {
        case 0:
            // Who owns the group stops asking when too much is outstanding.
            guard node.log.last - min(node.commit, node.log.last) < 300 else { return }
            propose(1 + random.below(plan.proposalBatchMax), at: node)
        case 1: read(at: node)
        case 2: transfer(at: node)
        case 3: changeMembership(at: node)
        case 4: takeSnapshot(at: node)
        case 5: forgetLeader(at: node)
        default: campaign(at: node)
        }
    }

    /// A node that answers clients: any, and often one that leads.
    private func drawServing() -> Node? {
        var serving: [Node] = []
        var leaders: [Node] = []
        for node in nodes where node.isRunning && node.pausedUntil <= now {
            if let recovery, !recovery.core.has(node.slot) { continue }
            serving.append(node)
            if node.isLeader { leaders.append(node) }
        }
        if !leaders.isEmpty, random.below(2) == 0 { return random.element(of: leaders) }
        return serving.isEmpty ? nil : random.element(of: serving)
    }

    /// Proposes payloads that were never seen before.
    func propose(_ count: Int, at node: Node) {
        guard let replica = node.replica else { return }
        var payloads: [Payload] = []
        let first = history.proposals.count
        for _ in 0..<count {
            history.proposals.append(History.Proposal(node: UInt8(node.slot), life: node.life, bringers: 1))
            let size = 8 + random.below(plan.payloadBytesMax - 7)
            payloads.append(Payload(handle: UInt64(history.proposals.count), byteCount: size))
        }
        counts[.proposals] += count
        note("node \(node.slot + 1) is asked to store \(first + 1)...\(first + count)")
        node.isExact = !node.isBusy
        let mustTake = mustTake(payloads.reduce(0) { $0 + $1.byteCount }, at: node)
        do {
            try replica.propose(payloads)
            checkTaken(true, mustTake, at: node)
        } catch {
            checkTaken(false, mustTake, at: node)
            counts[.dropped] += count
            for place in first..<first + count { history.proposals[place].bringers = 0 }
            check(error == .proposalDropped, .noUnexpectedError, node, "a proposal fails: \(error)")
        }
        settle(node)
    }

    /// Counts who may append the payloads of a message: who got it, less who passes it on.
    func countBringers(_ message: Message, _ count: Int16) {
        for entry in message.entries where entry.kind == .normal && entry.payload.handle > 0 {
            history.proposals[Int(entry.payload.handle) - 1].bringers += count
        }
    }

    private func read(at node: Node) {
        guard let replica = node.replica else { return }
        history.reads.append(
            History.Read(node: UInt8(node.slot), life: node.life, floor: readFloor))
        let number = UInt64(history.reads.count)
        note("node \(node.slot + 1) is asked to read, number \(number)")
        node.isExact = !node.isBusy
        replica.readIndex(Payload(handle: number, byteCount: 8))
        settle(node)
    }

    /// What a read that begins now must see.
    ///
    /// A confirmed read sees everything that anybody knows to be committed. A lease bounds how long a leader
    /// may go on that has been replaced: it looks for a quorum once an election timeout, and finds one that
    /// was heard of in the timeout before; answers on their way are older still.
    private var readFloor: UInt64 {
        guard plan.replica.readOption == .leaseBased else { return history.lastCommitted }
        return history.committed(at: now - (2 * plan.replica.electionTicks + 22) * unitsPerTick)
    }

    private func transfer(at node: Node) {
        guard let replica = node.replica else { return }
        let target = ReplicaID(slot: random.below(nodes.count))
        note("node \(node.slot + 1) is asked to hand leadership to \(target.value)")
        counts[.transfersAsked] += 1
        node.isExact = !node.isBusy
        if node.isLeader {
            node.leadership.since = node.ticks
            node.leadership.transferSeen = node.ticks
        }
        replica.transferLeadership(to: target)
        settle(node)
    }

    private func forgetLeader(at node: Node) {
        node.isExact = !node.isBusy
        node.replica?.forgetLeader()
        settle(node)
    }

    private func campaign(at node: Node) {
        note("node \(node.slot + 1) is asked to campaign")
        node.isExact = !node.isBusy
        node.replica?.campaign()
        settle(node)
    }

    /// Takes a snapshot of what is applied, and drops a part of the log behind it.
    private func takeSnapshot(at node: Node) {
        guard let journal = node.journal else { return }
        if random.happens(plan.snapshotsUnavailable) {
            node.storage.snapshotToSend = nil
            return
        }
        node.storage.snapshotToSend = node.sendable
        // Not while a later one is on its way to the disk.
        guard node.applied >= node.overtaken else { return }
        guard node.applied > node.snapshot.last.index.value, let snapshot = makeSnapshot(of: node) else { return }
        note("node \(node.slot + 1) takes a snapshot at \(node.applied)")
        counts[.snapshotsTaken] += 1
        do {
            let write = Journal.Write(own: snapshot)
            noteWrite(write, try journal.write(write), of: node)
        } catch {
            return stop(node, error)
        }
        node.snapshot = snapshot
        offer(snapshot, at: node)
        let kept = UInt64(random.below(plan.entriesKept + 1))
        guard node.applied > kept else { return }
        try? node.storage.compact(to: LogIndex(node.applied - kept))
        node.log.compact(to: node.storage.firstIndex.value - 1)
        node.stored.compact(to: node.storage.firstIndex.value - 1)
    }

    /// The node's state as it is now.
    func makeSnapshot(of node: Node) -> Snapshot? {
        guard let mark = history.mark(at: node.applied) else { return nil }
        return Snapshot(
            last: EntryID(term: Term(mark.term), index: LogIndex(node.applied)), configuration: node.configuration,
            payload: Payload(handle: node.stateHash, byteCount: 8 + random.below(40)))
    }
}
