public import ObjectStore
public import SegmentLog

/// A topic as it is now: what Metadata answers and the data path checks against. Immutable.
public final class TopicDescription: Sendable, CustomStringConvertible {
    /// The name.
    public let name: String
    /// Whether the broker keeps its own state in it.
    public let isInternal: Bool
    /// The id, which tells it from an older topic of the same name.
    public let id: TopicID
    /// Partitions, numbered from 0.
    public let partitionCount: Int32
    /// Replicas that each partition should have.
    public let replicationFactor: Int16
    /// How it is kept.
    public let configuration: TopicConfiguration
    /// When it was made.
    public let creationTimestamp: Timestamp
    /// Rises with every change of what was asked for; begins at 1.
    public let generation: Int64

    /// Replicas that must have a batch before acks=all is answered: as configured, but with
    /// `clamp.replication.factor` no more than there are.
    public var inSyncReplicasMin: Int32 {
        let configured = configuration.inSyncReplicasMin
        return configuration.broker.clampsReplicationFactor ? min(configured, Int32(replicationFactor)) : configured
    }

    /// The name and the id.
    public var description: String { "topic \(name) (\(id.uid))" }

    init(
        name: String, id: TopicID, partitionCount: Int32, replicationFactor: Int16,
        configuration: TopicConfiguration, creationTimestamp: Timestamp = Timestamp(secondsSince1970: 0),
        generation: Int64 = 1
    ) {
        self.name = name
        isInternal = TopicName.isInternal(name)
        self.id = id
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.configuration = configuration
        self.creationTimestamp = creationTimestamp
        self.generation = generation
    }

    /// The same topic with more partitions, as it will be.
    func changed(partitionCount: Int32) -> TopicDescription {
        TopicDescription(
            name: name, id: id, partitionCount: partitionCount, replicationFactor: replicationFactor,
            configuration: configuration, creationTimestamp: creationTimestamp, generation: generation + 1)
    }

    /// The same topic whose inherited settings are others: nobody asked for anything else of it.
    func inheriting(_ configuration: TopicConfiguration) -> TopicDescription {
        TopicDescription(
            name: name, id: id, partitionCount: partitionCount, replicationFactor: replicationFactor,
            configuration: configuration, creationTimestamp: creationTimestamp, generation: generation)
    }

    /// The same topic with another configuration, as it will be.
    func changed(configuration: TopicConfiguration) -> TopicDescription {
        TopicDescription(
            name: name, id: id, partitionCount: partitionCount, replicationFactor: replicationFactor,
            configuration: configuration, creationTimestamp: creationTimestamp, generation: generation + 1)
    }
}

/// All topics at one moment. Immutable, cheap to copy, readable from any thread.
public struct TopicsSnapshot: Sendable {
    /// The topics by name.
    public private(set) var byName: [String: TopicDescription] = [:]
    /// The topics by id.
    public private(set) var byID: [TopicID: TopicDescription] = [:]
    /// Names as metrics would spell them (`.` as `_`) with the topic that has them: two topics may not share one.
    private var namesByMetricName: [String: String] = [:]

    init() {}

    /// The topic `name`.
    public subscript(name: String) -> TopicDescription? { byName[name] }
    /// The topic of that id.
    public subscript(id: TopicID) -> TopicDescription? { byID[id] }

    /// The topic whose name differs from `name` only in `.` and `_`; nil: none.
    func collision(with name: String) -> String? {
        guard let other = namesByMetricName[TopicName.metricName(name)], other != name else { return nil }
        return other
    }

    mutating func insert(_ topic: TopicDescription) {
        if let old = byName[topic.name] { byID[old.id] = nil }
        byName[topic.name] = topic
        byID[topic.id] = topic
        namesByMetricName[TopicName.metricName(topic.name)] = topic.name
    }

    mutating func remove(_ topic: TopicDescription) {
        guard byName[topic.name]?.id == topic.id else { return }
        byName[topic.name] = nil
        byID[topic.id] = nil
        namesByMetricName[TopicName.metricName(topic.name)] = nil
    }
}
