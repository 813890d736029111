import Raft
import WeirRuntime
import WeirSimulation

/// The shell around a replica: what `Ready` asks for, in both ways to store.
extension Simulation {
    /// Takes in a message.
    ///
    /// A snapshot waits until the Ready under way is done: it changes the membership, and so must not come
    /// between a change of the membership that was handed out and its `apply`.
    func receive(_ message: Message, at node: Node) {
        if message.kind == .snapshot, node.isBusy { return node.held.append(message) }
        if message.kind == .propose {
            let changes = message.entries.compactMap(\.configurationChange)
            guard changes.allSatisfy({ mayPropose($0, at: node) }) else { return }
        }
        if options.sabotage == .deafFollower, recovery != nil, node.slot == 0, message.kind == .append { return }
        node.isExact = !node.isBusy
        let before = expectation(of: message, at: node)
        let isTaken = step(message, at: node)
        settle(node)
        if violation == nil, node.isRunning, isTaken { checkStep(message, at: node, before) }
    }

    /// Steps it in; false where the replica refused it.
    @discardableResult
    private func step(_ message: Message, at node: Node) -> Bool {
        guard let replica = node.replica else { return false }
        if message.kind == .propose { countBringers(message, 1) }
        do {
            try replica.step(message)
            return true
        } catch {
            if message.kind == .propose { countBringers(message, -1) }
            if error != .proposalDropped && error != .peerNotFound {
                fail(.noUnexpectedError, node, "\(message.line) is refused: \(error)")
            }
            return false
        }
    }

    /// Does what there is to do at once, until the node waits for its disk, its state machine, or others.
    func settle(_ node: Node) {
        guard !node.isSettling else { return }
        node.isSettling = true
        workOff(node)
        node.isSettling = false
        guard node.needsAudit else { return }
        node.needsAudit = false
        audit(node)
    }

    private func workOff(_ node: Node) {
        while violation == nil, let replica = node.replica {
            if !node.isBusy, replica.hasReady {
                take(replica.ready(), of: node)
            } else if let message = node.inbox.popFirst() {
                if message.kind == .storageAppendResponse { noteAttested(message, at: node) }
                step(message, at: node)
            } else if !node.isBusy, let message = node.held.popFirst() {
                step(message, at: node)
            } else if node.writing.isEmpty, !node.appendQueue.isEmpty {
                startWriting(node)
            } else if !node.isApplying, !node.applyQueue.isEmpty {
                startApplying(node)
            } else {
                return
            }
        }
    }

    private func take(_ ready: Ready, of node: Node) {
        observe(ready, of: node)
        guard violation == nil else { return }
        guard node.writesAsynchronously else { return store(ready, of: node) }
        for message in ready.messages {
            if message.to == .appendThread {
                node.appendQueue.append(message)
            } else if message.to == .applyThread {
                node.applyQueue.append(message)
            } else {
                transmit(message, from: node)
            }
        }
    }

    // MARK: Work between ready and advance

    private func store(_ ready: Ready, of node: Node) {
        node.ready = ready
        let write = Journal.Write(hardState: ready.hardState, entries: ready.entries, received: ready.snapshot)
        guard writeDown(write, of: node, mustSync: ready.mustSync || ready.snapshot != nil) else { return }
        show(ready.snapshot, ready.entries, at: node)
        if ready.mustSync || ready.snapshot != nil { return planSync(of: node) }
        finishStoring(node)
    }

    private func finishStoring(_ node: Node) {
        guard let ready = node.ready else { return }
        if let snapshot = ready.snapshot { installReceived(snapshot, at: node) }
        for message in ready.messages { transmit(message, from: node) }
        guard !ready.committedEntries.isEmpty, plan.applyMean > 0 else { return advance(node) }
        planApplied(node)
    }

    private func advance(_ node: Node) {
        guard let ready = node.ready else { return }
        apply(ready.committedEntries, at: node)
        guard violation == nil, let replica = node.replica else { return }
        noteApplied(ready.committedEntries, at: node)
        node.ready = nil
        replica.advance()
    }

    // MARK: The append thread

