public import SegmentLog

/// A topic that somebody asks for; −1 stands for the broker's default, as in CreateTopics.
public struct NewTopic: Sendable, Hashable {
    /// Replicas of one partition, chosen by who asks.
    public struct Assignment: Sendable, Hashable {
        /// The partition.
        public var partition: Int32
        /// The nodes.
        public var nodes: [Int32]

        /// `partition` on `nodes`.
        public init(partition: Int32, nodes: [Int32]) {
            self.partition = partition
            self.nodes = nodes
        }
    }

    /// A setting; nil as value is refused.
    public struct Config: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The value.
        public var value: String?

        /// `name` = `value`.
        public init(name: String, value: String?) {
            self.name = name
            self.value = value
        }
    }

    /// The name.
    public var name: String
    /// Partitions; −1: the default.
    public var partitionCount: Int32
    /// Replicas of each; −1: the default.
    public var replicationFactor: Int16
    /// Where the partitions' replicas are; empty: the broker chooses.
    public var assignments: [Assignment]
    /// What is set for the topic.
    public var configs: [Config]

    /// A topic with the broker's defaults, but for what is given.
    public init(
        name: String, partitionCount: Int32 = -1, replicationFactor: Int16 = -1, assignments: [Assignment] = [],
        configs: [Config] = []
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.assignments = assignments
        self.configs = configs
    }
}

/// A topic that is to be deleted, by name or by id.
public enum TopicReference: Sendable, Hashable {
    /// The topic of that name.
    case name(String)
    /// The topic of that id.
    case id(TopicID)
}

/// Partitions that are to be added to a topic.
public struct NewPartitions: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// How many partitions it should have then.
    public var totalCount: Int32
    /// The nodes of each added partition; nil: the broker chooses.
    public var assignments: [[Int32]]?

    /// `topic` with `totalCount` partitions.
    public init(topic: String, totalCount: Int32, assignments: [[Int32]]? = nil) {
        self.topic = topic
        self.totalCount = totalCount
        self.assignments = assignments
    }
}

/// Whether a request is carried out, or only checked.
public enum CatalogMode: Sendable, Hashable {
    /// Checked and carried out.
    case perform
    /// Checked; nothing changes (`validateOnly`).
    case validateOnly
}

/// A change of a topic's configuration.
public enum ConfigurationChange: Sendable, Hashable {
    /// What is given replaces all that was set (AlterConfigs).
    case replace([NewTopic.Config])
    /// The operations are applied one after another (IncrementalAlterConfigs, KIP-339).
    case apply([ConfigurationOperation])
}

/// One step of an incremental change.
public struct ConfigurationOperation: Sendable, Hashable {
    /// What is done; the raw value is Kafka's.
    public enum Kind: Int8, Sendable, Hashable {
        /// The value is set.
        case set = 0
        /// What was set is taken away: the default is in force again.
        case delete = 1
        /// Elements are added to a list.
        case append = 2
        /// Elements are taken from a list.
        case subtract = 3
    }

    /// The setting.
    public var name: String
    /// What is done to it.
    public var kind: Kind
    /// The value, or the elements; of no meaning for `delete`.
    public var value: String?

    /// `kind` on `name` with `value`.
    public init(name: String, kind: Kind, value: String? = nil) {
        self.name = name
        self.kind = kind
        self.value = value
    }
}
