import Raft
import WeirSimulation

/// The second phase: what the group must show once a core of it is well.
struct Recovery {
    /// The nodes that are well from now on; the others are gone, or cut off for good.
    var core: NodeSet
    /// Proposals from this one on are of this phase.
    var firstProposal: Int
    /// Proposals that were acknowledged in this phase.
    var acknowledged = 0
    /// How far the group was when it last got further, and when that was.
    var reached = 0
    var reachedAt: Int
    var isDone = false
    /// Nobody can be elected any more.
    var isWedged = false
    /// How long nothing may move.
    var patienceTicks: Int
    /// The event it began with.
    var firstEvent: Int
    /// When the last change of the membership was applied.
    var changedAt: Int
    var membershipIndex: UInt64 = 0

    /// Events in which it must be over: replicas that answer each other without end do not get there.
    static let eventsMax = 2_000_000

    /// Proposals that must get through.
    static let proposalsMin = 5
}

extension Simulation {
    /// Ends the faults, and waits until the core elects, commits, leaves joint configurations and converges.
    func recover() {
        guard let core = drawCore() else {
            counts[.wedged] += 1
            return
        }
        // Who is to be elected may have to campaign until its term is the highest, one at a time.
        let terms = core.slots.map { Int(nodes[$0].term) }
        let spread = (terms.max() ?? 0) - (terms.min() ?? 0)
        recovery = Recovery(
            core: core, firstProposal: history.proposals.count, reachedAt: now,
            patienceTicks: (60 + 3 * spread) * plan.replica.electionTicks, firstEvent: eventCount, changedAt: now)
        note("from now on nodes \(core.slots.map { $0 + 1 }) are well")
        network.calmDown()
        // What is under way might tell what decides who can be elected.
        if isAnythingBroken { network.resetAll() }
        for node in nodes { settleFate(of: node, isWell: core.has(node.slot)) }
        while violation == nil, recovery?.isDone == false, recovery?.isWedged == false, let event = queue.next() {
            handle(event)
        }
        if violation == nil, recovery?.isDone == true { checkAtRest() }
    }

    private func settleFate(of node: Node, isWell: Bool) {
        guard let core = recovery?.core else { return }
        guard isWell else {
            network.cut(from: node.slot, core)
            for slot in core.slots { network.cut(from: slot, node.id.bit) }
            if random.below(2) == 0 { crash(node, cutsPower: true) }
            return
        }
        node.pausedUntil = 0
        node.tickUnits = drawTickUnits()
        var faults = node.disk.faults
        faults.triggers = []
        if node.isRunning { faults.powerCutAt = nil }
        node.disk.faults = faults
        node.disk.capacityBytes = 1 << 40
        if node.isRunning { offer(node.sendable, at: node) }
        if node.phase == .down, !node.isStopped {
            queue.add(.start, at: now + random.below(1000), node: node.slot, life: node.life)
        }
    }

    /// Nodes that are enough: some members if that will do, otherwise all usable nodes; nil where not even those are.
    ///
    /// Nodes that are no members any more are left out unless they are needed: without pre-vote or check-quorum those
    /// that do not know it campaign for ever, and nothing else may get through.
    private func drawCore() -> NodeSet? {
        let usable = usableNodes
        let members = history.latestMembership.members.everybody & usable
        for _ in 0..<4 where isAnythingBroken {
            var core: NodeSet = 0
            for slot in members.slots where random.below(4) > 0 { core |= 1 << NodeSet(slot) }
            if isEnough(core) { return core }
        }
        guard isEnough(usable) else { return nil }
        var core = usable
        for slot in (usable & ~members).slots where isEnough(core & ~(1 << NodeSet(slot))) {
            core &= ~(1 << NodeSet(slot))
        }
        return core
    }

    /// Whether nodes may be gone in this phase.
    private var isAnythingBroken: Bool { !options.without.isSuperset(of: [.crashes, .partitions]) }

    /// Whether one of them can be elected, and lead what the group has decided to be and may yet decide to be.
    private func isEnough(_ core: NodeSet) -> Bool {
        history.latestMembership.members.hasQuorum(core) && admitted.allSatisfy { $0.hasQuorum(core) }
            && canElect(among: core)
    }

    /// Once a tick: whether the group gets further.
    func watchRecovery() {
        guard var recovery else { return }
        stopRemovedNodes()
        let latest = history.latestMembership
        let members = latest.members.everybody & recovery.core & ~stranded
        var reached = Int(history.lastCommitted) + history.memberships.count + recovery.acknowledged
        // Long tails take long to be copied, an entry a message where messages are small.
        for slot in recovery.core.slots { reached += Int(nodes[slot].applied + nodes[slot].stored.log.last) }
        var isEven = true
        for slot in members.slots {
            let node = nodes[slot]
            if !node.isRunning || node.applied < history.lastCommitted || !node.isQuiet { isEven = false }
        }
        if reached > recovery.reached {
            recovery.reached = reached
            recovery.reachedAt = now
        }
        let isThrough = recovery.acknowledged >= Recovery.proposalsMin && !latest.members.isJoint
        if isThrough { queue.keep { $0.kind != .client } }
        recovery.isDone = isThrough && isEven && isAtRest(members)
        if latest.index != recovery.membershipIndex {
            recovery.membershipIndex = latest.index
            recovery.changedAt = now
        }
        self.recovery = recovery
        if latest.members.isJoint && !latest.members.autoLeave { leaveJoint() }
        if now - recovery.reachedAt > recovery.patienceTicks * unitsPerTick { giveUp(members) }
        checkEnds(recovery, latest.members)
    }

