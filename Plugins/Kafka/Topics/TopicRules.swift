internal import KafkaWire

/// Decides what becomes of requests about topics: pure, with Kafka's checks in Kafka's order.
struct TopicRules: Sendable {
    /// Partitions that one request may make (KIP-599).
    static let partitionsPerRequestMax = 10_000

    /// A topic as it will be made.
    struct Plan: Sendable {
        var name: String
        var partitionCount: Int32
        var replicationFactor: Int16
        var configuration: TopicConfiguration
    }

    let source: LiveSettings
    /// The nodes that can hold replicas.
    let nodes: [Int32]

    /// Where defaults and limits come from, as they are now.
    var settings: BrokerSettings { source.current }

    /// Rules with defaults and limits that may change.
    init(settings source: LiveSettings, nodes: [Int32]) {
        self.source = source
        self.nodes = nodes
    }

    /// Rules with defaults and limits that stay.
    init(settings: BrokerSettings, nodes: [Int32]) {
        self.init(settings: LiveSettings(settings), nodes: nodes)
    }

    /// What each of the topics of one request becomes, in order; none of them is made yet.
    func plan(_ topics: [NewTopic], in snapshot: TopicsSnapshot) -> [Result<Plan, TopicError>] {
        var counts: [String: Int] = [:]
        for topic in topics { counts[topic.name, default: 0] += 1 }
        var metricNames: [String: String] = [:]
        var partitions = 0
        return topics.map { topic in
            Result { () throws(TopicError) -> Plan in
                guard counts[topic.name] == 1 else { throw TopicError(.invalidRequest, "Duplicate topic name.") }
                try checkName(topic.name, in: snapshot)
                let metricName = TopicName.metricName(topic.name)
                if let other = metricNames[metricName] { throw Self.collision(topic.name, other) }
                let plan = try plan(topic)
                partitions += Int(plan.partitionCount)
                guard partitions <= Self.partitionsPerRequestMax else { throw Self.tooManyPartitions }
                metricNames[metricName] = topic.name
                return plan
            }
        }
    }

    /// How many partitions the topic has after the request.
    func plan(_ request: NewPartitions, in snapshot: TopicsSnapshot) throws(TopicError) -> TopicDescription {
        let topic = try existing(request.topic, in: snapshot)
        try checkIncrease(of: topic.name, from: topic.partitionCount, to: request.totalCount)
        let added = Int(request.totalCount) - Int(topic.partitionCount)
        if let assignments = request.assignments {
            guard assignments.count == added else {
                throw TopicError(
                    .invalidReplicaAssignment,
                    "Attempted to add \(added) additional partition(s), but only \(assignments.count) "
                        + "assignment(s) were specified.")
            }
            for nodes in assignments { try checkAssignment(nodes, replicas: Int(topic.replicationFactor)) }
        }
        return topic.changed(partitionCount: request.totalCount)
    }

    /// Checks that a topic with `current` partitions may get `wanted`.
    func checkIncrease(of topic: String, from current: Int32, to wanted: Int32) throws(TopicError) {
        guard !TopicName.isInternal(topic) else {
            throw TopicError(
                .invalidPartitions,
                "The number of partitions of the internal topic \(topic) cannot be changed: what it keeps would be "
                    + "looked for in other partitions.")
        }
        guard wanted != current else {
            throw TopicError(.invalidPartitions, "Topic already has \(current) partition(s).")
        }
        guard wanted > current else {
            throw TopicError(
                .invalidPartitions,
                "The topic \(topic) currently has \(current) partition(s); \(wanted) would not be an increase.")
        }
        guard Int(wanted) - Int(current) <= Self.partitionsPerRequestMax else { throw Self.tooManyPartitions }
    }

    /// The topic of that name, or Kafka's complaint.
    func existing(_ name: String, in snapshot: TopicsSnapshot) throws(TopicError) -> TopicDescription {
        if let topic = snapshot[name] { return topic }
        if let complaint = TopicName.complaint(about: name) { throw TopicError(.invalidTopicException, complaint) }
        throw TopicError(.unknownTopicOrPartition, "The topic '\(name)' does not exist.")
    }

    private func checkName(_ name: String, in snapshot: TopicsSnapshot) throws(TopicError) {
        try checkNewName(name, in: snapshot)
        if snapshot[name] != nil { throw Self.exists(name) }
    }

    /// Checks that a topic may be called so, beside topics of other names.
    func checkNewName(_ name: String, in snapshot: TopicsSnapshot) throws(TopicError) {
        if let complaint = TopicName.complaint(about: name) { throw TopicError(.invalidTopicException, complaint) }
        if let other = snapshot.collision(with: name) { throw Self.collision(name, other) }
    }

