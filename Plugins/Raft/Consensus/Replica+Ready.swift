/// The work that a replica hands to its owner.
extension Replica {
    /// Whether `ready` would say anything.
    public var hasReady: Bool {
        !consensus.outbox.isEmpty || !consensus.outboxAfterStoring.isEmpty || !consensus.readStates.isEmpty
            || consensus.log.unstable.hasNextEntries || consensus.log.unstable.nextSnapshot != nil
            || consensus.log.hasNextCommitted(allowUnstable: !writesAsynchronously)
            || consensus.softState != lastSoftState || changedHardState != nil
    }

    /// What is to be done; it counts as taken.
    ///
    /// Without asynchronous storage writes `advance` must follow before the next.
    public func ready() -> Ready {
        precondition(stepsOnAdvance.isEmpty, "the last work is not reported done: call `advance` first")
        var ready = Ready()
        if consensus.softState != lastSoftState { ready.softState = consensus.softState }
        ready.hardState = changedHardState
        ready.readStates = consensus.readStates
        ready.entries = consensus.log.unstable.nextEntries
        ready.snapshot = consensus.log.unstable.nextSnapshot
        ready.committedEntries = consensus.log.nextCommitted(allowUnstable: !writesAsynchronously)
        swap(&ready.messages, &consensus.outbox)
        ready.mustSync =
            !ready.entries.isEmpty || consensus.vote != lastHardState.vote || consensus.term != lastHardState.term
        if writesAsynchronously {
            if let message = storageAppend(ready) { ready.messages.append(message) }
            if let message = storageApply(ready) { ready.messages.append(message) }
        } else {
            handOutAnswers(&ready)
        }
        accept(ready)
        return ready
    }

    /// Says that everything in the last `Ready` is done. Not with asynchronous storage writes.
    public func advance() {
        precondition(!writesAsynchronously, "responses of the storage work take the place of `advance`")
        let steps = stepsOnAdvance
        stepsOnAdvance = []
        // What this replica answers to itself is never refused.
        for place in steps.indices { try? consensus.step(steps[place]) }
    }

    private var changedHardState: HardState? {
        let state = consensus.hardState
        return state == lastHardState || state.isEmpty ? nil : state
    }

    /// Notes that `ready` was handed out.
    private func accept(_ ready: Ready) {
        lastSoftState = consensus.softState
        if let state = ready.hardState { lastHardState = state }
        consensus.readStates = []
        consensus.outboxAfterStoring = []
        consensus.log.acceptUnstable()
        if let last = ready.committedEntries.last {
            consensus.log.acceptApplying(
                last.index, sizeBytes: ready.committedEntries.sizeBytes, allowUnstable: !writesAsynchronously)
        }
    }

    // MARK: Work between ready and advance

    private func handOutAnswers(_ ready: inout Ready) {
        var answers: [Message] = []
        swap(&answers, &consensus.outboxAfterStoring)
        let id = consensus.id
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
                || !consensus.outboxAfterStoring.isEmpty
        else { return nil }
        var message = Message(.storageAppend, from: consensus.id, to: .appendThread, entries: ready.entries)
        if let state = ready.hardState {
            message.term = state.term
            message.vote = state.vote
            message.commit = state.commit
        }
        message.snapshot = ready.snapshot
        message.responses = consensus.outboxAfterStoring
        if let response = storageAppendResponse(ready) { message.responses.append(response) }
        return message
    }

    /// What the append thread says when it is done: the log is stored up to its end, as of this term.
    ///
    /// Every write that follows says it again, with or without entries of its own: an answer counts only if the
    /// term is still the same, as the entries may have been replaced and written again (doc.go, "ABA problem").
    private func storageAppendResponse(_ ready: Ready) -> Message? {
        let hasUnstable = !consensus.log.unstable.entries.isEmpty
        guard hasUnstable || ready.snapshot != nil else { return nil }
        var message = Message(.storageAppendResponse, from: .appendThread, to: consensus.id, term: consensus.term)
        if hasUnstable {
            message.index = consensus.log.last.index
            message.logTerm = consensus.log.last.term
        }
        message.snapshot = ready.snapshot
        return message
    }

    private func storageApply(_ ready: Ready) -> Message? {
        guard !ready.committedEntries.isEmpty else { return nil }
        var message = Message(.storageApply, from: consensus.id, to: .applyThread, entries: ready.committedEntries)
        message.responses = [storageApplyResponse(ready)]
        return message
    }

    private func storageApplyResponse(_ ready: Ready) -> Message {
        Message(.storageApplyResponse, from: .applyThread, to: consensus.id, entries: ready.committedEntries)
    }
}
