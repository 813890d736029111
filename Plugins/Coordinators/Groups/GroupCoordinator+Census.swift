import KafkaWire

/// How many groups and members a coordinator has, for metrics.
public struct GroupCensus: Sendable, Equatable {
    /// What groups are told apart by.
    public struct Sort: Sendable, Hashable {
        /// `classic` or `consumer`.
        public var type: String
        /// The state, as Kafka names it.
        public var state: String
    }

    /// Groups by sort.
    public var groupCounts: [Sort: Int] = [:]
    /// Members of all of them.
    public var memberCount = 0

    /// No groups.
    public init() {}
}

extension GroupCoordinator {
    /// Counts groups and members. O(groups).
    public var census: GroupCensus {
        var census = GroupCensus()
        for (id, group) in groups {
            let listed = group.listed(id)
            let sort = GroupCensus.Sort(type: listed.groupType, state: listed.groupState)
            census.groupCounts[sort, default: 0] += 1
            switch group {
            case .classic(let group): census.memberCount += group.members.count
            case .consumer(let group): census.memberCount += group.members.count
            }
        }
        return census
    }
}
