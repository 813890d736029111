/// The consensus machine as a value: its state, and which rule answers which message.
///
/// The rules are in extensions, one file a subject; arithmetic is in `JointQuorum`, `Progress`,
/// `ReplicaLog` and `ReadQueue`. `Replica` is its face. Not copyable: a copy, which Swift makes for a call where it
/// may, costs more than most calls.
struct Consensus: ~Copyable {
    // MARK: What a tick looks at: first, so that one cache line holds it

    var role = Role.follower
    /// Ticks since the election timer was reset; of a leader, since it last looked for a quorum.
    var electionElapsed = 0
    var electionTimeout = 0
    var heartbeatElapsed = 0
    let configuration: ReplicaConfiguration

    // MARK: What is stored

    var term: Term = 0
    var vote: ReplicaID = .none
    var log: ReplicaLog

    // MARK: What is not

    var leader: ReplicaID = .none
    var membership: Membership
    var reads: ReadQueue
    /// Read requests that wait for the first entry of this leadership to be committed.
    var earlyReads: [Message] = []
    /// Whom leadership is being handed to.
    var transferee: ReplicaID = .none
    /// The last entry that may hold a change of the membership: none is proposed before it is applied.
    var pendingConfigurationIndex: LogIndex = 0
    /// Payload bytes that were proposed in this term and are not applied.
    var uncommittedBytes = 0
    private var random: any RandomNumberGenerator

    // MARK: What goes out

    /// Messages that may be sent at once.
    var outbox: [Message] = []
    /// Answers that vouch for what is in the log, sent when that is stored; some to this replica itself.
    var outboxAfterStoring: [Message] = []
    var readStates: [ReadState] = []
    /// The owner's own answers to the last `Ready`, which `advance` steps in.
    var stepsOnAdvance: [Message] = []
    /// What the last `Ready` said, so that the next says what changed.
    var lastSoftState = SoftState(leader: .none, role: .follower)
    var lastHardState = HardState()

    init(_ configuration: ReplicaConfiguration, storage: any LogStorage, random: any RandomNumberGenerator) {
        configuration.check()
        self.configuration = configuration
        self.random = random
        log = ReplicaLog(
            storage,
            applyingBytesMax: configuration.committedBytesMax > 0
                ? configuration.committedBytesMax : configuration.messageBytesMax)
        membership = Membership(
            inflightMessagesMax: configuration.inflightMessagesMax, inflightBytesMax: configuration.inflightBytesMax)
        reads = ReadQueue()
        let initial = storage.initialState()
        restoreMembership(initial.configuration)
        if !initial.hardState.isEmpty {
            log.loadCommit(initial.hardState.commit)
            term = initial.hardState.term
            vote = initial.hardState.vote
        }
        if configuration.applied > 0 { log.applied(to: configuration.applied, sizeBytes: 0) }
        becomeFollower(term, leader: .none)
        lastSoftState = softState
        lastHardState = hardState
    }

    var id: ReplicaID { configuration.id }
    var hardState: HardState { HardState(term: term, vote: vote, commit: log.committed) }
    var softState: SoftState { SoftState(leader: leader, role: role) }

    // MARK: Roles

    /// Begins a term, or a role: nothing is known of others' logs, nothing is under way.
    private mutating func reset(_ term: Term) {
        if self.term != term {
            self.term = term
            vote = .none
        }
        leader = .none
        electionElapsed = 0
        heartbeatElapsed = 0
        electionTimeout = configuration.electionTicks + Int.random(in: 0..<configuration.electionTicks, using: &random)
        transferee = .none
        membership.resetVotes()
        membership.resetProgress(own: id, lastIndex: log.last.index)
        pendingConfigurationIndex = 0
        uncommittedBytes = 0
        reads = ReadQueue()
    }

    mutating func becomeFollower(_ term: Term, leader: ReplicaID) {
        reset(term)
        self.leader = leader
        role = .follower
    }

    mutating func becomeCandidate() {
        precondition(role != .leader, "a leader does not campaign")
        reset(term.next)
        vote = id
        role = .candidate
    }

    /// Changes no term, vote or timer: who only asks disturbs nobody.
    mutating func becomePreCandidate() {
        precondition(role != .leader, "a leader does not campaign")
        membership.resetVotes()
        leader = .none
        role = .preCandidate
    }

    mutating func becomeLeader() {
        precondition(role != .follower, "only a candidate is elected")
        reset(term)
        leader = id
        role = .leader
        modifyPeer(id) { peer in
            peer.becomeReplicate()
            peer.isRecentlyActive = true
        }
        // There may be a change among the entries before this; to scan them would cost more than to wait.
        pendingConfigurationIndex = log.last.index
        let isAccepted = append([Entry(payload: .empty)])
        precondition(isAccepted, "an empty entry is never over the quota")
    }

