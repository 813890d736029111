import Raft
import WeirSimulation

/// Faults that come and go with time.
extension Simulation {
    /// Once a tick of an exact clock.
    func changeWeather() {
        queue.add(.weather, at: now + unitsPerTick)
        if nodes.contains(where: \.isStopped) { startReturningNodes() }
        if recovery != nil { return watchRecovery() }
        changeNetwork()
        changeNodes()
        changeDisks()
        if random.below(50) == 0 { stopRemovedNodes() }
    }

    /// A node that runs, drawn; nil where none does.
    func drawRunning() -> Node? {
        var running: [Node] = []
        for node in nodes where node.isRunning { running.append(node) }
        return running.isEmpty ? nil : random.element(of: running)
    }

    // MARK: Network

    private func changeNetwork() {
        if network.isPartitioned {
            if random.happens(plan.heal) {
                note("the network heals")
                network.mend()
            }
        } else if random.happens(plan.partition) {
            partition()
        }
        if network.lostKind != nil {
            if random.below(15) == 0 { network.lostKind = nil }
        } else if random.happens(plan.kindLoss) {
            let kinds: [Message.Kind] = [
                .append, .appendResponse, .heartbeat, .heartbeatResponse, .vote, .voteResponse, .snapshot, .timeoutNow,
                .preVoteResponse, .readIndexResponse,
            ]
            let kind = random.element(of: kinds)
            network.lostKind = kind
            note("messages of kind \(kind) are lost")
        }
        if random.happens(plan.reset) {
            let from = random.below(nodes.count)
            let to = random.below(nodes.count)
            counts[.resets] += 1
            network.reset(from: from, to: to)
        }
    }

    /// Cuts a part of the nodes off: one, the leader, or any set; both ways or one.
    private func partition() {
        var part: NodeSet = 0
        switch random.below(4) {
        case 0:
            part = 1 << NodeSet(random.below(nodes.count))
        case 1:
            for node in nodes where node.isLeader { part |= node.id.bit }
        default:
            for node in nodes where random.below(2) == 0 { part |= node.id.bit }
        }
        let isAsymmetric = random.happens(plan.asymmetric)
        let isInward = random.below(2) == 0
        counts[.partitions] += 1
        note(
            "nodes \(part.slots.map { $0 + 1 }) are cut off\(isAsymmetric ? isInward ? ", inwards" : ", outwards" : "")"
        )
        for slot in 0..<32 {
            if part.has(slot) {
                if !isAsymmetric || !isInward { network.cut(from: slot, ~part) }
            } else if !isAsymmetric || isInward {
                network.cut(from: slot, part)
            }
        }
    }

    // MARK: Nodes

    private func changeNodes() {
        if random.happens(plan.crash), let node = drawRunning() { crashSomehow(node) }
        if plan.crash != .never, random.happens(plan.crash), let leader = nodes.first(where: \.isLeader) {
            // Leaders are worth more than others.
            if random.below(2) == 0 { crashSomehow(leader) }
        }
        for node in nodes where node.phase == .recovering && plan.crash != .never && random.below(100) == 0 {
            crash(node, cutsPower: random.happens(plan.powerCut))
        }
        if random.happens(plan.blackout) {
            counts[.blackouts] += 1
            note("all nodes go down")
            for node in nodes { crash(node, cutsPower: random.happens(plan.powerCut)) }
        }
        if random.happens(plan.pause), let node = drawRunning() {
            counts[.pauses] += 1
            node.pausedUntil = now + random.around(plan.pauseMean)
            note("node \(node.slot + 1) stands still")
        }
        if plan.driftPerMille > 0, random.below(50) == 0, let node = drawRunning() { node.tickUnits = drawTickUnits() }
    }

    private func crashSomehow(_ node: Node) {
        guard random.happens(plan.cutAtCall) else { return crash(node, cutsPower: random.happens(plan.powerCut)) }
        // In the middle of one of its next calls.
        var faults = node.disk.faults
        faults.powerCutAt = node.disk.changeCount + 1 + random.below(4)
        node.disk.faults = faults
    }

    // MARK: Disks

    private func changeDisks() {
        if random.happens(plan.failedSync), let node = drawRunning() {
            var faults = node.disk.faults
            faults.triggers = [DiskFaults.Trigger(.sync, nth: 1 + random.below(3))]
            faults.afterFailedSync = random.below(2) == 0 ? .keepsPages : .dropsPages
            node.disk.faults = faults
        }
        if random.happens(plan.fullDisk), let node = drawRunning() {
            node.disk.capacityBytes = node.disk.usedBytes
        }
        guard plan.corruption != .never else { return }
        for node in nodes
        where node.phase == .down && node.lostPower && !node.isFlipped && random.happens(plan.corruption) {
            damage(node)
        }
    }

    /// Flips a stored bit where that will be noticed, and the group can spare the node.
    private func damage(_ node: Node) {
        let usable = usableNodes & ~node.id.bit
        guard node.guardedBytes > 0, canGoOn(with: usable), canElect(among: usable) else { return }
        let bit = Int64(random.below(Int(node.guardedBytes) * 8))
        guard node.disk.flipBit(bit, of: Journal.path) else { return }
        node.disk.evictCleanPages()
        node.isFlipped = true
        note("a bit of node \(node.slot + 1)'s journal flips")
    }
}
