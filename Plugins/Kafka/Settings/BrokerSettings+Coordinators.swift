public import Coordinators

/// How this broker coordinates groups and transactions, and where it keeps what they decide.
public struct CoordinatorSettings: Sendable, Hashable {
    /// How groups are coordinated.
    public let groups: GroupSettings
    /// How transactions are coordinated.
    public let transactions: TransactionSettings
    /// `__consumer_offsets`, as it is made.
    public let offsetsTopic: InternalTopic
    /// `__transaction_state`, as it is made.
    public let transactionsTopic: InternalTopic

    init(_ read: SettingReader) throws(SettingError) {
        groups = try Self.groups(read)
        var transactions = TransactionSettings()
        transactions.timeoutMillisecondsMax = Int32(read.integer("transaction.max.timeout.ms"))
        transactions.idExpirationMilliseconds = read.integer("transactional.id.expiration.ms")
        transactions.idExpirationCheckMilliseconds =
            read.integer("transaction.remove.expired.transaction.cleanup.interval.ms")
        transactions.timeoutCheckMilliseconds =
            read.integer("transaction.abort.timed.out.transaction.cleanup.interval.ms")
        self.transactions = transactions
        offsetsTopic = InternalTopic(
            name: InternalTopic.offsets,
            partitionCount: Int32(read.integer("offsets.topic.num.partitions")),
            replicationFactor: Int16(read.integer("offsets.topic.replication.factor")),
            inSyncReplicasMin: nil,
            configs: [
                "cleanup.policy": "compact", "compression.type": "producer",
                "segment.bytes": "\(read.integer("offsets.topic.segment.bytes"))",
            ])
        transactionsTopic = InternalTopic(
            name: InternalTopic.transactions,
            partitionCount: Int32(read.integer("transaction.state.log.num.partitions")),
            replicationFactor: Int16(read.integer("transaction.state.log.replication.factor")),
            inSyncReplicasMin: Int32(read.integer("transaction.state.log.min.isr")),
            configs: [
                "cleanup.policy": "compact", "compression.type": "uncompressed",
                "segment.bytes": "\(read.integer("transaction.state.log.segment.bytes"))",
            ])
    }

    /// The internal topic of that name; nil: it is none.
    func internalTopic(_ name: String) -> InternalTopic? {
        [offsetsTopic, transactionsTopic].first { $0.name == name }
    }

    private static func groups(_ read: SettingReader) throws(SettingError) -> GroupSettings {
        var groups = GroupSettings()
        groups.sessionMillisecondsMin = Int32(read.integer("group.min.session.timeout.ms"))
        groups.sessionMillisecondsMax = Int32(read.integer("group.max.session.timeout.ms"))
        guard groups.sessionMillisecondsMin <= groups.sessionMillisecondsMax else {
            throw SettingError(
                .invalidValue, name: "group.min.session.timeout.ms",
                "group.min.session.timeout.ms (\(groups.sessionMillisecondsMin)) must not be above "
                    + "group.max.session.timeout.ms (\(groups.sessionMillisecondsMax))")
        }
        groups.initialRebalanceDelayMilliseconds = Int32(read.integer("group.initial.rebalance.delay.ms"))
        groups.groupSizeMax = Int32(read.integer("group.max.size"))
        groups.offsetMetadataBytesMax = Int32(read.integer("offset.metadata.max.bytes"))
        groups.offsetsRetentionMilliseconds = read.integer("offsets.retention.minutes") * 60_000
        groups.offsetsRetentionCheckMilliseconds = read.integer("offsets.retention.check.interval.ms")
        groups.consumerSessionMilliseconds = Int32(read.integer("group.consumer.session.timeout.ms"))
        groups.consumerHeartbeatMilliseconds = Int32(read.integer("group.consumer.heartbeat.interval.ms"))
        guard groups.consumerHeartbeatMilliseconds < groups.consumerSessionMilliseconds else {
            throw SettingError(
                .invalidValue, name: "group.consumer.heartbeat.interval.ms",
                "group.consumer.heartbeat.interval.ms (\(groups.consumerHeartbeatMilliseconds)) must be below "
                    + "group.consumer.session.timeout.ms (\(groups.consumerSessionMilliseconds))")
        }
        groups.consumerGroupSizeMax = Int32(read.integer("group.consumer.max.size"))
        groups.consumerAssignors = read.list("group.consumer.assignors")
        let policy = read.text("group.consumer.migration.policy").lowercased()
        groups.migrationPolicy = GroupSettings.MigrationPolicy(rawValue: policy) ?? .bidirectional
        return groups
    }
}

/// A topic in which the broker keeps its own state, as it is made when it is first needed.
public struct InternalTopic: Sendable, Hashable {
    /// Where groups and their offsets are kept.
    public static let offsets = "__consumer_offsets"
    /// Where transactional ids and their transactions are kept.
    public static let transactions = "__transaction_state"

    /// Its name.
    public let name: String
    /// Its partitions; more cannot be added: what they keep would be looked for elsewhere.
    public let partitionCount: Int32
    /// Its replicas, where there are as many nodes.
    public let replicationFactor: Int16
    /// Replicas that must have a batch, where there are as many nodes; nil: the broker's default.
    public let inSyncReplicasMin: Int32?
    /// What is set for it.
    public let configs: [String: String]

    /// `asked`, with what it leaves open filled in; the replicas are at most `nodeCount`.
    func completing(_ asked: NewTopic, nodeCount: Int) -> NewTopic {
        var topic = asked
        if topic.assignments.isEmpty {
            if topic.partitionCount == -1 { topic.partitionCount = partitionCount }
            if topic.replicationFactor == -1 { topic.replicationFactor = min(replicationFactor, Int16(nodeCount)) }
        }
        let given = Set(topic.configs.map(\.name))
        topic.configs += configs(nodeCount: nodeCount).filter { !given.contains($0.key) }.sorted { $0.key < $1.key }
            .map { NewTopic.Config(name: $0.key, value: $0.value) }
        return topic
    }

