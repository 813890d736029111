import Raft
import WeirRuntime
import WeirSimulation

/// How messages leave, and what may happen to them on their way.
extension Simulation {
    /// Sends a message of a replica to another.
    func transmit(_ message: Message, from node: Node) {
        checkLeaving(message, of: node)
        let to = message.to.slot
        guard to >= 0, to < nodes.count else {
            return fail(.noUnexpectedError, node, "\(message.line) is for nobody")
        }
        if message.kind == .snapshot { noteSnapshot(to: to, from: node) }
        if network.lostKind == message.kind, random.below(10) > 0 {
            counts[.lost] += 1
            return noteLost(message, node, to)
        }
        switch network.send(message, from: node.slot, to: to, at: now) {
        case .arrives(let packet, let time):
            plan(packet, at: time, to: to)
        case .arrivesTwice(let packet, let first, let second):
            counts[.duplicated] += 1
            plan(packet, at: first, to: to)
            plan(packet, at: second, to: to)
        case .lost:
            counts[.lost] += 1
            noteLost(message, node, to)
        case .cut:
            counts[.blocked] += 1
            noteLost(message, node, to)
        }
    }

    private func plan(_ packet: SimulatedNetwork.Packet, at time: MonotonicTime, to: Int) {
        queue.add(.delivery, at: Network.time(time), node: to, operand: packet.number)
    }

    private func noteSnapshot(to: Int, from node: Node) {
        counts[.snapshotsSent] += 1
        guard !plan.snapshotsReported else { return }
        // The shell never hears of success: it gives up after a while.
        queue.add(
            .snapshotReport, at: now + 4 * plan.replica.electionTicks * unitsPerTick, node: node.slot, life: node.life,
            operand: UInt32(to) << 1 | 1)
    }

    private func noteLost(_ message: Message, _ node: Node, _ to: Int) {
        note("\(message.line) is lost")
        if message.kind == .propose { return }
        noteUndelivered(from: node, to: nodes[to], snapshot: message.snapshot?.last.index.value ?? 0)
    }

    /// Delivers what has arrived, if its receiver runs.
    func deliver(_ event: Event) {
        let (from, to) = network.ends(of: event.operand)
        let node = nodes[to]
        if node.isRunning, node.pausedUntil > now {
            return queue.add(.delivery, at: node.pausedUntil, node: node.slot, operand: event.operand)
        }
        do {
            switch try network.take(event.operand) {
            case .message(let message) where node.isRunning:
                begin(event)
                take(message, at: node)
            case .message(let message):
                lose(from: nodes[from], to: node, snapshot: message.snapshot?.last.index.value ?? 0)
            case .nothing(let snapshot):
                lose(from: nodes[from], to: node, snapshot: snapshot)
            }
        } catch {
            begin(event)
            fail(.noUnexpectedError, node, "a message does not decode: \(error)")
        }
    }

    private func take(_ message: Message, at node: Node) {
        fold(UInt64(message.kind.rawValue) << 56 | message.term.value << 32 | message.index.value)
        counts[.delivered] += 1
        note("\(message.line) arrives")
        if message.kind == .snapshot, plan.snapshotsReported {
            planSnapshotReport(message.from.slot, of: node.slot, isFailed: false)
        }
        receive(message, at: node)
    }

    private func lose(from: Node, to: Node, snapshot: UInt64) {
        counts[.lost] += 1
        noteUndelivered(from: from, to: to, snapshot: snapshot)
    }

    /// The shell of a message that was lost may notice.
    private func noteUndelivered(from: Node, to: Node, snapshot: UInt64) {
        guard from.isRunning else { return }
        if snapshot > 0 { planSnapshotReport(from.slot, of: to.slot, isFailed: true) }
        guard random.happens(plan.reports) else { return }
        queue.add(
            .unreachableReport, at: now + random.around(500), node: from.slot, life: from.life,
            operand: UInt32(to.slot))
    }

    private func planSnapshotReport(_ sender: Int, of receiver: Int, isFailed: Bool) {
        queue.add(
            .snapshotReport, at: now + random.around(500), node: sender, life: nodes[sender].life,
            operand: UInt32(receiver) << 1 | (isFailed ? 1 : 0))
    }
}
