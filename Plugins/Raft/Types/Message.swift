/// What one replica tells another, or its own storage.
///
/// One shape for all kinds, as on the wire; what a kind does not use is zero or empty. The kinds and
/// their numbers are etcd's (raftpb/raft.proto).
public struct Message: Sendable {
    /// What it says.
    public enum Kind: UInt8, Sendable, Hashable, CaseIterable {
        /// Stand for election. Local.
        case hup = 0
        /// Send heartbeats. Local.
        case beat = 1
        /// `entries` are proposed; a follower forwards them. Without a term.
        case propose = 2
        /// `entries` follow the entry at `index` of `logTerm`; the leader's commit is `commit`.
        case append = 3
        /// The log agrees up to `index`; or, rejected: not at `index`, try `rejectHint`, which has `logTerm`.
        case appendResponse = 4
        /// Vote for me: my last entry is `index` of `logTerm`.
        case vote = 5
        /// A vote, or its refusal.
        case voteResponse = 6
        /// Begin anew from `snapshot`.
        case snapshot = 7
        /// The leader lives, and `commit` is committed.
        case heartbeat = 8
        /// Answers a heartbeat with its `readPosition`.
        case heartbeatResponse = 9
        /// `from` cannot be reached. Local.
        case unreachable = 10
        /// A snapshot reached `from`; or not, rejected. Local.
        case snapshotStatus = 11
        /// Look whether a majority was heard of. Local.
        case checkQuorum = 12
        /// Hand leadership to `from`.
        case transferLeader = 13
        /// Stand for election now: leadership is handed to you.
        case timeoutNow = 14
        /// Asks for a read index; `entries` holds one entry, the request's context. Without a term.
        case readIndex = 15
        /// The read index is `index`, for the request whose context `entries` holds.
        case readIndexResponse = 16
        /// Would you vote for me in `term`?
        case preVote = 17
        /// The answer.
        case preVoteResponse = 18
        /// Store what it holds, then deliver `responses`. To the append thread.
        case storageAppend = 19
        /// What was asked for is stored. From the append thread.
        case storageAppendResponse = 20
        /// Apply `entries`, then deliver `responses`. To the apply thread.
        case storageApply = 21
        /// `entries` are applied. From the apply thread.
        case storageApplyResponse = 22
        /// Forget who leads. Local.
        case forgetLeader = 23
    }

    /// What it says.
    public var kind: Kind
    /// Whether it refuses.
    public var isRejection = false
    /// Whether a vote is asked for because leadership is handed over, which a lease does not refuse.
    public var isTransfer = false
    /// Who says it.
    public var from: ReplicaID
    /// To whom.
    public var to: ReplicaID
    /// The sender's term, or the one it would campaign for; 0 without.
    public var term: Term
    /// The term of the entry at `index`, or at `rejectHint`.
    public var logTerm: Term
    /// An index whose meaning is the kind's.
    public var index: LogIndex
    /// What is committed.
    public var commit: LogIndex
    /// Who was voted for: part of the hard state that is to be stored.
    public var vote: ReplicaID
    /// Where the logs may agree.
    public var rejectHint: LogIndex
    /// How many reads of this leadership a heartbeat confirms when it is answered; 0 none.
    public var readPosition: UInt64
    /// Entries whose meaning is the kind's.
    public var entries: [Entry]
    /// What to begin from.
    public var snapshot: Snapshot?
    /// What to deliver when the work is done.
    public var responses: [Message]

    /// A message whose other parts are zero or empty.
    public init(
        _ kind: Kind, from: ReplicaID = .none, to: ReplicaID = .none, term: Term = 0, logTerm: Term = 0,
        index: LogIndex = 0, commit: LogIndex = 0, entries: [Entry] = []
    ) {
        self.kind = kind
        self.from = from
        self.to = to
        self.term = term
        self.logTerm = logTerm
        self.index = index
        self.commit = commit
        vote = .none
        rejectHint = 0
        readPosition = 0
        self.entries = entries
        snapshot = nil
        responses = []
    }
}

extension Message.Kind {
    /// Whether `Replica.step` refuses it from another replica.
    public var isLocal: Bool {
        switch self {
        case .hup, .beat, .unreachable, .snapshotStatus, .checkQuorum, .storageAppend, .storageAppendResponse,
            .storageApply, .storageApplyResponse:
            true
        case .propose, .append, .appendResponse, .vote, .voteResponse, .snapshot, .heartbeat, .heartbeatResponse,
            .transferLeader, .timeoutNow, .readIndex, .readIndexResponse, .preVote, .preVoteResponse, .forgetLeader:
            false
        }
    }

    /// Whether it answers, so that its sender must be tracked.
    public var isResponse: Bool {
        switch self {
        case .appendResponse, .voteResponse, .heartbeatResponse, .unreachable, .readIndexResponse, .preVoteResponse,
            .storageAppendResponse, .storageApplyResponse:
            true
        case .hup, .beat, .propose, .append, .vote, .snapshot, .heartbeat, .snapshotStatus, .checkQuorum,
            .transferLeader, .timeoutNow, .readIndex, .preVote, .storageAppend, .storageApply, .forgetLeader:
            false
        }
    }
}