    /// What is set for it on that many nodes.
    func configs(nodeCount: Int) -> [String: String] {
        guard let inSyncReplicasMin else { return configs }
        return configs.merging(["min.insync.replicas": "\(min(inSyncReplicasMin, Int32(nodeCount)))"]) { $1 }
    }
}

extension BrokerSettings {
    /// What concerns groups and transactions.
    static let coordinatorDefinitions: [SettingDefinition] = groups + consumerGroups + offsets + transactions

    private static let groups: [SettingDefinition] = [
        .init(
            "group.min.session.timeout.ms", .int, default: "6000", .atLeast(1),
            "The shortest session that a member of a classic group may ask for."),
        .init(
            "group.max.session.timeout.ms", .int, default: "1800000", .atLeast(1),
            "The longest session that a member of a classic group may ask for."),
        .init(
            "group.initial.rebalance.delay.ms", .int, default: "1000", .atLeast(0),
            "How long an empty classic group waits for more members after the first, before it assigns; in Kafka 3000."),
        .init(
            "group.max.size", .int, default: "2147483647", .atLeast(1),
            "The most members that a classic group takes in."),
    ]

    private static let consumerGroups: [SettingDefinition] = [
        .init(
            "group.consumer.session.timeout.ms", .int, default: "45000", .atLeast(1),
            "How long a member of a consumer group (KIP-848) may be silent."),
        .init(
            "group.consumer.heartbeat.interval.ms", .int, default: "3000", .atLeast(1),
            "How often members of consumer groups (KIP-848) are told to say that they live; in Kafka 5000."),
        .init(
            "group.consumer.min.session.timeout.ms", .int, default: "45000", .atLeast(1),
            "The least that a group may set as consumer.session.timeout.ms."),
        .init(
            "group.consumer.max.session.timeout.ms", .int, default: "60000", .atLeast(1),
            "The most that a group may set as consumer.session.timeout.ms."),
        .init(
            "group.consumer.min.heartbeat.interval.ms", .int, default: "1000", .atLeast(1),
            "The least that a group may set as consumer.heartbeat.interval.ms; in Kafka 5000."),
        .init(
            "group.consumer.max.heartbeat.interval.ms", .int, default: "15000", .atLeast(1),
            "The most that a group may set as consumer.heartbeat.interval.ms."),
        .init(
            "group.consumer.max.size", .int, default: "2147483647", .atLeast(1),
            "The most members that a consumer group (KIP-848) takes in."),
        .init(
            "group.consumer.assignors", .list, default: "uniform,range", .listOf(["uniform", "range"]),
            "How partitions of consumer groups (KIP-848) may be assigned; the first is taken where members name none."),
        .init(
            "group.consumer.migration.policy", .string, default: "bidirectional",
            .oneOf(["disabled", "upgrade", "downgrade", "bidirectional"]),
            "Which groups change their protocol while they have members: from classic to KIP-848 (upgrade), back "
                + "(downgrade), both or none."),
    ]

    private static let offsets: [SettingDefinition] = [
        .init(
            "offset.metadata.max.bytes", .int, default: "4096", .atLeast(0),
            "The most bytes of metadata with a committed offset."),
        .init(
            "offsets.retention.minutes", .int, default: "10080", .atLeast(1),
            "How long committed offsets of a group without members are kept."),
        .init(
            "offsets.retention.check.interval.ms", .long, default: "600000", .atLeast(1),
            "Milliseconds between two looks for committed offsets that may go."),
        .init(
            "offsets.topic.num.partitions", .int, default: "50", .atLeast(1),
            "Partitions of __consumer_offsets, when it is made."),
        .init(
            "offsets.topic.replication.factor", .short, default: "3", .atLeast(1),
            "Replicas of __consumer_offsets, when it is made; no more than there are nodes."),
        .init(
            "offsets.topic.segment.bytes", .int, default: "104857600", .atLeast(1),
            "Segments of __consumer_offsets are rolled before they grow past this many bytes."),
    ]

    private static let transactions: [SettingDefinition] = [
        .init(
            "transaction.max.timeout.ms", .int, default: "900000", .atLeast(1),
            "The longest timeout that a transactional producer may ask for."),
        .init(
            "transactional.id.expiration.ms", .int, default: "604800000", .atLeast(1),
            "How long a transactional id without a transaction is remembered."),
        .init(
            "transaction.abort.timed.out.transaction.cleanup.interval.ms", .int, default: "10000", .atLeast(1),
            "Milliseconds between two looks for transactions that took too long."),
        .init(
            "transaction.remove.expired.transaction.cleanup.interval.ms", .int, default: "3600000", .atLeast(1),
            "Milliseconds between two looks for transactional ids that may be forgotten."),
        .init(
            "transaction.state.log.num.partitions", .int, default: "50", .atLeast(1),
            "Partitions of __transaction_state, when it is made."),
        .init(
            "transaction.state.log.replication.factor", .short, default: "3", .atLeast(1),
            "Replicas of __transaction_state, when it is made; no more than there are nodes."),
        .init(
            "transaction.state.log.min.isr", .int, default: "2", .atLeast(1),
            "Replicas that must have a batch of __transaction_state; no more than there are nodes."),
        .init(
            "transaction.state.log.segment.bytes", .int, default: "104857600", .atLeast(1),
            "Segments of __transaction_state are rolled before they grow past this many bytes."),
    ]
}
