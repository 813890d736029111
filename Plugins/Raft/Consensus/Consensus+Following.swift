/// How a follower takes over what a leader sends (Raft §5.3, §7).
extension Consensus {
    mutating func follow(_ message: Message) throws(RaftError) {
        switch message.kind {
        case .append: try followAppend(message)
        case .heartbeat: try followHeartbeat(message)
        case .snapshot: followSnapshot(message)
        default: preconditionFailure("only a leader's messages are followed")
        }
    }

    private mutating func followAppend(_ message: Message) throws(RaftError) {
        let previous = EntryID(term: message.logTerm, index: message.index)
        // A log has no gaps; a faulty peer must not make one.
        for (place, entry) in message.entries.enumerated() where entry.index != previous.index + place + 1 {
            throw .malformedAppend
        }
        guard previous.index >= log.committed else {
            return send(Message(.appendResponse, to: message.from, index: log.committed))
        }
        if log.append(message.entries, after: previous) {
            let last = previous.index + message.entries.count
            log.commit(to: min(message.commit, last))
            return send(Message(.appendResponse, to: message.from, index: last))
        }
        // The hint skips the terms that cannot match, so that the leader needs one message a term, not one an entry.
        let hint = log.lastPossibleMatch(upTo: min(previous.index, log.last.index), term: previous.term)
        var refusal = Message(.appendResponse, to: message.from, logTerm: hint.term, index: previous.index)
        refusal.isRejection = true
        refusal.rejectHint = hint.index
        send(refusal)
    }

    private mutating func followHeartbeat(_ message: Message) throws(RaftError) {
        guard message.commit <= log.last.index else { throw .logLost }
        log.commit(to: message.commit)
        var answer = Message(.heartbeatResponse, to: message.from)
        answer.readPosition = message.readPosition
        send(answer)
    }

    private mutating func followSnapshot(_ message: Message) {
        // Without one it brings nothing, and is answered like one that is old.
        let isRestored = message.snapshot.map { restore($0) } ?? false
        let index = isRestored ? log.last.index : log.committed
        send(Message(.appendResponse, to: message.from, index: index))
    }

    /// Begins anew from a snapshot. False where it brings nothing, or does not know this replica.
    private mutating func restore(_ snapshot: Snapshot) -> Bool {
        guard snapshot.last.index > log.committed, snapshot.configuration.contains(id) else { return false }
        if log.contains(snapshot.last) {
            // The log has all of it, and perhaps more.
            log.commit(to: snapshot.last.index)
            return false
        }
        log.restore(snapshot)
        membership = Membership(
            inflightMessagesMax: configuration.inflightMessagesMax, inflightBytesMax: configuration.inflightBytesMax)
        restoreMembership(snapshot.configuration)
        return true
    }
}