    // MARK: Sending

    /// Puts a message into the outbox that its kind belongs to.
    ///
    /// Its term is this replica's, but for votes, which bring theirs, and what has none.
    mutating func send(_ message: consuming Message) {
        if message.from == .none { message.from = id }
        switch message.kind {
        case .vote, .voteResponse, .preVote, .preVoteResponse:
            precondition(message.term > 0, "a vote has a term")
        case .propose, .readIndex:
            break
        default:
            message.term = term
        }
        switch message.kind {
        case .appendResponse, .voteResponse, .preVoteResponse:
            outboxAfterStoring.append(consume message)
        default:
            precondition(message.to != id, "only what waits for storage is sent to oneself")
            if outbox.isEmpty { outbox.reserveCapacity(membership.peers.count) }
            outbox.append(consume message)
        }
    }

    mutating func modifyPeer(_ id: ReplicaID, _ body: (inout Progress) -> Void) {
        guard let place = membership.place(of: id) else { return }
        body(&membership.peers[place])
    }

    // MARK: Receiving

    mutating func step(_ message: Message) throws(RaftError) {
        if message.term > term {
            guard takeHigherTerm(message) else { return }
        } else if message.term < term && message.term != 0 {
            return answerLowerTerm(message)
        }
        switch message.kind {
        case .hup: campaign(configuration.preVote ? .preVote : .election)
        case .storageAppendResponse: storedUpTo(message)
        case .storageApplyResponse: applied(message.entries)
        case .vote, .preVote: answerVote(message)
        default:
            switch role {
            case .leader: try stepLeader(message)
            case .candidate, .preCandidate: try stepCandidate(message)
            case .follower: try stepFollower(message)
            }
        }
    }

    /// Answers or drops what was sent in an earlier term.
    private mutating func answerLowerTerm(_ message: Message) {
        switch message.kind {
        case .heartbeat, .append:
            // The sender may be a leader that a replica of a higher term can no longer depose by campaigning,
            // as its votes are refused; the answer's term does it.
            guard configuration.checkQuorum || configuration.preVote else { return }
            send(Message(.appendResponse, to: message.from))
        case .preVote:
            // Replicas that do not pre-vote yet may have raised the term; the refusal tells it.
            var refusal = Message(.preVoteResponse, to: message.from, term: term)
            refusal.isRejection = true
            send(refusal)
        case .storageAppendResponse:
            // What was stored may have been replaced by another leader's entries since. A snapshot never is.
            if let snapshot = message.snapshot { appliedSnapshot(snapshot) }
        default:
            break
        }
    }

    private mutating func stepLeader(_ message: Message) throws(RaftError) {
        switch message.kind {
        case .beat: broadcastHeartbeat()
        case .checkQuorum: checkQuorum()
        case .propose: try proposeAsLeader(message.entries)
        case .readIndex: readAsLeader(message)
        case .forgetLeader: break
        case .appendResponse: stepAppendResponse(message)
        case .heartbeatResponse: stepHeartbeatResponse(message)
        case .snapshotStatus: stepSnapshotStatus(message)
        case .unreachable: stepUnreachable(message)
        case .transferLeader: stepTransfer(message)
        default: break
        }
    }

    private mutating func stepCandidate(_ message: Message) throws(RaftError) {
        switch message.kind {
        case .propose: throw .proposalDropped
        case .append, .heartbeat, .snapshot:
            becomeFollower(message.term, leader: message.from)
            try follow(message)
        case .voteResponse: if role == .candidate { countVote(message) }
        case .preVoteResponse: if role == .preCandidate { countVote(message) }
        default: break
        }
    }

    private mutating func stepFollower(_ message: Message) throws(RaftError) {
        switch message.kind {
        case .propose:
            guard leader != .none, !configuration.disableProposalForwarding else { throw .proposalDropped }
            forwardToLeader(message)
        case .transferLeader, .readIndex:
            forwardToLeader(message)
        case .append, .heartbeat, .snapshot:
            electionElapsed = 0
            leader = message.from
            try follow(message)
        case .forgetLeader:
            if configuration.readOption == .safe { leader = .none }
        case .timeoutNow: campaign(.transfer)
        case .readIndexResponse:
            guard message.entries.count == 1 else { return }
            readStates.append(ReadState(index: message.index, context: message.entries[0].payload))
        default: break
        }
    }

    private mutating func forwardToLeader(_ message: Message) {
        guard leader != .none else { return }
        var forwarded = message
        forwarded.to = leader
        send(forwarded)
    }
}
