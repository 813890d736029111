/// Time, and how a leader is found (Raft §5.2, §5.4.1; pre-vote and check-quorum: thesis §9.6, §6.2).
extension Consensus {
    /// Why a replica stands for election.
    enum Campaign {
        /// To learn whether it could win.
        case preVote
        /// To win.
        case election
        /// To win, because the leader asked for it.
        case transfer
    }

    /// Whether it may be elected: a voter, whose log is not being replaced.
    var isPromotable: Bool {
        !membership.isLearnerOrUnknown(id) && !log.hasSnapshotToStore
    }

    // MARK: Time

    mutating func tick() {
        if role == .leader { tickAsLeader() } else { tickElection() }
    }

    private mutating func tickElection() {
        electionElapsed += 1
        guard electionElapsed >= electionTimeout, isPromotable else { return }
        electionElapsed = 0
        campaign(configuration.preVote ? .preVote : .election)
    }

    private mutating func tickAsLeader() {
        heartbeatElapsed += 1
        electionElapsed += 1
        if electionElapsed >= configuration.electionTicks {
            electionElapsed = 0
            if configuration.checkQuorum { checkQuorum() }
            // A transfer that takes longer than an election is given up.
            transferee = .none
        }
        guard role == .leader, heartbeatElapsed >= configuration.heartbeatTicks else { return }
        heartbeatElapsed = 0
        broadcastHeartbeat()
    }

    /// The next tick that may do anything, counted from now.
    var ticksUntilDue: Int {
        if role == .leader {
            let untilCheck = configuration.electionTicks - electionElapsed
            return max(1, min(untilCheck, configuration.heartbeatTicks - heartbeatElapsed))
        }
        return isPromotable ? max(1, electionTimeout - electionElapsed) : .max
    }

    /// Lets ticks pass that do nothing: fewer than `ticksUntilDue`.
    mutating func passQuietTicks(_ count: Int) {
        electionElapsed += count
        if role == .leader { heartbeatElapsed += count }
    }

    /// Steps down where no majority was heard of since the last look.
    mutating func checkQuorum() {
        if !membership.isQuorumActive { becomeFollower(term, leader: .none) }
        for place in membership.peers.indices where membership.peers[place].id != id {
            membership.peers[place].isRecentlyActive = false
        }
    }

    // MARK: Campaigning

    mutating func campaign(_ campaign: Campaign) {
        guard role != .leader, isPromotable else { return }
        // A change that is committed and not applied may say that it is no voter any more.
        guard !log.hasUnappliedConfigurationChange else { return }
        stand(campaign)
    }

    private mutating func stand(_ campaign: Campaign) {
        let isPreVote = campaign == .preVote
        if isPreVote { becomePreCandidate() } else { becomeCandidate() }
        let requested = isPreVote ? term.next : term
        let last = log.last
        for peer in membership.peers where membership.isVoter(peer.id) {
            if peer.id == id {
                // Its own vote counts when it is stored.
                send(Message(isPreVote ? .preVoteResponse : .voteResponse, to: id, term: requested))
                continue
            }
            var request = Message(
                isPreVote ? .preVote : .vote, to: peer.id, term: requested, logTerm: last.term, index: last.index)
            request.isTransfer = campaign == .transfer
            send(request)
        }
    }

    mutating func countVote(_ message: Message) {
        membership.recordVote(message.from, isGranted: !message.isRejection)
        switch membership.voteResult {
        case .pending:
            break
        case .lost:
            becomeFollower(term, leader: .none)
        case .won where role == .preCandidate:
            stand(.election)
        case .won:
            becomeLeader()
            broadcastAppend()
        }
    }

    // MARK: Voting

    /// Takes over a higher term, where the message is one that may bring it. False: the message is ignored.
    mutating func takeHigherTerm(_ message: Message) -> Bool {
        if message.kind == .vote || message.kind == .preVote {
            let isInLease =
                configuration.checkQuorum && leader != .none && electionElapsed < configuration.electionTicks
            if isInLease && !message.isTransfer { return false }
        }
        switch message.kind {
        case .preVote:
            break
        case .preVoteResponse where !message.isRejection:
            // The term is the one that was asked for; it is not reached before the election is won.
            break
        case .append, .heartbeat, .snapshot:
            becomeFollower(message.term, leader: message.from)
        default:
            becomeFollower(message.term, leader: .none)
        }
        return true
    }

    /// Grants or refuses a vote. Learners vote too: they may be voters already and not know it.
    mutating func answerVote(_ message: Message) {
        let isPreVote = message.kind == .preVote
        let isFree =
            vote == message.from || (vote == .none && leader == .none) || (isPreVote && message.term > term)
        let last = EntryID(term: message.logTerm, index: message.index)
        let kind: Message.Kind = isPreVote ? .preVoteResponse : .voteResponse
        guard isFree && log.isUpToDate(last) else {
            // Nobody campaigns for term 0: a faulty peer must not make this replica answer in it.
            guard term > 0 else { return }
            var refusal = Message(kind, to: message.from, term: term)
            refusal.isRejection = true
            return send(refusal)
        }
        guard message.term > 0 else { return }
        // With the term that was asked for: the candidate drops answers of another one.
        send(Message(kind, to: message.from, term: message.term))
        if !isPreVote {
            electionElapsed = 0
            vote = message.from
        }
    }
}
