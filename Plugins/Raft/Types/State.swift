/// What must be on disk before a replica's messages leave it.
public struct HardState: Hashable, Sendable {
    /// The latest term it knows.
    public var term: Term
    /// Whom it voted for in that term.
    public var vote: ReplicaID
    /// What it knows to be committed; may lag, and needs no sync of its own.
    public var commit: LogIndex

    /// A state; empty without arguments.
    @inlinable
    public init(term: Term = 0, vote: ReplicaID = .none, commit: LogIndex = 0) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }

    /// Whether it says nothing.
    @inlinable public var isEmpty: Bool { term == 0 && vote == .none && commit == 0 }
}

/// What a replica does in its group.
public enum Role: UInt8, Sendable, Hashable {
    /// It follows a leader, or waits for one.
    case follower
    /// It stands for election.
    case candidate
    /// It leads.
    case leader
    /// It asks whether it could win an election.
    case preCandidate
}

/// Who leads and what the replica does: for information, nothing of it is stored.
public struct SoftState: Hashable, Sendable {
    /// Who leads; `.none` where nobody is known.
    public var leader: ReplicaID
    /// What the replica does.
    public var role: Role

    /// A state.
    public init(leader: ReplicaID, role: Role) {
        self.leader = leader
        self.role = role
    }
}

/// The state of a group up to an entry, in place of the entries up to there.
public final class Snapshot: Sendable {
    /// The last entry that it stands for.
    public let last: EntryID
    /// The group's membership there.
    public let configuration: ConfigurationState
    /// The state machine's bytes.
    public let payload: Payload

    /// A snapshot of everything up to `last`.
    public init(last: EntryID, configuration: ConfigurationState, payload: Payload = .empty) {
        self.last = last
        self.configuration = configuration
        self.payload = payload
    }
}

/// The answer to a read request: read once everything up to `index` is applied.
public struct ReadState: Sendable {
    /// What must be applied before the read.
    public var index: LogIndex
    /// The context that the request was made with.
    public var context: Payload

    /// An answer.
    public init(index: LogIndex, context: Payload) {
        self.index = index
        self.context = context
    }
}
