/// What a replica is and knows, at one moment; for people and for the owner's decisions.
public struct ReplicaStatus: Sendable {
    /// What a leader knows of one replica's log.
    public struct Peer: Sendable {
        /// Whose.
        public var id: ReplicaID
        /// How it is sent to.
        public var mode: ProgressMode
        /// The last entry it is known to have.
        public var match: LogIndex
        /// The next entry to send.
        public var next: LogIndex
        /// Whether it does not vote.
        public var isLearner: Bool
        /// Whether nothing is sent for now.
        public var isPaused: Bool
        /// The snapshot on its way; 0 none.
        public var pendingSnapshot: LogIndex
        /// Whether it was heard of since the last look for a majority.
        public var isRecentlyActive: Bool
        /// Append messages it owes an answer to.
        public var inflightCount: Int
        /// Whether no more of them may be sent.
        public var isInflightFull: Bool
    }

    /// Who it is.
    public var id: ReplicaID
    /// What it stores of itself.
    public var hardState: HardState
    /// Who leads and what it does.
    public var softState: SoftState
    /// The last entry that was applied.
    public var applied: LogIndex
    /// The first entry of its log.
    public var firstIndex: LogIndex
    /// The last entry of its log, stored or not.
    public var last: EntryID
    /// The membership it acts on.
    public var configuration: ConfigurationState
    /// Whom leadership is being handed to.
    public var transferee: ReplicaID
    /// Everybody it tracks, ascending; a leader's knowledge, elsewhere without meaning.
    public var peers: [Peer]
}

/// How a leader sends to a replica.
public enum ProgressMode: UInt8, Sendable, Hashable {
    /// One message at a time, to find where the logs agree.
    case probe
    /// One message after another without waiting.
    case replicate
    /// Nothing, until a snapshot has arrived.
    case snapshot
}
