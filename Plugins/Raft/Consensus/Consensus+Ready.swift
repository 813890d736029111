/// The work that a replica hands to its owner.
extension Consensus {
    /// Whether `ready` would say anything.
    var hasReady: Bool {
        !outbox.isEmpty || !outboxAfterStoring.isEmpty || !readStates.isEmpty
            || log.unstable.hasNextEntries || log.unstable.nextSnapshot != nil
            || log.hasNextCommitted(allowUnstable: !configuration.asyncStorageWrites)
            || softState != lastSoftState || changedHardState != nil
    }

    /// What is to be done; it counts as taken.
    mutating func ready() -> Ready {
        precondition(stepsOnAdvance.isEmpty, "the last work is not reported done: call `advance` first")
        var ready = Ready()
        if softState != lastSoftState { ready.softState = softState }
        ready.hardState = changedHardState
        ready.readStates = readStates
        ready.entries = log.unstable.nextEntries
        ready.snapshot = log.unstable.nextSnapshot
        ready.committedEntries = log.nextCommitted(allowUnstable: !configuration.asyncStorageWrites)
        swap(&ready.messages, &outbox)
        ready.mustSync =
            !ready.entries.isEmpty || vote != lastHardState.vote || term != lastHardState.term
        if configuration.asyncStorageWrites { handOutStorageWork(&ready) } else { handOutAnswers(&ready) }
        accept(&ready)
        return ready
    }

    /// Takes note that everything in the last `Ready` is done.
    mutating func advance() {
        precondition(!configuration.asyncStorageWrites, "responses of the storage work take the place of `advance`")
        let steps = stepsOnAdvance
        stepsOnAdvance = []
        // What this replica answers to itself is never refused.
        for place in steps.indices { try? step(steps[place]) }
    }

    private var changedHardState: HardState? {
        let state = hardState
        return state == lastHardState || state.isEmpty ? nil : state
    }

    /// Notes that `ready` is handed out; it is passed in place, as it is large.
    private mutating func accept(_ ready: inout Ready) {
        lastSoftState = softState
        if let state = ready.hardState { lastHardState = state }
        readStates = []
        outboxAfterStoring = []
        log.acceptUnstable()
        if let last = ready.committedEntries.last {
            log.acceptApplying(
                last.index, sizeBytes: ready.committedEntries.sizeBytes,
                allowUnstable: !configuration.asyncStorageWrites)
        }
    }

    // MARK: Work between ready and advance

    private mutating func handOutAnswers(_ ready: inout Ready) {
        swap(&stepsOnAdvance, &outboxAfterStoring)
        let id = id
        if stepsOnAdvance.contains(where: { $0.to != id }) {
            for place in stepsOnAdvance.indices where stepsOnAdvance[place].to != id {
                ready.messages.append(stepsOnAdvance[place])
            }
            stepsOnAdvance.removeAll { $0.to != id }
        }
        if answersStorageAppend(ready.snapshot) { stepsOnAdvance.append(storageAppendResponse(ready.snapshot)) }
        if !ready.committedEntries.isEmpty { stepsOnAdvance.append(storageApplyResponse(ready.committedEntries)) }
    }

    // MARK: Work as messages

    private func handOutStorageWork(_ ready: inout Ready) {
        if !ready.entries.isEmpty || ready.hardState != nil || ready.snapshot != nil || !outboxAfterStoring.isEmpty {
            var message = Message(.storageAppend, from: id, to: .appendThread, entries: ready.entries)
            if let state = ready.hardState {
                message.term = state.term
                message.vote = state.vote
                message.commit = state.commit
            }
            message.snapshot = ready.snapshot
            message.responses = outboxAfterStoring
            if answersStorageAppend(ready.snapshot) { message.responses.append(storageAppendResponse(ready.snapshot)) }
            ready.messages.append(message)
        }
        if !ready.committedEntries.isEmpty {
            var message = Message(.storageApply, from: id, to: .applyThread, entries: ready.committedEntries)
            message.responses = [storageApplyResponse(ready.committedEntries)]
            ready.messages.append(message)
        }
    }

    /// Whether there is anything that the append thread could confirm.
    private func answersStorageAppend(_ snapshot: Snapshot?) -> Bool {
        !log.unstable.entries.isEmpty || snapshot != nil
    }

    /// What the append thread says when it is done: the log is stored up to its end, as of this term.
    ///
    /// Every write that follows says it again, with or without entries of its own: an answer counts only if the
    /// term is still the same, as the entries may have been replaced and written again (doc.go, "ABA problem").
    private func storageAppendResponse(_ snapshot: Snapshot?) -> Message {
        var message = Message(.storageAppendResponse, from: .appendThread, to: id, term: term)
        if !log.unstable.entries.isEmpty {
            message.index = log.last.index
            message.logTerm = log.last.term
        }
        message.snapshot = snapshot
        return message
    }

    private func storageApplyResponse(_ entries: [Entry]) -> Message {
        Message(.storageApplyResponse, from: .applyThread, to: id, entries: entries)
    }
}
