import Raft
import WeirRuntime
import WeirSimulation

/// How nodes begin, end and begin again.
extension Simulation {
    /// Adds a machine with an empty disk.
    private func addNode() -> Node {
        let slot = nodes.count
        precondition(slot < 32, "a run has at most 32 nodes")
        var faults = DiskFaults()
        if plan.powerCut != .never { faults.shortWrite = 0.01 }
        faults.writeback = 0.02
        let node = Node(slot: slot, disk: SimulatedDisk(seed: random.next(), faults: faults), plan: plan)
        nodes.append(node)
        return node
    }

    /// Starts a node that is there from the beginning.
    func bootNode() {
        let node = addNode()
        let start = LogIndex(Simulation.firstIndex)
        var contents = Journal.Contents()
        contents.hardState = HardState(term: 1, commit: start)
        contents.snapshot = Snapshot(
            last: EntryID(term: 1, index: start), configuration: history.latestMembership.state,
            payload: Payload(handle: 1, byteCount: 8))
        boot(node, contents)
    }

    /// Starts a new node that knows of nothing, to join the group; nil where there are enough.
    func addJoiner() -> Node? {
        guard nodes.count < 24 else { return nil }
        let node = addNode()
        boot(node, Journal.Contents())
        return node
    }

    private func boot(_ node: Node, _ contents: Journal.Contents) {
        do {
            let journal = try Journal(on: node.disk, contents)
            node.stored.begin(contents.hardState, contents.snapshot.last.index.value, baseMark(of: contents.snapshot))
            run(node, journal, contents)
        } catch {
            preconditionFailure("a disk begins without faults: \(error)")
        }
    }

    /// What stands at the snapshot's place, for who begins from it.
    func baseMark(of snapshot: Snapshot) -> Mark {
        let index = snapshot.last.index.value
        return history.mark(at: index) ?? Mark(term: snapshot.last.term.value, chain: 0)
    }

    // MARK: The end

    /// Ends the node's process; a power cut also takes what was not synced.
    func crash(_ node: Node, cutsPower: Bool) {
        guard node.phase == .running || node.phase == .recovering else { return }
        note("node \(node.slot + 1) \(cutsPower ? "loses power" : "is killed")")
        counts[cutsPower ? .powerCuts : .crashes] += 1
        node.end()
        node.phase = .down
        node.lostPower = cutsPower
        node.disk = cutsPower ? node.disk.crash() : node.disk.kill()
        fold(UInt64(node.slot) << 8 | (cutsPower ? 1 : 0))
        if let recovery, !recovery.core.has(node.slot) { return }
        planStart(of: node)
    }

    func planStart(of node: Node) {
        queue.add(.start, at: now + random.around(plan.startMean), node: node.slot, life: node.life)
    }

    /// Ends a process whose disk failed it: what it does not know to be stored must not be believed.
    func stop(_ node: Node, _ error: DiskError) {
        note("node \(node.slot + 1) stops: \(error)")
        if error.code == .full { counts[.fullDisks] += 1 } else { counts[.failedSyncs] += 1 }
        // A disk without power fails every call; one that failed once still has its page cache.
        let isDead = node.disk.faults.powerCutAt != nil
        crash(node, cutsPower: isDead || random.below(2) == 0)
    }

    // MARK: The beginning

    /// Starts the process of a node that is down.
    func start(_ node: Node) {
        guard node.phase == .down else { return }
        node.phase = .recovering
        var faults = node.disk.faults
        faults.triggers = []
        faults.powerCutAt = nil
        node.disk.faults = faults
        if node.disk.capacityBytes < 1 << 40, random.below(2) == 0 { node.disk.capacityBytes = 1 << 40 }
        note("node \(node.slot + 1) starts")
        queue.add(.recover, at: now + random.around(200), node: node.slot, life: node.life)
    }

    /// Goes on from what the disk holds.
    func recover(_ node: Node) {
        guard node.phase == .recovering else { return }
        do {
            guard let contents = try Journal.contents(of: node.disk) else {
                return fail(.recovered, node, "its journal is gone")
            }
            guard contents.isDamaged == node.isFlipped else {
                return fail(
                    .damageNoticed, node,
                    node.isFlipped ? "a flipped bit went unnoticed" : "a sound journal seems damaged")
            }
            if contents.isDamaged { return retire(node) }
            noteLosses(node, contents)
            node.guardedBytes = 0
            let journal = try Journal(on: node.disk, contents)
            var chain = baseMark(of: contents.snapshot)
            var marks = [chain]
            for entry in contents.entries {
                chain = entry.mark(after: chain.chain)
                marks.append(chain)
            }
            let isSound = node.stored.recover(
                contents.sequence, contents.hardState, start: contents.snapshot.last.index.value,
                last: contents.entries.last?.index.value ?? contents.snapshot.last.index.value, marks: marks)
            check(isSound, .recovered, node, "what it reads back is not what it stored: \(contents.hardState)")
            var believed = contents
            if options.sabotage == .forgottenVote { believed.hardState.vote = .none }
            run(node, journal, believed)
        } catch {
            stop(node, error)
        }
    }