    /// What must end although something moves.
    private func checkEnds(_ recovery: Recovery, _ latest: Members) {
        let isLate = now - recovery.changedAt > 2 * recovery.patienceTicks * unitsPerTick
        check(
            !latest.isJoint || !isLate || recovery.acknowledged < Recovery.proposalsMin, .progress, coreLeader,
            "proposals get through, and the joint configuration is not left: \(latest)")
        check(
            eventCount - recovery.firstEvent < Recovery.eventsMax, .progress, coreLeader,
            "after \(Recovery.eventsMax) events there is still no rest")
    }

    /// Nothing moves. A violation, unless the rules themselves leave nobody who could be elected.
    ///
    /// That happens: a leader that steps down as soon as it applies its own demotion may be the only one who knows
    /// that the change is committed, and refuse its vote to all others, who count it still and whose logs are shorter.
    private func giveUp(_ members: NodeSet) {
        guard let core = recovery?.core, coreLeader != nil || canElect(among: core) else {
            note("nobody can be elected")
            counts[.wedged] += 1
            recovery?.isWedged = true
            return
        }
        fail(.progress, nil, progressText(members))
    }

    /// Who leads the core, in the latest term.
    private var coreLeader: Node? {
        var leader: Node?
        for node in nodes where node.isLeader && recovery?.core.has(node.slot) == true {
            if leader.map({ node.term > $0.term }) ?? true { leader = node }
        }
        return leader
    }

    /// Members that nothing brings back: their term is above the leader's, and no vote of theirs reaches those who decide.
    ///
    /// Learners do not campaign; and a node that was removed and taken in again with its old disk campaigns among those
    /// who were members then. Only with pre-vote or check-quorum do they answer the leader, which raises its term.
    var stranded: NodeSet {
        guard recovery != nil, !plan.replica.preVote, !plan.replica.checkQuorum, let leader = coreLeader else {
            return 0
        }
        let deciding = history.latestMembership.members.allVoters | leader.id.bit
        return nodes.reduce(0) { set, node in
            guard node.term > leader.term else { return set }
            let asked = node.members.allVoters.has(node.slot) ? node.members.allVoters & ~node.id.bit : 0
            return asked & deciding == 0 ? set | node.id.bit : set
        }
    }

    /// An operator ends what nobody else would.
    private func leaveJoint() {
        guard random.below(plan.replica.electionTicks) == 0, let leader = coreLeader else { return }
        propose(.leaveJoint, at: leader)
    }

    /// Whether nothing is under way any more.
    private func isAtRest(_ members: NodeSet) -> Bool {
        guard let leader = coreLeader, members.has(leader.slot), let replica = leader.replica else { return false }
        return replica.status.peers.allSatisfy { peer in
            !members.has(peer.id.slot) || peer.match.value == history.lastCommitted && peer.inflightCount == 0
        }
    }

    private func progressText(_ members: NodeSet) -> String {
        let states = (recovery?.core ?? members).slots.map { slot in
            let node = nodes[slot]
            return "\(slot + 1): \(node.phase) \(node.softState.role) term \(node.term) commit \(node.commit)"
                + " applied \(node.applied) last \(node.log.lastMark.term)/\(node.log.last) \(node.members)"
                + (node.isQuiet ? "" : " at work")
        }
        return
            "nothing has moved for \(recovery?.patienceTicks ?? 0) ticks, \(recovery?.acknowledged ?? 0) proposals got through; "
            + "\(history.latestMembership.members); " + states.joined(separator: "; ")
    }

    /// What must be so at the end.
    private func checkAtRest() {
        guard let core = recovery?.core else { return }
        let members = history.latestMembership.members.everybody & core & ~stranded
        for slot in members.slots {
            let node = nodes[slot]
            check(
                node.stateHash == history.state(at: node.applied), .stateMachineSafety, node,
                "its state is not the one of what was committed")
            check(
                node.configuration == history.latestMembership.state, .configurationAgrees, node,
                "its configuration is not the last one")
        }
        for (place, proposal) in history.proposals.enumerated() where proposal.acknowledged > 0 {
            let index = proposal.acknowledged
            check(
                index <= history.lastCommitted && history.payload(at: index) == UInt64(place + 1), .noLostWrite, nil,
                "payload \(place + 1) was acknowledged at \(index) and is not there")
        }
        guard let leader = coreLeader else { return }
        checkQuotaDrained(leader)
    }

    /// With nothing outstanding the whole quota is free.
    private func checkQuotaDrained(_ leader: Node) {
        let quota = plan.replica.uncommittedBytesMax
        guard quota >= 8, let replica = leader.replica else { return }
        history.proposals.append(History.Proposal(node: UInt8(leader.slot), life: leader.life, bringers: 1))
        let first = Payload(handle: UInt64(history.proposals.count), byteCount: 8)
        do {
            try replica.propose([first])
            guard quota >= 16 else { return }
            history.proposals.append(History.Proposal(node: UInt8(leader.slot), life: leader.life, bringers: 1))
            try replica.propose([Payload(handle: UInt64(history.proposals.count), byteCount: quota - 8)])
        } catch {
            fail(.memoryBounded, leader, "nothing is outstanding, and the quota of \(quota) bytes is used up")
        }
    }
}
