import Raft

/// What one message may change, and what may leave a node.
extension Simulation {
    /// What a node was before a message.
    struct Expectation {
        var isExact: Bool
        var term: UInt64
        var vote: ReplicaID
        var commit: UInt64
        /// Whether it certainly heard of its leader within an election timeout, and so refuses votes.
        var isInLease: Bool
    }

    /// What is known before the message is stepped in.
    func expectation(of message: Message, at node: Node) -> Expectation {
        let isFresh = node.softState.role == .leader || node.ticks - node.heardLeader < plan.replica.electionTicks
        let expectation = Expectation(
            isExact: node.isExact, term: node.term, vote: node.hardState.vote, commit: node.commit,
            isInLease: plan.replica.checkQuorum && node.softState.leader != .none && isFresh)
        switch message.kind {
        case .vote, .preVote:
            guard node.isExact else { break }
            let own = (node.log.lastMark.term, node.log.last)
            let isComplete = (message.logTerm.value, message.index.value) >= own
            node.requestedVote = (message.from, message.term, isComplete)
        case .appendResponse, .heartbeatResponse:
            noteHeard(message, at: node)
        case .transferLeader:
            node.leadership.since = node.ticks
            node.leadership.transferSeen = node.ticks
        case .timeoutNow:
            node.handedOver = message.term.value + 1
        default:
            break
        }
        return expectation
    }

    private func noteHeard(_ message: Message, at node: Node) {
        guard node.leadership.term == message.term.value else { return }
        let slot = message.from.slot
        node.leadership.heard[slot] = node.ticks
        node.leadership.probes[slot] = 0
        guard message.kind == .appendResponse, !message.isRejection else { return }
        node.leadership.answered |= message.from.bit
        if message.index + 1 >= node.storage.firstIndex { node.leadership.awaitsSnapshot &= ~message.from.bit }
    }

    /// Notes what an answer of the node's own storage says.
    func noteAttested(_ message: Message, at node: Node) {
        guard message.index > 0, message.term == node.hardState.term,
            node.log.mark(at: message.index.value)?.term == message.logTerm.value
        else { return }
        node.unattested = max(node.unattested, message.index.value + 1)
    }

    /// Checks what the message changed.
    func checkStep(_ message: Message, at node: Node, _ before: Expectation) {
        node.requestedVote = nil
        switch message.kind {
        case .preVote where before.isExact:
            check(
                node.term == before.term && node.hardState.vote == before.vote, .preVoteChangesNothing, node,
                "\(message.line) changes its term or vote")
        case .vote where before.isExact && before.isInLease && !message.isTransfer:
            check(
                node.term == before.term, .leaseHonoured, node,
                "\(message.line) changes its term, though it heard its leader lately")
        case .append, .heartbeat, .snapshot:
            checkFollowed(message, at: node, before)
        default:
            break
        }
        guard message.term.value > before.term, obliges(message) else { return }
        let term = before.isExact ? node.hardState.term : node.replica?.status.hardState.term
        check(
            term.map { $0 >= message.term } ?? true, .higherTermTaken, node,
            "after \(message.line) its term is still \(before.term)")
    }

    private func checkFollowed(_ message: Message, at node: Node, _ before: Expectation) {
        if node.term == message.term.value, node.softState.leader == message.from { node.heardLeader = node.ticks }
        guard before.isExact, message.kind != .snapshot else { return }
        let vouched =
            message.kind == .heartbeat
            ? message.commit.value : min(message.commit.value, message.index.value + UInt64(message.entries.count))
        check(
            node.commit <= max(before.commit, vouched), .commitVouchedFor, node,
            "\(message.line) makes it commit \(node.commit)")
    }

    /// Whether a message of a higher term must raise the receiver's.
    private func obliges(_ message: Message) -> Bool {
        switch message.kind {
        case .preVote: false
        case .preVoteResponse: message.isRejection
        case .vote: message.isTransfer || !plan.replica.checkQuorum
        default: true
        }
    }

    // MARK: Leaving

    /// Checks a message at the moment when it leaves its node.
    func checkLeaving(_ message: Message, of node: Node) {
        switch message.kind {
        case .appendResponse: checkAnswer(message, of: node)
        case .voteResponse: checkVote(message, of: node)
        case .preVoteResponse: if message.isRejection { checkTermStored(message, of: node) }
        case .append: checkAppend(message, of: node)
        case .heartbeat: checkHeartbeat(message, of: node)
        case .timeoutNow: checkHandOver(message, of: node)
        case .snapshot: checkSnapshot(message, of: node)
        case .propose: countBringers(message, -1)
        default: break
        }
    }

