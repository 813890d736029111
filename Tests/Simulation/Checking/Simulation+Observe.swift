import Raft

/// What a Ready says, held against everything that is known.
extension Simulation {
    /// Checks what a replica hands out, and notes it.
    func observe(_ ready: Ready, of node: Node) {
        let before = (state: node.hardState, role: node.softState.role)
        if let state = ready.hardState { observe(state, of: node) }
        if let soft = ready.softState { node.softState = soft }
        if let snapshot = ready.snapshot { observe(snapshot, of: node, commit: before.state.commit.value) }
        if !ready.entries.isEmpty {
            let stayedLeader =
                before.role == .leader && node.softState.role == .leader && before.state.term == node.hardState.term
            observe(ready.entries, of: node, commit: before.state.commit.value, stayedLeader: stayedLeader)
        }
        if node.softState.role == .leader, node.leadership.term != node.term { observeElected(node) }
        if node.hardState.commit > before.state.commit { observeCommit(of: node) }
        if !ready.committedEntries.isEmpty { observeHandedOut(ready.committedEntries, of: node) }
        for state in ready.readStates { observe(state, of: node) }
        if node.isExact { observeExactly(ready.messages, of: node) }
        if !node.isBusy { node.membersBefore = nil }
    }

    private func observe(_ state: HardState, of node: Node) {
        let old = node.hardState
        check(
            state.term >= old.term, .termMonotonic, node, "its term goes from \(old.term.value) to \(state.term.value)")
        check(
            state.term != old.term || old.vote == .none || state.vote == old.vote, .oneVotePerTerm, node,
            "in term \(state.term.value) its vote goes from \(old.vote.value) to \(state.vote.value)")
        check(
            state.commit >= old.commit, .commitMonotonic, node,
            "its commit index goes from \(old.commit.value) to \(state.commit.value)")
        node.hardState = state
        fold(state.term.value << 32 ^ state.vote.value << 56 ^ state.commit.value)
        if Int(state.term.value) > counts[.highestTerm] { counts[.highestTerm] = Int(state.term.value) }
    }

    // MARK: Log

    private func observe(_ snapshot: Snapshot, of node: Node, commit: UInt64) {
        let index = snapshot.last.index.value
        check(index > commit, .commitMonotonic, node, "it takes a snapshot at \(index), and had committed \(commit)")
        check(
            node.log.mark(at: index)?.term != snapshot.last.term.value, .noNeedlessTruncation, node,
            "it takes a snapshot at \(index) in place of a log that has that entry")
        node.log.reset(to: index, baseMark(of: snapshot))
        node.unattested = index + 1
        node.openChanges = []
        node.handedOut = index
        node.overtaken = index
        guard node.isExact else { return }
        check(
            node.replica?.status.configuration == snapshot.configuration, .configurationAgrees, node,
            "it does not act on the configuration of the snapshot that it takes")
    }

    private func observe(_ entries: [Entry], of node: Node, commit: UInt64, stayedLeader: Bool) {
        guard let first = entries.first else { return }
        let start = first.index.value
        node.unattested = min(node.unattested, start)
        if start <= node.log.last {
            counts[.truncations] += 1
            check(!stayedLeader, .leaderAppendOnly, node, "it rewrites its log from \(start)")
            check(start > commit, .stateMachineSafety, node, "it truncates from \(start), and had committed \(commit)")
            check(
                node.log.mark(at: start)?.term != first.term.value, .noNeedlessTruncation, node,
                "it truncates from \(start), where it had the same entry")
            node.log.truncate(from: start)
            node.openChanges.removeAll { $0 >= start }
        }
        for entry in entries {
            guard entry.index.value == node.log.last + 1 else {
                return fail(.logMatching, node, "entry \(entry.index.value) follows \(node.log.last)")
            }
            let mark = entry.mark(after: node.log.lastMark.chain)
            node.log.append(mark)
            if mark.term == node.leadership.term { node.leadership.quotaBytes += entry.payload.byteCount }
            check(
                history.matches(mark, at: entry.index.value), .logMatching, node,
                "its entry \(entry.index.value) of term \(mark.term), or one before, is not the one that others have")
            if entry.kind != .normal { observeChange(entry, of: node) }
        }
    }

