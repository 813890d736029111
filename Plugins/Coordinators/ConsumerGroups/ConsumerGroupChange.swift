import KafkaWire
import NIOCore

/// One record of a consumer group, read: the only way in which the group's durable state changes.
enum ConsumerGroupChange: Sendable, Equatable {
    /// The group's epoch; nil: the group is no more.
    case groupEpoch(Int32?)
    /// What the subscribed topics were when the epoch was last raised for them.
    case subscribedTopics([SubscribedTopic])
    /// What a member says of itself; nil: it is no more.
    case member(String, ConsumerGroupMemberMetadataValue?)
    /// The epoch of the target assignment; nil: there is none any more.
    case targetEpoch(Int32?)
    /// What a member is to have; nil: it is no more.
    case target(String, TopicPartitionSet?)
    /// What a member has; nil: it is no more.
    case current(String, CurrentAssignment?)
}

extension ConsumerGroupChange {
    /// What a record changes in which group; nil where the value is of a version that is not known.
    ///
    /// `key` stands behind the version in front, `value` in front of its own.
    static func read(
        _ keyVersion: Int16, key: inout ByteBuffer, value: ByteBuffer?
    ) throws(WireError) -> (group: String, change: ConsumerGroupChange)? {
        switch keyVersion {
        case 3:
            let key = try ConsumerGroupMetadataKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupMetadataValue.self)
            return change(of: key.groupId, value) { .groupEpoch($0?.epoch) }
        case 4:
            let key = try ConsumerGroupPartitionMetadataKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupPartitionMetadataValue.self)
            return change(of: key.groupId, value) { .subscribedTopics($0?.topics.map(SubscribedTopic.init) ?? []) }
        case 5:
            let key = try ConsumerGroupMemberMetadataKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupMemberMetadataValue.self)
            return change(of: key.groupId, value) { .member(key.memberId, $0?.owned) }
        case 6:
            let key = try ConsumerGroupTargetAssignmentMetadataKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupTargetAssignmentMetadataValue.self)
            return change(of: key.groupId, value) { .targetEpoch($0?.assignmentEpoch) }
        case 7:
            let key = try ConsumerGroupTargetAssignmentMemberKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupTargetAssignmentMemberValue.self)
            return change(of: key.groupId, value) { .target(key.memberId, $0.map(TopicPartitionSet.init)) }
        case 8:
            let key = try ConsumerGroupCurrentMemberAssignmentKey.read(from: &key, version: keyVersion)
            let value = try GroupRecords.decodeValue(value, as: ConsumerGroupCurrentMemberAssignmentValue.self)
            return change(of: key.groupId, value) { .current(key.memberId, $0.map(CurrentAssignment.init)) }
        default:
            return nil
        }
    }

    private static func change<Value>(
        of group: String, _ value: GroupRecordValue<Value>, _ make: (Value?) -> ConsumerGroupChange
    ) -> (group: String, change: ConsumerGroupChange)? {
        switch value {
        case .value(let value): (group, make(value))
        case .tombstone: (group, make(nil))
        case .unknown: nil
        }
    }

    /// The record that says this of `group`.
    func record(of group: String) -> CoordinatorRecord {
        switch self {
        case .groupEpoch(let epoch):
            var key = ConsumerGroupMetadataKey()
            key.groupId = group
            var value = ConsumerGroupMetadataValue()
            value.epoch = epoch ?? 0
            return Self.record(3, key, epoch.map { _ in value })
        case .subscribedTopics(let topics):
            var key = ConsumerGroupPartitionMetadataKey()
            key.groupId = group
            var value = ConsumerGroupPartitionMetadataValue()
            value.topics = topics.map {
                var topic = ConsumerGroupPartitionMetadataValue.TopicMetadata()
                topic.topicId = $0.id
                topic.topicName = $0.name
                topic.numPartitions = $0.partitionCount
                return topic
            }
            return Self.record(4, key, topics.isEmpty ? nil : value)
        case .member(let member, let value):
            var key = ConsumerGroupMemberMetadataKey()
            key.groupId = group
            key.memberId = member
            return Self.record(5, key, value)
        case .targetEpoch(let epoch):
            var key = ConsumerGroupTargetAssignmentMetadataKey()
            key.groupId = group
            var value = ConsumerGroupTargetAssignmentMetadataValue()
            value.assignmentEpoch = epoch ?? 0
            return Self.record(6, key, epoch.map { _ in value })
        case .target(let member, let target):
            var key = ConsumerGroupTargetAssignmentMemberKey()
            key.groupId = group
            key.memberId = member
            return Self.record(7, key, target.map(ConsumerGroupTargetAssignmentMemberValue.init))
        case .current(let member, let current):
            var key = ConsumerGroupCurrentMemberAssignmentKey()
            key.groupId = group
            key.memberId = member
            return Self.record(8, key, current.map(ConsumerGroupCurrentMemberAssignmentValue.init))
        }
    }

    private static func record(
        _ keyVersion: Int16, _ key: some KafkaMessage, _ value: (some KafkaMessage)?
    ) -> CoordinatorRecord {
        CoordinatorRecord(
            key: GroupRecords.encode(key, version: keyVersion),
            value: value.map { GroupRecords.encode($0, version: 0) })
    }
}

