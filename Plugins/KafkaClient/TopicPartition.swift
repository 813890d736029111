/// A partition of a topic, by name and number.
public struct TopicPartition: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition's number.
    public var partition: Int32

    /// A partition.
    public init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    /// As it is written in messages: `orders-3`.
    public var description: String { "\(topic)-\(partition)" }

    /// By topic, then by number.
    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

extension Sequence<TopicPartition> {
    /// The numbers of each topic, both in order: how requests have them.
    var byTopic: [(topic: String, partitions: [Int32])] {
        Dictionary(grouping: self, by: \.topic)
            .map { (topic: $0.key, partitions: $0.value.map(\.partition).sorted()) }
            .sorted { $0.topic < $1.topic }
    }
}
