/// A group, with its members.
public struct GroupDescription: Sendable, Hashable {
    /// Its id.
    public var id: String
    /// "classic", or "consumer" (KIP-848).
    public var type: String
    /// "Stable", "Empty", "PreparingRebalance" and so on.
    public var state: String
    /// What its members do, "consumer" mostly; empty where there never was a member.
    public var protocolType: String
    /// How partitions are given to members: "range", "cooperative-sticky", "uniform"; empty without members.
    public var assignor: String
    /// The group's epoch; nil for the classic protocol, which tells its generation only to members.
    public var epoch: Int32?
    /// The epoch of the target assignment; nil for the classic protocol.
    public var assignmentEpoch: Int32?
    /// The broker that coordinates it.
    public var coordinator: KafkaClient.Node
    /// Its members, by client id and then member id.
    public var members: [GroupMember]
}

/// A member of a group.
public struct GroupMember: Sendable, Hashable {
    /// The id that the coordinator knows it by.
    public var id: String
    /// What makes it a static member (KIP-345); nil: it is none.
    public var instanceID: String?
    /// The name that its client gave itself.
    public var clientID: String
    /// Where it connects from.
    public var host: String
    /// Its epoch; nil in a classic group.
    public var epoch: Int32?
    /// The topics that it subscribed to, sorted; empty where that cannot be read.
    public var subscription: [String]
    /// The regular expression that it subscribed with (KIP-848).
    public var subscriptionRegex: String?
    /// The partitions that it has, sorted; nil where its protocol is not one of consumers.
    public var assignment: [TopicPartition]?
    /// The partitions that it is to have, sorted; nil in a classic group.
    public var target: [TopicPartition]?
}

/// What a group committed for a partition.
public struct CommittedOffset: Sendable, Hashable {
    /// The next offset to read.
    public var offset: Int64
    /// The leader epoch of the last record read; -1: unknown.
    public var leaderEpoch: Int32
    /// What the member wrote beside it.
    public var metadata: String

    /// An offset.
    public init(offset: Int64, leaderEpoch: Int32 = -1, metadata: String = "") {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}