    private func plan(_ asked: NewTopic) throws(TopicError) -> Plan {
        let topic =
            settings.coordinators.internalTopic(asked.name)?.completing(asked, nodeCount: nodes.count) ?? asked
        let shape = try topic.assignments.isEmpty ? countedShape(topic) : assignedShape(topic)
        return Plan(
            name: topic.name, partitionCount: shape.partitions, replicationFactor: shape.replicas,
            configuration: try configuration(topic.configs))
    }

    private func configuration(_ configs: [NewTopic.Config]) throws(TopicError) -> TopicConfiguration {
        do {
            return try TopicConfiguration(overrides: try ConfigurationPlan.overrides(configs), broker: settings)
        } catch let error as SettingError {
            throw TopicError(error)
        } catch let error as TopicError {
            throw error
        } catch {
            throw TopicError(.invalidConfig, "\(error)")
        }
    }

    private func countedShape(_ topic: NewTopic) throws(TopicError) -> (partitions: Int32, replicas: Int16) {
        (try partitionCount(topic.partitionCount), try replicationFactor(topic.replicationFactor))
    }

    /// How many partitions a new topic gets where `asked` are asked for; −1: the broker's default.
    func partitionCount(_ asked: Int32) throws(TopicError) -> Int32 {
        let partitions = asked == -1 ? settings.partitionCount : asked
        guard partitions > 0 else {
            throw TopicError(.invalidPartitions, "Number of partitions was set to an invalid non-positive value.")
        }
        guard partitions <= Self.partitionsPerRequestMax else { throw Self.tooManyPartitions }
        return partitions
    }

    /// How many replicas a new topic's partitions get where `asked` are asked for; −1: the broker's default.
    func replicationFactor(_ asked: Int16) throws(TopicError) -> Int16 {
        let replicas = asked == -1 ? settings.replicationFactor : asked
        guard replicas > 0 else {
            throw TopicError(
                .invalidReplicationFactor, "Replication factor was set to an invalid non-positive value.")
        }
        guard Int(replicas) > nodes.count else { return replicas }
        guard settings.clampsReplicationFactor else {
            throw TopicError(
                .invalidReplicationFactor,
                "Unable to replicate the partition \(replicas) time(s): The target replication factor of "
                    + "\(replicas) cannot be reached because only \(nodes.count) broker(s) are registered.")
        }
        return Int16(nodes.count)
    }

    private func assignedShape(_ topic: NewTopic) throws(TopicError) -> (partitions: Int32, replicas: Int16) {
        guard topic.replicationFactor == -1 else {
            throw TopicError(
                .invalidRequest,
                "A manual partition assignment was specified, but replication factor was not set to -1.")
        }
        guard topic.partitionCount == -1 else {
            throw TopicError(
                .invalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
        }
        guard topic.assignments.count <= Self.partitionsPerRequestMax else { throw Self.tooManyPartitions }
        let replicas = topic.assignments[0].nodes.count
        var seen: Set<Int32> = []
        for assignment in topic.assignments {
            guard seen.insert(assignment.partition).inserted else {
                throw TopicError(
                    .invalidReplicaAssignment,
                    "Found multiple manual partition assignments for partition \(assignment.partition)")
            }
            try checkAssignment(assignment.nodes, replicas: replicas)
        }
        guard seen.allSatisfy({ (0..<topic.assignments.count).contains(Int($0)) }) else {
            throw TopicError(
                .invalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
        }
        return (Int32(topic.assignments.count), Int16(replicas))
    }

    private func checkAssignment(_ assigned: [Int32], replicas: Int) throws(TopicError) {
        guard !assigned.isEmpty else {
            throw TopicError(
                .invalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
        }
        var seen: Set<Int32> = []
        for node in assigned {
            guard seen.insert(node).inserted else {
                throw TopicError(
                    .invalidReplicaAssignment,
                    "The manual partition assignment includes the broker \(node) more than once.")
            }
            guard nodes.contains(node) else {
                throw TopicError(
                    .invalidReplicaAssignment,
                    "The manual partition assignment includes broker \(node), but no such broker is registered.")
            }
        }
        guard assigned.count == replicas else {
            throw TopicError(
                .invalidReplicaAssignment,
                "The manual partition assignment includes a partition with \(assigned.count) replica(s), but this "
                    + "is not consistent with previous partitions, which have \(replicas) replica(s).")
        }
    }

    static func exists(_ name: String) -> TopicError {
        TopicError(.topicAlreadyExists, "Topic '\(name)' already exists.")
    }

    static func collision(_ name: String, _ other: String) -> TopicError {
        TopicError(.invalidTopicException, "Topic '\(name)' collides with existing topic: \(other)")
    }

    private static var tooManyPartitions: TopicError {
        TopicError(.policyViolation, "Excessively large number of partitions per request.")
    }
}
