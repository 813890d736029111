/// How much one encoded message may hold: what decoding refuses is chosen by the owner.
public struct MessageLimits: Sendable, Hashable {
    /// Whether messages between a replica and its own storage work are taken in.
    public enum LocalMessages: Sendable, Hashable {
        /// Refused, as from the network: kinds that are local, and the numbers of storage threads.
        case refused
        /// Taken in, as from the owner's own process.
        case accepted
    }

    /// How many bytes the whole may have; a payload may be as long as this allows.
    public var bytesMax: Int
    /// How many entries a message may hold. An entry takes at least one byte encoded and 48 decoded.
    public var entriesMax: Int
    /// How many replicas a list of a configuration may name, and how many operations a change may have.
    public var membersMax: Int
    /// How many responses a message may hold; a response holds none.
    public var responsesMax: Int
    /// Whether messages between a replica and its own storage work are taken in.
    public var localMessages: LocalMessages

    /// Limits; the defaults are for messages of other nodes, and fit the defaults of `ReplicaConfiguration`.
    ///
    /// A message holds more than `ReplicaConfiguration.messageBytesMax` where one entry is larger, and where a
    /// snapshot's payload is: choose `bytesMax` for those.
    public init(
        bytesMax: Int = 64 << 20, entriesMax: Int = 1 << 18, membersMax: Int = 256, responsesMax: Int = 0,
        localMessages: LocalMessages = .refused
    ) {
        precondition(
            bytesMax >= 0 && entriesMax >= 0 && membersMax >= 0 && responsesMax >= 0, "a limit is not negative")
        self.bytesMax = bytesMax
        self.entriesMax = entriesMax
        self.membersMax = membersMax
        self.responsesMax = responsesMax
        self.localMessages = localMessages
    }
}
