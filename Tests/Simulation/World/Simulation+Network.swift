import Raft
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
        if message.kind == .snapshot {
            counts[.snapshotsSent] += 1
            if !plan.snapshotsReported {
                // The shell never hears of success: it gives up after a while.
                queue.add(
                    .snapshotReport, at: now + 4 * plan.replica.electionTicks * unitsPerTick, node: node.slot,
                    life: node.life, operand: UInt32(to) << 1 | 1)
            }
        }
        guard !network.isBlocked(from: node.slot, to: to) else {
            counts[.blocked] += 1
            return noteLost(message, node, to)
        }
        if recovery == nil, isLost(message, from: node.slot, to: to) {
            counts[.lost] += 1
            return noteLost(message, node, to)
        }
        let place = network.add(message, from: node.slot, to: to)
        plan(place, from: node.slot, to: to)
        guard recovery == nil, random.happens(self.plan.duplication) else { return }
        counts[.duplicated] += 1
        plan(place, from: node.slot, to: to)
    }

    private func plan(_ place: UInt32, from: Int, to: Int) {
        var delay = plan.delayFloor + random.around(recovery == nil ? plan.delayMean : 50)
        let path = UInt64(from * 8 + to) & 63
        if recovery == nil, plan.slowPathMask >> path & 1 == 1 { delay *= plan.slowPathFactor }
        // Nothing is under way for longer than twenty ticks: by then a connection is given up.
        delay = min(delay, 20 * unitsPerTick)
        let time = network.plan(place, at: now + delay, inOrder: plan.isFIFO)
        queue.add(.delivery, at: time, node: to, operand: place)
    }

    private func isLost(_ message: Message, from: Int, to: Int) -> Bool {
        if random.happens(plan.loss) { return true }
        if network.lostKind == message.kind, random.below(10) > 0 { return true }
        return network.underWay(from: from, to: to) >= plan.capacity
    }

    private func noteLost(_ message: Message, _ node: Node, _ to: Int) {
        note("\(message.line) is lost")
        if message.kind == .propose { return }
        noteUndelivered(from: node, to: nodes[to], snapshot: message.snapshot?.last.index.value ?? 0)
    }
}