    private func observeChange(_ entry: Entry, of node: Node) {
        if node.softState.role == .leader, entry.term == node.hardState.term, let open = node.openChanges.first {
            fail(.oneChangeAtATime, node, "it proposes a change at \(entry.index.value), and \(open) is not applied")
        }
        node.openChanges.append(entry.index.value)
    }

    // MARK: Elections

    private func observeElected(_ node: Node) {
        let term = node.term
        node.leadership = Leadership()
        node.leadership.term = term
        node.leadership.since = node.ticks
        counts[.elections] += 1
        note("node \(node.slot + 1) leads term \(term)")
        if node.handedOver == term { counts[.transfersDone] += 1 }
        if let other = history.leader(of: term) {
            return fail(.oneLeaderPerTerm, node, "it leads term \(term), as \(other + 1) did")
        }
        history.setLeader(node.slot, of: term)
        var voters: NodeSet = 0
        for voter in nodes where voter.stored.vote(in: term) == node.id { voters |= voter.id.bit }
        check(
            node.members.hasQuorum(voters) || node.membersBefore?.hasQuorum(voters) == true, .electedByQuorum, node,
            "it leads term \(term) with the stored votes of \(voters.slots.map { $0 + 1 }); \(node.members)")
        let index = history.lastCommitted(before: term)
        guard index > node.log.base else { return }
        check(
            node.log.mark(at: index) == history.mark(at: index), .leaderCompleteness, node,
            "it leads term \(term) without the entry committed at \(index)")
    }

    // MARK: Commit

    private func observeCommit(of node: Node) {
        let index = node.commit
        guard let mark = node.log.mark(at: index) else {
            return fail(.commitVouchedFor, node, "it commits \(index), and its log ends at \(node.log.last)")
        }
        let last = history.lastCommitted
        if let known = history.mark(at: index) {
            return check(
                known == mark, .stateMachineSafety, node,
                "it commits another entry at \(index) (term \(mark.term)) than was committed (term \(known.term))")
        }
        if let own = node.log.mark(at: last) {
            check(
                own == history.mark(at: last), .stateMachineSafety, node,
                "it commits \(index) behind another entry at \(last) than was committed")
        }
        for next in last + 1...index {
            guard let mark = node.log.mark(at: next) else { break }
            history.commit(mark, in: node.term)
        }
        counts[.commits] += Int(index - last)
        if plan.replica.readOption == .leaseBased { history.noteCommit(at: now) }
        checkQuorum(behind: mark, at: index, of: node)
    }

    private func checkQuorum(behind mark: Mark, at index: UInt64, of node: Node) {
        if node.softState.role == .leader {
            check(
                mark.term == node.term, .commitOfOwnTerm, node,
                "it leads term \(node.term) and commits entry \(index) of term \(mark.term)")
        }
        var holders: NodeSet = 0
        for holder in nodes where holder.stored.log.mark(at: index) == mark || holder.stored.log.base > index {
            holders |= holder.id.bit
        }
        check(
            node.members.hasQuorum(holders) || node.membersBefore?.hasQuorum(holders) == true, .committedByQuorum, node,
            "it commits \(index), which \(holders.slots.map { $0 + 1 }) have stored; \(node.members)")
    }

    // MARK: Applying

    private func observeHandedOut(_ entries: [Entry], of node: Node) {
        guard let first = entries.first, let last = entries.last else { return }
        check(
            first.index.value == node.handedOut + 1, .appliedInOrder, node,
            "it hands out \(first.index.value) to be applied after \(node.handedOut)")
        check(
            last.index.value <= node.commit, .appliedInOrder, node,
            "it hands out \(last.index.value) to be applied, and has committed \(node.commit)")
        node.handedOut = last.index.value
        if node.writesAsynchronously {
            check(
                last.index.value <= node.stored.log.last, .appliesStored, node,
                "it hands out \(last.index.value) to be applied, and has stored \(node.stored.log.last)")
        }
        let limit = plan.replica.committedBytesMax > 0 ? plan.replica.committedBytesMax : plan.replica.messageBytesMax
        let bytes = entries.reduce(0) { $0 + $1.sizeBytes }
        check(
            node.applyingBytes == 0 || node.applyingBytes < limit, .applyLimit, node,
            "it hands out entries to be applied, and \(node.applyingBytes) bytes of \(limit) are under way")
        check(
            entries.count == 1 || node.applyingBytes + bytes <= limit, .applyLimit, node,
            "it hands out \(bytes) bytes to be applied, \(node.applyingBytes) are under way, \(limit) allowed")
        node.applyingBytes += bytes
    }

