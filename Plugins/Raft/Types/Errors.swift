/// Why a replica did not do it; nothing has changed.
public enum RaftError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no leader, it cannot take proposals now, or the quota is used up: try again later.
    case proposalDropped
    /// An answer from somebody who is not tracked.
    case peerNotFound
    /// A kind of message that never comes from another replica.
    case localMessage
    /// An append message whose entries do not follow one another.
    case malformedAppend
    /// The leader has committed what this replica does not have although it said so: its log was lost or damaged.
    case logLost

    /// One sentence.
    public var description: String {
        switch self {
        case .proposalDropped: "raft proposal dropped"
        case .peerNotFound: "raft: cannot step as peer not found"
        case .localMessage: "raft: cannot step raft local message"
        case .malformedAppend: "raft: the entries of an append message do not follow one another"
        case .logLost: "raft: the log lacks entries that were acknowledged; remove the replica and add it anew"
        }
    }
}