    private func startWriting(_ node: Node) {
        let count = min(node.appendQueue.count, 1 + random.below(plan.storesBatches))
        node.writing = Array(node.appendQueue[..<count])
        node.appendQueue.removeFirst(count)
        let mustSync = node.writing.contains { !$0.responses.isEmpty }
        for message in node.writing {
            var write = Journal.Write(entries: message.entries, received: message.snapshot)
            let state = HardState(term: message.term, vote: message.vote, commit: message.commit)
            if !state.isEmpty { write.hardState = state }
            guard writeDown(write, of: node, mustSync: mustSync) else { return }
            if !node.showsLate { show(message.snapshot, message.entries, at: node) }
        }
        // What only vouches for earlier writes need not wait for the device again.
        if mustSync, node.journal?.isSynced == false { return planSync(of: node) }
        finishResponding(node)
    }

    private func finishResponding(_ node: Node) {
        let done = node.writing
        node.writing = []
        for message in done {
            if node.showsLate { show(message.snapshot, message.entries, at: node) }
            if let snapshot = message.snapshot { installReceived(snapshot, at: node) }
            for response in message.responses {
                if response.to == node.id { node.inbox.append(response) } else { transmit(response, from: node) }
            }
        }
    }

    // MARK: The disk

    /// Writes to the journal; false where that ended the process.
    private func writeDown(_ write: Journal.Write, of node: Node, mustSync: Bool) -> Bool {
        guard let journal = node.journal else { return false }
        var write = write
        if write.hardState == nil { write.hardState = node.unflushed }
        if write.entries.isEmpty, write.received == nil {
            guard let state = write.hardState else { return true }
            // A commit index alone needs no sync, and then not even a write.
            if !mustSync {
                node.unflushed = state
                return true
            }
        }
        node.unflushed = nil
        do {
            let sequence = try journal.write(write)
            noteWrite(write, sequence, of: node)
            return true
        } catch {
            stop(node, error)
            return false
        }
    }

    private func planSync(of node: Node) {
        guard let journal = node.journal else { return }
        node.flush = journal.beginSync()
        let mean = plan.slowDiskMask.has(node.slot) && recovery == nil ? plan.syncMean : 30
        queue.add(.stored, at: now + plan.syncFloor + random.around(mean), node: node.slot, life: node.life)
        guard options.sabotage == .earlyAnswers else { return }
        for message in node.writing.flatMap(\.responses) where message.to != node.id { transmit(message, from: node) }
    }

    /// A sync has ended.
    func finishWriting(_ node: Node) {
        guard let journal = node.journal, let flush = node.flush else { return }
        node.flush = nil
        do {
            if options.sabotage != .lyingSync || node.slot > 0 { try journal.finishSync(flush) }
        } catch {
            return stop(node, error)
        }
        noteSync(upTo: flush.sequence, of: node)
        node.isExact = node.writesAsynchronously
        if node.writesAsynchronously { finishResponding(node) } else { finishStoring(node) }
        settle(node)
    }

    private func show(_ snapshot: Snapshot?, _ entries: [Entry], at node: Node) {
        if let snapshot { node.storage.restore(snapshot) }
        node.storage.append(entries)
    }

    private func installReceived(_ snapshot: Snapshot, at node: Node) {
        note("node \(node.slot + 1) installs the snapshot at \(snapshot.last.index.value)")
        counts[.snapshotsInstalled] += 1
        install(snapshot, at: node)
        offer(snapshot, at: node)
        checkInstalled(snapshot, at: node)
    }

    // MARK: The apply thread

    private func startApplying(_ node: Node) {
        guard plan.applyMean > 0 else { return applyNext(node) }
        planApplied(node)
    }

    private func planApplied(_ node: Node) {
        node.isApplying = true
        let mean = recovery == nil ? plan.applyMean : min(plan.applyMean, 200)
        queue.add(.applied, at: now + random.around(mean), node: node.slot, life: node.life)
    }

    /// The state machine has done its work.
    func finishApplying(_ node: Node) {
        guard node.isApplying else { return }
        node.isExact = node.writesAsynchronously
        if node.writesAsynchronously {
            applyNext(node)
        } else {
            node.isApplying = false
            advance(node)
        }
        settle(node)
    }

    private func applyNext(_ node: Node) {
        node.isApplying = false
        let message = node.applyQueue.removeFirst()
        apply(message.entries, at: node)
        guard violation == nil, node.isRunning else { return }
        noteApplied(message.entries, at: node)
        node.inbox.append(contentsOf: message.responses)
    }
}

extension [Message] {
    /// Takes out the first.
    fileprivate mutating func popFirst() -> Message? {
        isEmpty ? nil : removeFirst()
    }
}
