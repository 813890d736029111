/// A topic's id: 128 bits, made once, never used again. Text form: Kafka's URL-safe base64 of 22 characters.
public struct TopicID: Sendable, Hashable {
    /// The first eight bytes, big-endian.
    public var high: UInt64
    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// The id of these 16 bytes.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Which log: one partition of one topic.
public struct LogIdentity: Sendable, Hashable {
    /// The topic's id: what tells a topic from an older one of the same name.
    public var topicID: TopicID
    /// The topic's name, which names the folder (`<topic>-<partition>`).
    public var topic: String
    /// The partition's number, from 0.
    public var partition: Int32

    /// The log of `partition` of the topic.
    public init(topicID: TopicID, topic: String, partition: Int32) {
        self.topicID = topicID
        self.topic = topic
        self.partition = partition
    }

    /// The folder's name: `<topic>-<partition>`.
    public var directoryName: String { "\(topic)-\(partition)" }
}
