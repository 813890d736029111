import KafkaWire

/// Who gets which partitions: the assignors that a broker has (KIP-848).
enum ConsumerAssignor: String, Sendable, CaseIterable {
    /// The same number of partitions for everybody, and no move that this does not need.
    case uniform
    /// Neighbouring partitions for each, and the same numbers of each topic.
    case range

    /// Assigns each partition of each subscribed topic to one of its subscribers.
    ///
    /// The result depends on nothing but the input. Every member is in it, if only with nothing.
    func assign(_ group: AssignmentInput) -> [String: TopicPartitionSet] {
        switch self {
        case .uniform: UniformAssignor.assign(group)
        case .range: RangeAssignor.assign(group)
        }
    }
}

/// What an assignor is told of a group.
struct AssignmentInput: Sendable {
    /// One member.
    struct Member: Sendable {
        /// The member's id.
        var id: String
        /// The name that a static member keeps over restarts.
        var instanceID: String?
        /// The topics that it wants; those that there are not are left out.
        var topics: Set<WireUUID>
        /// What it was to have before.
        var previous: TopicPartitionSet

        /// A member.
        init(
            id: String, instanceID: String? = nil, topics: Set<WireUUID>, previous: TopicPartitionSet = .init()
        ) {
            self.id = id
            self.instanceID = instanceID
            self.topics = topics
            self.previous = previous
        }
    }

    /// The members, by id.
    private(set) var members: [Member]
    /// How many partitions each topic has.
    private(set) var partitionCounts: [WireUUID: Int32]

    /// A group of these members; topics that `partitionCounts` does not have do not exist.
    init(members: [Member], partitionCounts: [WireUUID: Int32]) {
        self.members = members.sorted { $0.id < $1.id }
        self.partitionCounts = partitionCounts
        for index in self.members.indices { self.members[index].topics.formIntersection(partitionCounts.keys) }
    }

    /// The topics that somebody wants, in an order that depends on nothing else.
    var subscribedTopics: [WireUUID] {
        var topics: Set<WireUUID> = []
        for member in members where !member.topics.isSubset(of: topics) { topics.formUnion(member.topics) }
        return topics.sorted { ($0.high, $0.low) < ($1.high, $1.low) }
    }

    /// Whether every member wants the same topics.
    var isHomogeneous: Bool {
        guard let first = members.first else { return true }
        return members.allSatisfy { $0.topics == first.topics }
    }
}
