public import KafkaWire

/// The topics that there are, as coordinators need to know them: a cheap copy, never changed in place.
public struct TopicsImage: Sendable, Equatable {
    /// One topic.
    public struct Topic: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its id.
        public var id: WireUUID
        /// How many partitions it has.
        public var partitionCount: Int32

        /// A topic.
        public init(name: String, id: WireUUID, partitionCount: Int32) {
            self.name = name
            self.id = id
            self.partitionCount = partitionCount
        }
    }

    private var byName: [String: Topic] = [:]
    private var names: [WireUUID: String] = [:]

    /// These topics.
    public init(_ topics: [Topic] = []) {
        for topic in topics {
            byName[topic.name] = topic
            names[topic.id] = topic.name
        }
    }

    /// The topic of a name.
    public subscript(name: String) -> Topic? { byName[name] }

    /// The topic of an id.
    public subscript(id id: WireUUID) -> Topic? { names[id].flatMap { byName[$0] } }

    /// Every topic, in no order.
    public var topics: some Collection<Topic> { byName.values }
}

/// One partition, by its topic's name.
public struct TopicPartition: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition's number.
    public var partition: Int32

    /// The partition of the topic.
    public init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// By topic, then by number.
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    /// As Kafka writes it: `orders-0`.
    public var description: String { "\(topic)-\(partition)" }
}