    private func noteLosses(_ node: Node, _ contents: Journal.Contents) {
        if node.stored.isAhead(of: contents.sequence) { counts[.lostWrites] += 1 }
    }

    private func retire(_ node: Node) {
        note("node \(node.slot + 1) finds its journal damaged and never votes or acknowledges again")
        node.phase = .damaged
        node.life &+= 1
        counts[.damaged] += 1
    }

    private func run(_ node: Node, _ journal: Journal, _ contents: Journal.Contents) {
        let snapshot = contents.snapshot
        let storage = MemoryStorage(
            start: snapshot.last, configuration: snapshot.configuration, hardState: contents.hardState)
        storage.append(contents.entries)
        var configuration = plan.replica
        configuration.id = node.id
        configuration.asyncStorageWrites = node.writesAsynchronously
        configuration.applied = snapshot.last.index
        node.journal = journal
        node.storage = storage
        offer(snapshot.last.index > 0 ? snapshot : nil, at: node)
        node.hardState = contents.hardState
        node.log.reset(to: snapshot.last.index.value, baseMark(of: snapshot))
        node.openChanges = []
        for entry in contents.entries {
            node.log.append(entry.mark(after: node.log.lastMark.chain))
            if entry.kind != .normal { node.openChanges.append(entry.index.value) }
        }
        install(snapshot, at: node)
        node.phase = .running
        node.tickUnits = drawTickUnits()
        node.replica = Replica(configuration, storage: storage, random: SeededRandom(seed: random.next()))
        counts[.starts] += 1
        let status = node.replica?.status
        check(
            status?.hardState == contents.hardState || contents.hardState.isEmpty, .recovered, node,
            "it goes on with \(status?.hardState ?? HardState()), not with the stored \(contents.hardState)")
        check(
            status?.configuration == snapshot.configuration, .configurationAgrees, node,
            "it goes on with another configuration than the stored one")
        queue.add(.tick, at: now + random.below(node.tickUnits) + 1, node: node.slot, life: node.life)
        settle(node)
    }

    /// Makes the state machine what the snapshot says.
    func install(_ snapshot: Snapshot, at node: Node) {
        node.snapshot = snapshot
        node.applied = snapshot.last.index.value
        node.appliedTold = node.applied
        node.handedOut = node.applied
        node.stateHash = snapshot.payload.handle
        node.configuration = snapshot.configuration
        node.members = Members(snapshot.configuration)
    }

    /// Has a snapshot ready for who needs one.
    func offer(_ snapshot: Snapshot?, at node: Node) {
        node.sendable = snapshot
        node.storage.snapshotToSend = snapshot
    }

    /// A clock's rate: at most so many per mille faster or slower, and about exact once the faults are over.
    func drawTickUnits() -> Int {
        if recovery != nil { return unitsPerTick * (95 + random.below(11)) / 100 }
        guard plan.driftPerMille > 0 else { return unitsPerTick }
        let drift = 1000 + random.below(plan.driftPerMille + 1)
        return random.below(2) == 0 ? unitsPerTick * drift / 1000 : unitsPerTick * 1000 / drift
    }

    // MARK: Inputs of a running node

    func tick(_ node: Node) {
        guard let replica = node.replica else { return }
        queue.add(.tick, at: now + node.tickUnits, node: node.slot, life: node.life)
        let count = 1 + node.ticksMissed
        node.ticksMissed = 0
        node.ticks += count
        node.isExact = !node.isBusy
        if count == 1 { replica.tick() } else { replica.tick(count) }
        settle(node)
        if node.isLeader, node.ticks % plan.replica.electionTicks < count { audit(node) }
    }

    func reportSnapshot(_ node: Node, _ operand: UInt32) {
        let receiver = ReplicaID(slot: Int(operand >> 1))
        let isFailed = operand & 1 == 1
        note("node \(node.slot + 1) learns that its snapshot for \(receiver.value) \(isFailed ? "failed" : "arrived")")
        node.isExact = !node.isBusy
        let before = peerStatus(receiver, at: node)
        node.leadership.awaitsSnapshot &= ~receiver.bit
        node.replica?.reportSnapshot(to: receiver, isFailed ? .failed : .delivered)
        checkReport(node, receiver, isFailed: isFailed, before: before)
        settle(node)
    }

    func reportUnreachable(_ node: Node, _ operand: UInt32) {
        node.isExact = !node.isBusy
        node.replica?.reportUnreachable(ReplicaID(slot: Int(operand)))
        settle(node)
    }
}