/// A topic that a group was subscribed to when its epoch was last raised for its topics.
struct SubscribedTopic: Sendable, Hashable {
    /// Its name.
    var name: String
    /// Its id.
    var id: WireUUID
    /// How many partitions it had.
    var partitionCount: Int32
}

extension SubscribedTopic {
    fileprivate init(_ value: ConsumerGroupPartitionMetadataValue.TopicMetadata) {
        self.init(name: value.topicName, id: value.topicId, partitionCount: value.numPartitions)
    }
}

extension ConsumerGroupMemberMetadataValue {
    /// A copy that keeps nothing of the buffer that it was read from.
    var owned: Self {
        guard let classic = classicMemberMetadata else { return self }
        var copy = self
        copy.classicMemberMetadata?.supportedProtocols = classic.supportedProtocols.map {
            var item = $0
            item.metadata = $0.metadata.owned
            return item
        }
        return copy
    }
}

extension ConsumerGroupTargetAssignmentMemberValue {
    fileprivate init(_ target: TopicPartitionSet) {
        self.init()
        topicPartitions = target.sorted.map { topic, partitions in
            var value = TopicPartition()
            value.topicId = topic
            value.partitions = partitions
            return value
        }
    }
}

extension TopicPartitionSet {
    fileprivate init(_ value: ConsumerGroupTargetAssignmentMemberValue) {
        self.init(value.topicPartitions.map { ($0.topicId, $0.partitions) })
    }
}

extension ConsumerGroupCurrentMemberAssignmentValue {
    fileprivate init(_ current: CurrentAssignment) {
        self.init()
        memberEpoch = current.epoch
        previousMemberEpoch = current.previousEpoch
        state = current.state.rawValue
        assignedPartitions = Self.topics(current.assigned)
        partitionsPendingRevocation = Self.topics(current.pendingRevocation)
    }

    private static func topics(_ set: TopicPartitionSet) -> [TopicPartitions] {
        set.sorted.map { topic, partitions in
            var value = TopicPartitions()
            value.topicId = topic
            value.partitions = partitions
            return value
        }
    }
}

extension CurrentAssignment {
    fileprivate init(_ value: ConsumerGroupCurrentMemberAssignmentValue) {
        self.init()
        epoch = value.memberEpoch
        previousEpoch = value.previousMemberEpoch
        // A state that a later broker invented: the member is reconciled anew, from what it owns.
        state = State(rawValue: value.state) ?? .unreleasedPartitions
        assigned = TopicPartitionSet(value.assignedPartitions.map { ($0.topicId, $0.partitions) })
        pendingRevocation = TopicPartitionSet(value.partitionsPendingRevocation.map { ($0.topicId, $0.partitions) })
    }
}
