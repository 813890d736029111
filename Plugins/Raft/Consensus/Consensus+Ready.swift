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
        if configuration.asyncStorageWrites {
            if let message = storageAppend(ready) { ready.messages.append(message) }
            if let message = storageApply(ready) { ready.messages.append(message) }
        } else {
            handOutAnswers(&ready)
        }
        accept(ready)
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

    /// Notes that `ready` was handed out.
    private mutating func accept(_ ready: Ready) {
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
        var answers: [Message] = []
        swap(&answers, &outboxAfterStoring)
        let id = id
        if answers.allSatisfy({ $0.to == id }) {
            stepsOnAdvance = answers
        } else {
            for answer in answers {
                if answer.to == id { stepsOnAdvance.append(answer) } else { ready.messages.append(answer) }
            }
        }
        if let message = storageAppendResponse(ready) { stepsOnAdvance.append(message) }
        if !ready.committedEntries.isEmpty { stepsOnAdvance.append(storageApplyResponse(ready)) }
    }

    // MARK: Work as messages

    private func storageAppend(_ ready: Ready) -> Message? {
        guard
            !ready.entries.isEmpty || ready.hardState != nil || ready.snapshot != nil
                || !outboxAfterStoring.isEmpty
        else { return nil }
        var message = Message(.storageAppend, from: id, to: .appendThread, entries: ready.entries)
        if let state = ready.hardState {
            message.term = state.term
            message.vote = state.vote
            message.commit = state.commit
        }
        message.snapshot = ready.snapshot
        message.responses = outboxAfterStoring
        if let response = storageAppendResponse(ready) { message.responses.append(response) }
        return message
    }

    /// What the append thread says when it is done: the log is stored up to its end, as of this term.
    ///
    /// Every write that follows says it again, with or without entries of its own: an answer counts only if the
    /// term is still the same, as the entries may have been replaced and written again (doc.go, "ABA problem").
    private func storageAppendResponse(_ ready: Ready) -> Message? {
        let hasUnstable = !log.unstable.entries.isEmpty
        guard hasUnstable || ready.snapshot != nil else { return nil }
        var message = Message(.storageAppendResponse, from: .appendThread, to: id, term: term)
        if hasUnstable {
            message.index = log.last.index
            message.logTerm = log.last.term
        }
        message.snapshot = ready.snapshot
        return message
    }

    private func storageApply(_ ready: Ready) -> Message? {
        guard !ready.committedEntries.isEmpty else { return nil }
        var message = Message(.storageApply, from: id, to: .applyThread, entries: ready.committedEntries)
        message.responses = [storageApplyResponse(ready)]
        return message
    }

    private func storageApplyResponse(_ ready: Ready) -> Message {
        Message(.storageApplyResponse, from: .applyThread, to: id, entries: ready.committedEntries)
    }
}
