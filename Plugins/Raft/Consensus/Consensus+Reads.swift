/// Reads that see every write acknowledged before them, without an entry of their own (thesis §6.4).
extension Consensus {
    mutating func readAsLeader(_ request: Message) {
        guard request.entries.count == 1 else { return }
        if configuration.loneVoterReads == .atOnce && membership.hasOneVoter {
            return answerRead(request, index: log.committed)
        }
        // The one voter waits as well: its stored commit index may lag when it starts again.
        guard hasCommittedInTerm else {
            earlyReads.append(request)
            return
        }
        noteRead(request)
    }

    /// Answers reads that waited for this leadership's first commit.
    mutating func releaseEarlyReads() {
        guard !earlyReads.isEmpty, hasCommittedInTerm else { return }
        let requests = earlyReads
        earlyReads = []
        for request in requests { noteRead(request) }
    }

    private mutating func noteRead(_ request: Message) {
        // Not where a removed leader has that one voter left: it may have been replaced by it, and must ask.
        if configuration.loneVoterReads == .confirmed && membership.hasOneVoter && membership.isVoter(id) {
            return answerRead(request, index: log.committed)
        }
        switch configuration.readOption {
        case .leaseBased:
            answerRead(request, index: log.committed)
        case .safe:
            reads.add(request, at: log.committed)
            reads.acknowledge(reads.position, by: id)
            broadcastHeartbeat()
        }
    }

    mutating func confirmReads(_ message: Message) {
        guard configuration.readOption == .safe, message.readPosition > 0 else { return }
        reads.acknowledge(message.readPosition, by: message.from)
        for read in reads.takeConfirmed(by: membership.quorum) { answerRead(read.request, index: read.index) }
    }

    private mutating func answerRead(_ request: Message, index: LogIndex) {
        guard request.from != .none && request.from != id else {
            return readStates.append(ReadState(index: index, context: request.entries[0].payload))
        }
        send(Message(.readIndexResponse, to: request.from, index: index, entries: request.entries))
    }
}
