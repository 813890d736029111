/// How a leader brings its log to the others, and learns what is committed (Raft §5.3, §5.4.2).
extension Consensus {
    // MARK: Sending entries

    /// Sends every other replica what it lacks, or an empty append.
    mutating func broadcastAppend() {
        for place in membership.peers.indices where membership.peers[place].id != id {
            sendAppend(at: place, evenIfEmpty: true)
        }
    }

    /// Sends an append message to a peer that is not paused. Returns whether anything was sent.
    @discardableResult
    mutating func sendAppend(at place: Int, evenIfEmpty: Bool) -> Bool {
        // No copy of the progress: its window would be shared, and copied when it changes.
        guard let (next, mayCarryEntries) = membership.peers[place].nextAppend() else { return false }
        let previous = next - 1
        guard let previousTerm = try? log.term(at: previous) else { return sendSnapshot(at: place) }
        var entries: [Entry] = []
        if mayCarryEntries {
            guard let found = try? log.entries(from: next, sizeBytesMax: configuration.messageBytesMax) else {
                return evenIfEmpty && sendSnapshot(at: place)
            }
            entries = found
        }
        if entries.isEmpty && !evenIfEmpty { return false }
        let count = entries.count
        let payloadBytes = entries.payloadBytes
        send(
            Message(
                .append, to: membership.peers[place].id, logTerm: previousTerm, index: previous,
                commit: log.committed, entries: entries))
        membership.peers[place].sentEntries(count, byteCount: payloadBytes)
        membership.peers[place].sentCommit(log.committed)
        return true
    }

    /// Sends a snapshot to a peer that lives, if there is one to send.
    private mutating func sendSnapshot(at place: Int) -> Bool {
        guard membership.peers[place].isRecentlyActive, let snapshot = try? log.snapshot() else { return false }
        precondition(snapshot.last.index > 0, "a snapshot stands for something")
        membership.peers[place].becomeSnapshot(snapshot.last.index)
        var message = Message(.snapshot, to: membership.peers[place].id)
        message.snapshot = snapshot
        send(message)
        return true
    }

    mutating func broadcastHeartbeat() {
        let position = reads.position
        for place in membership.peers.indices where membership.peers[place].id != id {
            // Never more than it has acknowledged: the rest of its log may be another's.
            let commit = min(membership.peers[place].match, log.committed)
            var heartbeat = Message(.heartbeat, to: membership.peers[place].id, commit: commit)
            heartbeat.readPosition = position
            send(heartbeat)
            membership.peers[place].sentCommit(commit)
            membership.peers[place].shrink()
        }
    }

    // MARK: What others answer

    mutating func stepAppendResponse(_ message: Message) {
        guard let place = membership.place(of: message.from) else { return }
        membership.peers[place].isRecentlyActive = true
        if message.isRejection {
            stepRefusal(message, at: place)
        } else if membership.peers[place].acknowledge(message.index)
            || (membership.peers[place].match == message.index && membership.peers[place].mode == .probe)
        {
            advance(message, at: place)
        }
    }

    /// Looks for where the logs agree: at most one message for each term in which they differ.
    private mutating func stepRefusal(_ message: Message, at place: Int) {
        var hint = message.rejectHint
        if message.logTerm > 0 { hint = log.lastPossibleMatch(upTo: hint, term: message.logTerm).index }
        guard membership.peers[place].goBack(rejected: message.index, hint: hint) else { return }
        if membership.peers[place].mode == .replicate { membership.peers[place].becomeProbe() }
        sendAppend(at: place, evenIfEmpty: true)
    }

    /// Goes on after a replica acknowledged something new.
    private mutating func advance(_ message: Message, at place: Int) {
        let match = membership.peers[place].match
        switch membership.peers[place].mode {
        case .probe:
            membership.peers[place].becomeReplicate()
        case .snapshot where match + 1 >= log.firstIndex:
            // Whoever brought it the entries: the log reaches it again.
            membership.peers[place].becomeProbe()
            membership.peers[place].becomeReplicate()
        case .snapshot:
            break
        case .replicate:
            membership.peers[place].freeInflights(upTo: message.index)
        }
        let isOwn = message.from == id
        if commitByQuorum() {
            releaseEarlyReads()
            broadcastAppend()
        } else if !isOwn && membership.peers[place].canUseCommit(log.committed) {
            sendAppend(at: place, evenIfEmpty: true)
        }
        if !isOwn {
            while sendAppend(at: place, evenIfEmpty: false) {}
        }
        if message.from == transferee && membership.peers[place].match == log.last.index {
            send(Message(.timeoutNow, to: transferee))
        }
    }

    mutating func stepHeartbeatResponse(_ message: Message) {
        guard let place = membership.place(of: message.from) else { return }
        membership.peers[place].isRecentlyActive = true
        membership.peers[place].resume()
        if membership.peers[place].match < log.last.index || membership.peers[place].mode == .probe {
            sendAppend(at: place, evenIfEmpty: true)
        }
        confirmReads(message)
    }

    mutating func stepSnapshotStatus(_ message: Message) {
        modifyPeer(message.from) { peer in
            guard peer.mode == .snapshot else { return }
            if message.isRejection { peer.abandonSnapshot() }
            peer.becomeProbe()
            // What it has is learnt from its answer to a heartbeat.
            peer.pause()
        }
    }

    mutating func stepUnreachable(_ message: Message) {
        modifyPeer(message.from) { peer in
            if peer.mode == .replicate { peer.becomeProbe() }
        }
    }

    // MARK: Committing

    /// Moves the commit index to what a quorum has, if that is an entry of this term. Returns whether it moved.
    ///
    /// An entry of an earlier term is committed only by a later one of this term (Raft §5.4.2, figure 8).
    mutating func commitByQuorum() -> Bool {
        let index = membership.committedIndex
        guard term > 0, index > log.committed, log.contains(EntryID(term: term, index: index)) else { return false }
        log.commit(to: index)
        return true
    }

    /// Whether this leadership has committed an entry, so that its commit index is no older than any before it.
    var hasCommittedInTerm: Bool { (try? log.term(at: log.committed)) == term }

    // MARK: Storage

    /// Takes note of what this replica's own storage has written.
    mutating func storedUpTo(_ message: Message) {
        if message.index > 0 { log.stored(upTo: EntryID(term: message.logTerm, index: message.index)) }
        if let snapshot = message.snapshot { appliedSnapshot(snapshot) }
    }

    mutating func appliedSnapshot(_ snapshot: Snapshot) {
        log.storedSnapshot(snapshot.last.index)
        applied(to: snapshot.last.index, sizeBytes: 0)
    }

    mutating func applied(_ entries: [Entry]) {
        guard let last = entries.last else { return }
        applied(to: last.index, sizeBytes: entries.sizeBytes)
        uncommittedBytes = max(0, uncommittedBytes - entries.payloadBytes)
    }

    /// Notes what was applied, and leaves a joint configuration that is to be left by itself.
    private mutating func applied(to index: LogIndex, sizeBytes: Int) {
        let applied = max(index, log.applied)
        log.applied(to: applied, sizeBytes: sizeBytes)
        guard role == .leader, membership.configuration.autoLeave, applied >= pendingConfigurationIndex else { return }
        // Refused during a transfer; the next entry that is applied tries again.
        try? proposeAsLeader([.autoLeave])
    }
}
