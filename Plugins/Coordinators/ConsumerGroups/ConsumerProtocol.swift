import KafkaWire
import NIOCore

/// What consumers of the classic protocol put into JoinGroup and SyncGroup: a version, then the fields of it.
///
/// Each version begins as the one before it, so that one that is not known is read as the last that is.
enum ConsumerProtocol {
    /// The type of groups whose members speak it.
    static let type = "consumer"

    /// What a member says of itself.
    static func subscription(_ metadata: ByteBuffer) throws(WireError) -> ConsumerProtocolSubscription {
        var rest = metadata
        let version = try version(&rest, in: ConsumerProtocolSubscription.validVersions)
        return try ConsumerProtocolSubscription.read(from: &rest, version: version)
    }

    /// What a member says that it owns.
    static func ownedPartitions(_ subscription: ConsumerProtocolSubscription, _ topics: TopicsImage)
        -> TopicPartitionSet
    {
        TopicPartitionSet(
            subscription.ownedPartitions.compactMap { item in topics[item.topic].map { ($0.id, item.partitions) } })
    }

    /// What a member was assigned; nothing where it was assigned nothing yet.
    static func assignment(
        _ bytes: ByteBuffer, _ topics: TopicsImage
    ) throws(WireError) -> TopicPartitionSet {
        guard bytes.readableBytes > 0 else { return TopicPartitionSet() }
        var rest = bytes
        let version = try version(&rest, in: ConsumerProtocolAssignment.validVersions)
        let value = try ConsumerProtocolAssignment.read(from: &rest, version: version)
        return TopicPartitionSet(
            value.assignedPartitions.compactMap { item in topics[item.topic].map { ($0.id, item.partitions) } })
    }

    /// The assignment, in the version of the member's subscription.
    static func bytes(
        _ partitions: TopicPartitionSet, answering metadata: ByteBuffer, _ topics: TopicsImage
    ) -> ByteBuffer {
        var rest = metadata
        let version = (try? version(&rest, in: ConsumerProtocolAssignment.validVersions)) ?? 0
        var value = ConsumerProtocolAssignment()
        value.assignedPartitions = partitions.sorted.compactMap { id, numbers in
            guard let topic = topics[id: id] else { return nil }
            var item = ConsumerProtocolAssignment.TopicPartition()
            item.topic = topic.name
            item.partitions = numbers
            return item
        }
        return GroupRecords.encode(value, version: version)
    }

    private static func version(
        _ rest: inout ByteBuffer, in known: ClosedRange<Int16>
    ) throws(WireError) -> Int16 {
        guard let version = rest.readInteger(as: Int16.self), version >= known.lowerBound else {
            throw WireError(.truncated, "the embedded consumer protocol has no version")
        }
        return min(version, known.upperBound)
    }
}
