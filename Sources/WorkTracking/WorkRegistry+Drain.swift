/// How waiting for a drain ended.
public enum DrainVerdict: Sendable, Hashable {
    /// Nothing is in flight, and nothing can begin.
    case drained
    /// The waiting task was cancelled, or a component was opened again. What is closed stays closed.
    case interrupted
}

extension WorkRegistry {
    /// Refuses new roots, sessions and loops of the components, and those that queue; admitted work goes on.
    public func close(_ gates: [Gate]) {
        for gate in gates { gate.close() }
        noteChange()
    }

    /// Lets in only what reads, and what admitted work begins. Writes that were admitted go on.
    public func setReadOnly(_ gates: [Gate]) {
        for gate in gates { gate.setReadOnly() }
        noteChange()
    }

    /// Lets in again what writes.
    public func setWritable(_ gates: [Gate]) {
        for gate in gates { gate.setWritable() }
        noteChange()
    }

    /// Closes the components and returns when all their operations and loops have ended.
    ///
    /// Nested work is let in until nothing is in flight in any of the components, then they are sealed. No polling:
    /// an idle component takes microseconds. Give the components of one level together, and callers before callees;
    /// it may be called again after it was interrupted, and by several tasks at once.
    @discardableResult
    public func drain(gates: [Gate]) async -> DrainVerdict {
        preconditionOurs(gates)
        close(gates)
        let decided = await wait {
            guard gates.allSatisfy({ $0.currentWord.isClosed }) else { return .interrupted }
            return Self.isQuiet(gates) ? .drained : nil
        }
        guard decided == .drained else { return .interrupted }
        for gate in gates where !gate.seal() { return .interrupted }
        noteChange()
        // The scan after the seal: lineage may have lied to a gate between the decision and its seal.
        return await wait {
            var isZero = true
            for gate in gates {
                let word = gate.currentWord
                guard word.isSealed else { return .interrupted }
                if word.inFlight != 0 || gate.currentPresence.loops != 0 { isZero = false }
            }
            return isZero ? .drained : nil
        }
    }

    /// Returns when the components have no session any more. To be given a deadline by cancelling its task.
    @discardableResult
    public func sessionsEnded(of gates: [Gate]) async -> DrainVerdict {
        preconditionOurs(gates)
        return await wait {
            var isZero = true
            for gate in gates {
                let presence = gate.currentPresence
                // Only a closed gate tells when it reaches zero.
                guard presence.isClosed else { return .interrupted }
                if presence.sessions != 0 { isZero = false }
            }
            return isZero ? .drained : nil
        }
    }

    /// Lets work into drained components again.
    ///
    /// - Throws: `WorkRegistryError.Code.shuttingDown` once the process shuts down; `unknownName` where one is not
    ///   registered; `busy` with the names of those that have work in flight, which stay closed while the others are
    ///   open.
    public func reopen(gates: [Gate]) throws {
        let busy = try state.withLock { state throws(WorkRegistryError) in
            if state.isShuttingDown { throw WorkRegistryError(.shuttingDown, gates.map(\.name)) }
            // A gate that was unregistered may be gone as soon as its last user lets go: it stays sealed.
            let unknown = gates.filter { !Self.contains($0, in: state.gates) }
            guard unknown.isEmpty else { throw WorkRegistryError(.unknownName, unknown.map(\.name)) }
            return gates.filter { !$0.reopen() }
        }
        domain.zeroReached.fire()
        noteChange()
        guard busy.isEmpty else { throw WorkRegistryError(.busy, busy.map(\.name)) }
    }

    /// Says that the process shuts down: from here on nothing is opened again, and what registers begins closed.
    public func beginShutdown() {
        state.withLock { $0.isShuttingDown = true }
        noteChange()
    }

    /// Whether nothing is in flight in any of the gates, nor can be begun by what was: the two-wave check.
    ///
    /// One scan is no snapshot: work may pass from a gate not yet read to one that was. So read how many units ended
    /// everywhere, then how many started everywhere; equal, gate by gate, means that at the moment between the two
    /// waves nothing was in flight.
    private static func isQuiet(_ gates: [Gate]) -> Bool {
        let ended = gates.map { $0.progress().ended }
        return zip(gates, ended).allSatisfy { gate, ended in
            let second = gate.progress()
            return second.started == ended && second.word.inFlight == 0
        }
    }

    private func preconditionOurs(_ gates: [Gate]) {
        precondition(
            gates.allSatisfy { $0.domain === domain },
            "a gate tells its own registry when it reaches zero: another one would wait for ever")
    }

    /// Registers, then looks, then sleeps, until `look` has a verdict or the task is cancelled.
    private func wait(_ look: () -> DrainVerdict?) async -> DrainVerdict {
        while true {
            let watch = domain.zeroReached.arm()
            if let verdict = look() {
                domain.zeroReached.disarm(watch)
                return verdict
            }
            if case .cancelled = await domain.zeroReached.sleep(watch) { return .interrupted }
        }
    }
}