    private func observe(_ state: ReadState, of node: Node) {
        let place = Int(state.context.handle) - 1
        guard history.reads.indices.contains(place) else {
            return fail(.linearizableRead, node, "it answers a read that nobody asked for")
        }
        let read = history.reads[place]
        counts[.reads] += 1
        note("node \(node.slot + 1) may answer read \(place + 1) at \(state.index.value)")
        guard read.life == node.life, Int(read.node) == node.slot else { return }
        let index = options.sabotage == .staleReads ? state.index.value - 1 : state.index.value
        check(
            index >= read.floor, .linearizableRead, node,
            "read \(place + 1) may be answered at \(index), and \(read.floor) was committed when it began")
        node.waitingReads.append(state.index.value)
    }

    // MARK: Messages of one input

    private func observeExactly(_ messages: [Message], of node: Node) {
        for message in messages {
            switch message.kind {
            case .vote, .preVote: checkCampaign(of: node)
            case .voteResponse, .preVoteResponse: checkGrant(message, of: node)
            case .storageAppend:
                for response in message.responses
                where response.kind == .voteResponse || response.kind == .preVoteResponse {
                    checkGrant(response, of: node)
                }
                checkAttested(message, of: node)
            case .append, .snapshot:
                if node.writesAsynchronously { checkWindow(message, of: node) }
            default: break
            }
        }
    }

    private func checkCampaign(of node: Node) {
        check(node.members.allVoters.has(node.slot), .campaignAllowed, node, "it campaigns, and is no voter")
        if let open = node.openChanges.first, open <= node.commit {
            fail(.campaignAllowed, node, "it campaigns, and has not applied the change at \(open)")
        }
    }

    private func checkGrant(_ response: Message, of node: Node) {
        guard !response.isRejection, let request = node.requestedVote, request.candidate == response.to,
            request.term == response.term
        else { return }
        check(
            request.isComplete, .voteForCompleteLog, node,
            "it would vote for \(response.to.value) in term \(response.term.value), whose log lacks entries")
    }

    /// Every write attests the whole log anew, until an answer of the same term has come back.
    ///
    /// An answer of an earlier term says nothing: the entries may have been replaced, and written again, since.
    private func checkAttested(_ message: Message, of node: Node) {
        let attestation = message.responses.first { $0.kind == .storageAppendResponse && $0.index > 0 }
        guard node.unattested <= node.log.last else { return }
        check(
            attestation?.index.value == node.log.last && attestation?.logTerm.value == node.log.lastMark.term
                && attestation?.term.value == node.term, .storedBeforeAnswer, node,
            "it takes its log to be stored up to \(attestation?.index.value ?? node.log.last), and no answer of "
                + "term \(node.term) has said so from \(node.unattested) on")
    }

    /// A replica that has not answered in this term is sent one append at a time, and one that waits for a snapshot none.
    private func checkWindow(_ message: Message, of node: Node) {
        let slot = message.to.slot
        guard node.leadership.term == message.term.value else { return }
        check(
            !node.leadership.awaitsSnapshot.has(slot), .windowLimit, node,
            "\(message.line) is sent, and the receiver's snapshot is still on its way")
        if message.kind == .snapshot { node.leadership.awaitsSnapshot |= message.to.bit }
        guard !message.entries.isEmpty, !node.leadership.answered.has(slot) else { return }
        node.leadership.probes[slot] += 1
        check(
            node.leadership.probes[slot] <= 1, .windowLimit, node,
            "it sends \(slot + 1) entries again before it has answered at all")
    }
}
