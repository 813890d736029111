/// A partition of a topic: which nodes keep it, and which of them leads it. Its topic owns it.
public struct Partition: Resource {
    /// Partitions live beside their topic, and are called `TOPIC-NUMBER`.
    public static let definition = KindDefinition(
        "weir/v1", "Partition", shortNames: ["part"], nameRule: .pathSegment,
        columns: [
            KindDefinition.Column("Topic", jsonPath: ".spec.topic"),
            KindDefinition.Column("Number", type: "integer", jsonPath: ".spec.partition"),
            KindDefinition.Column("Leader", type: "integer", jsonPath: ".status.leader"),
            KindDefinition.Column("Phase", jsonPath: ".status.phase"),
        ])

    /// What is wanted.
    public struct Spec: Codable, Sendable, Hashable {
        /// The topic's name.
        public var topic: String
        /// The number in the topic, from 0.
        public var partition: Int32
        /// The ids of the nodes that keep it, the preferred leader first.
        public var replicas: [Int32]

        /// A partition of a topic.
        public init(topic: String, partition: Int32, replicas: [Int32] = []) {
            self.topic = topic
            self.partition = partition
            self.replicas = replicas
        }
    }

    /// What was found.
    public struct Status: Codable, Sendable, Hashable {
        /// `Pending`, `Online`, `Offline` or `Terminating`.
        public var phase: String
        /// The id of the node that leads it; -1: none.
        public var leader: Int32
        /// How often the leader changed.
        public var leaderEpoch: Int32
        /// The ids of the nodes that have all of it.
        public var inSyncReplicas: [Int32]

        /// What was found.
        public init(phase: String, leader: Int32 = -1, leaderEpoch: Int32 = 0, inSyncReplicas: [Int32] = []) {
            self.phase = phase
            self.leader = leader
            self.leaderEpoch = leaderEpoch
            self.inSyncReplicas = inSyncReplicas
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What is wanted.
    public var spec: Spec
    /// What was found; nil before anybody looked.
    public var status: Status?

    /// A partition that is not stored yet.
    public init(metadata: ObjectMetadata, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}
