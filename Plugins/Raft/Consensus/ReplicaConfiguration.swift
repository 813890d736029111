/// How a replica behaves; all of a group's replicas should agree on it.
public struct ReplicaConfiguration: Sendable {
    /// How a read index is confirmed.
    public enum ReadOption: Sendable, Hashable {
        /// A majority answers a heartbeat first: linearizable whatever the clocks do.
        case safe
        /// The leader trusts its lease: answers at once, and needs clocks whose drift is bounded.
        case leaseBased
    }

    /// When the group's one voter answers a read.
    public enum LoneVoterReads: Sendable, Hashable {
        /// When it has committed in its term; and a leader that is not that voter asks it.
        case confirmed
        /// At once, as in etcd's library: stale where its stored commit index lagged at a restart, and where the
        /// leader was removed and the voter that is left leads already.
        case atOnce
    }

    /// Who it is.
    public var id: ReplicaID
    /// Ticks without a leader until an election; each is drawn from this up to twice this less one.
    public var electionTicks = 10
    /// Ticks between heartbeats; less than `electionTicks`.
    public var heartbeatTicks = 1
    /// What the owner has applied already, at a restart.
    public var applied: LogIndex = 0
    /// Whether storage work is handed out as messages, instead of between `ready` and `advance`.
    public var asyncStorageWrites = false
    /// How large the entries of one append message may be together; one entry always fits.
    public var messageBytesMax = 1 << 20
    /// How large the entries may be that are handed out to be applied and not yet reported; 0: `messageBytesMax`.
    public var committedBytesMax = 0
    /// How many bytes of payload may be proposed and not yet applied; 0: no limit.
    public var uncommittedBytesMax = 0
    /// How many append messages a follower may owe an answer to.
    public var inflightMessagesMax = 256
    /// How many bytes of payload a follower may owe an answer to; 0: no limit.
    public var inflightBytesMax = 0
    /// Whether a leader that hears of no majority steps down, and followers that hear of it refuse votes.
    public var checkQuorum = false
    /// Whether an election is asked for before it begins, so that a replica that cannot win disturbs nobody.
    public var preVote = false
    /// How a read index is confirmed.
    public var readOption = ReadOption.safe
    /// When the group's one voter answers a read.
    public var loneVoterReads = LoneVoterReads.confirmed
    /// Whether a follower refuses proposals instead of forwarding them.
    public var disableProposalForwarding = false
    /// Whether proposed membership changes are appended even where they cannot be applied.
    public var disableConfigurationChangeValidation = false
    /// Whether a leader that is removed steps down, instead of leading on until another is elected.
    public var stepDownOnRemoval = false

    /// The defaults, for that replica.
    public init(id: ReplicaID) { self.id = id }

    func check() {
        precondition(id != .none && !id.isLocalThread, "a replica needs a number of its own")
        precondition(heartbeatTicks > 0 && electionTicks > heartbeatTicks, "an election waits for several heartbeats")
        precondition(inflightMessagesMax > 0, "a follower must be allowed one message")
        precondition(messageBytesMax > 0 || committedBytesMax > 0, "nothing could be applied within a limit of 0 bytes")
        precondition(inflightBytesMax == 0 || inflightBytesMax >= messageBytesMax, "one message must fit the window")
        precondition(readOption == .safe || checkQuorum, "a lease needs check-quorum")
    }
}