    private func checkTermStored(_ message: Message, of node: Node) {
        check(
            node.stored.hardState.term >= message.term, .storedBeforeAnswer, node,
            "\(message.line) leaves, and only term \(node.stored.hardState.term.value) is stored")
    }

    private func checkAnswer(_ message: Message, of node: Node) {
        checkTermStored(message, of: node)
        let index = message.index.value
        guard !message.isRejection, index > 0 else { return }
        // What was taken in one term may be replaced in the next before both are stored, and then both are answered.
        // No quorum can count on it: those that elected the later leader did not take it.
        guard node.stored.hardState.term == message.term else { return }
        let stored = node.stored.log
        check(
            stored.last >= index, .storedBeforeAnswer, node,
            "\(message.line) leaves, and its stored log ends at \(stored.last)")
        guard let own = stored.mark(at: index) else { return }
        if let known = history.mark(at: index), known.term <= message.term.value {
            return check(
                own == known, .storedBeforeAnswer, node,
                "\(message.line) leaves, and it has stored another entry there than was committed")
        }
        guard let slot = history.leader(of: message.term.value), nodes[slot].isLeader,
            nodes[slot].term == message.term.value, let leaders = nodes[slot].log.mark(at: index)
        else { return }
        check(
            own == leaders, .storedBeforeAnswer, node,
            "\(message.line) leaves, and it has stored another entry there than its leader")
    }

    private func checkVote(_ message: Message, of node: Node) {
        guard !message.isRejection else { return checkTermStored(message, of: node) }
        let isStored = node.stored.cast(message.to, in: message.term.value)
        check(
            isStored, .storedBeforeAnswer, node,
            "\(message.line) leaves; stored are term \(node.stored.hardState.term.value) and, for this term, a vote for "
                + "\(node.stored.vote(in: message.term.value)?.value ?? 0)")
    }

    private func checkAppend(_ message: Message, of node: Node) {
        guard node.isLeader, node.hardState.term == message.term else { return }
        check(
            message.commit.value <= node.commit, .appendFromLog, node,
            "\(message.line) leaves, and it has committed \(node.commit)")
        if let mark = node.log.mark(at: message.index.value) {
            check(
                mark.term == message.logTerm.value, .appendFromLog, node,
                "\(message.line) leaves, and its entry there has term \(mark.term)")
        }
        guard let first = message.entries.first, let last = message.entries.last else { return }
        check(
            first.index == message.index + 1 && last.index == message.index + message.entries.count, .appendFromLog,
            node,
            "the entries of \(message.line) do not follow the place it names")
        check(
            node.log.mark(at: last.index.value).map { $0.term == last.term.value } ?? true, .appendFromLog, node,
            "\(message.line) leaves with another entry than its own")
        guard message.entries.count > 1 else { return }
        let bytes = message.entries.reduce(0) { $0 + $1.sizeBytes }
        check(
            bytes <= plan.replica.messageBytesMax, .messageLimit, node,
            "\(message.line) has \(bytes) bytes, and \(plan.replica.messageBytesMax) are allowed")
    }

    private func checkHeartbeat(_ message: Message, of node: Node) {
        guard message.to.slot < nodes.count else { return }
        let stored = nodes[message.to.slot].stored.log.last
        check(
            message.commit.value <= stored, .commitVouchedFor, node,
            "\(message.line) leaves, and the receiver has stored up to \(stored)")
    }

    private func checkHandOver(_ message: Message, of node: Node) {
        guard node.writesAsynchronously, message.to.slot < nodes.count else { return }
        let target = nodes[message.to.slot].stored
        guard target.hardState.term <= message.term else { return }
        check(
            target.log.last >= node.log.last, .transferCatchesUp, node,
            "\(message.line) leaves, and the receiver's log ends at \(target.log.last) of \(node.log.last)")
    }

    private func checkSnapshot(_ message: Message, of node: Node) {
        guard let snapshot = message.snapshot else { return fail(.appendFromLog, node, "\(message.line) is empty") }
        note("\(message.line) leaves: \(Members(snapshot.configuration))")
        checkInstalled(snapshot, at: node)
    }
}
