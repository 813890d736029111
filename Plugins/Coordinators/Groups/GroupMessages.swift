public import KafkaWire

/// What the group coordinator is asked. Requests are Kafka's own messages, one group each.
public enum GroupRequest: Sendable {
    /// JoinGroup. `memberID` is what a member that has none is to be called; drawn by the shell.
    case join(JoinGroupRequest, RequestOrigin, memberID: String)
    /// SyncGroup.
    case sync(SyncGroupRequest, RequestOrigin)
    /// Heartbeat.
    case heartbeat(HeartbeatRequest, RequestOrigin)
    /// LeaveGroup; before version 3 the shell puts the one member into `members`.
    case leave(LeaveGroupRequest, RequestOrigin)
    /// ConsumerGroupHeartbeat (KIP-848). `memberID` as with `join`.
    case consumerHeartbeat(ConsumerGroupHeartbeatRequest, RequestOrigin, memberID: String)
    /// OffsetCommit. From version 10 the shell has put the names of topics beside their ids.
    case commit(OffsetCommitRequest, RequestOrigin)
    /// TxnOffsetCommit; the shell has verified that the group is part of the transaction (KIP-890).
    case transactionalCommit(TxnOffsetCommitRequest, RequestOrigin)
    /// OffsetFetch of one group; `topics` nil: all. Unstable offsets are told only where `requireStable` is false.
    case fetchOffsets(OffsetFetchRequest.OffsetFetchRequestGroup, requireStable: Bool, RequestOrigin)
    /// OffsetDelete.
    case deleteOffsets(OffsetDeleteRequest)
    /// DeleteGroups, for one group.
    case delete(group: String)
    /// DescribeGroups, for one group.
    case describe(group: String, RequestOrigin)
    /// ConsumerGroupDescribe, for one group.
    case describeConsumer(group: String)
    /// ListGroups: what there is here, by state and type where asked.
    case list(ListGroupsRequest)
    /// The shell wrote the marker that ends a transaction into this log.
    case transactionEnded(TransactionEnd)
    /// Topics came, went or grew. Offsets of topics that are gone are forgotten.
    case topicsChanged(TopicsImage)
    /// The settings of groups changed.
    case settingsChanged(GroupSettings)
}

extension GroupCoordinator {
    /// Whether a request comes to records as a rule: signs of life do not.
    public static func isRecorded(_ request: GroupRequest) -> Bool {
        switch request {
        case .join, .sync, .leave, .commit, .transactionalCommit, .deleteOffsets, .delete: true
        case .heartbeat, .consumerHeartbeat, .fetchOffsets, .describe, .describeConsumer, .list, .transactionEnded,
            .topicsChanged, .settingsChanged:
            false
        }
    }
}

/// What the group coordinator answers, by what it was asked.
public enum GroupResponse: Sendable, Equatable {
    /// To `join`.
    case join(JoinGroupResponse)
    /// To `sync`.
    case sync(SyncGroupResponse)
    /// To `heartbeat`.
    case heartbeat(HeartbeatResponse)
    /// To `leave`.
    case leave(LeaveGroupResponse)
    /// To `consumerHeartbeat`.
    case consumerHeartbeat(ConsumerGroupHeartbeatResponse)
    /// To `commit`.
    case commit(OffsetCommitResponse)
    /// To `transactionalCommit`.
    case transactionalCommit(TxnOffsetCommitResponse)
    /// To `fetchOffsets`.
    case fetchOffsets(OffsetFetchResponse.OffsetFetchResponseGroup)
    /// To `deleteOffsets`.
    case deleteOffsets(OffsetDeleteResponse)
    /// To `delete`.
    case delete(ErrorCode)
    /// To `describe`.
    case describe(DescribeGroupsResponse.DescribedGroup)
    /// To `describeConsumer`.
    case describeConsumer(ConsumerGroupDescribeResponse.DescribedGroup)
    /// To `list`.
    case list([ListGroupsResponse.ListedGroup])
    /// To what is told rather than asked.
    case done
}

/// What the shell does for the group coordinator elsewhere: nothing.
public enum GroupCommand: Sendable, Equatable {}

/// How groups are coordinated; the defaults are Kafka's.
public struct GroupSettings: Sendable, Hashable {
    /// The shortest session that a classic member may ask for (`group.min.session.timeout.ms`).
    public var sessionMillisecondsMin: Int32 = 6_000
    /// The longest (`group.max.session.timeout.ms`).
    public var sessionMillisecondsMax: Int32 = 1_800_000
    /// How long an empty group waits for more members after the first (`group.initial.rebalance.delay.ms`).
    public var initialRebalanceDelayMilliseconds: Int32 = 3_000
    /// Members of a classic group (`group.max.size`).
    public var groupSizeMax: Int32 = .max
    /// Bytes of metadata with a committed offset (`offset.metadata.max.bytes`).
    public var offsetMetadataBytesMax: Int32 = 4_096
    /// How long offsets of a group without members are kept (`offsets.retention.minutes`), in milliseconds.
    public var offsetsRetentionMilliseconds: Int64 = 10_080 * 60_000
    /// Between two looks for offsets that expired (`offsets.retention.check.interval.ms`).
    public var offsetsRetentionCheckMilliseconds: Int64 = 600_000
    /// The session of KIP-848 members (`group.consumer.session.timeout.ms`).
    public var consumerSessionMilliseconds: Int32 = 45_000
    /// Between two heartbeats of KIP-848 members (`group.consumer.heartbeat.interval.ms`).
    public var consumerHeartbeatMilliseconds: Int32 = 5_000
    /// Between two heartbeats of KIP-848 members that are not at their target, or whose group has just changed: ours,
    /// not a setting of Kafka.
    public var reconcilingHeartbeatMilliseconds: Int32 = 500
    /// Members of a KIP-848 group (`group.consumer.max.size`).
    public var consumerGroupSizeMax: Int32 = .max
    /// The assignors of KIP-848 groups, the first where a member names none (`group.consumer.assignors`).
    public var consumerAssignors: [String] = ["uniform", "range"]
    /// Which groups change their protocol while they have members (`group.consumer.migration.policy`).
    public var migrationPolicy = MigrationPolicy.bidirectional
    /// Between two looks at which topics a regular expression matches, where topics changed.
    public var regexRefreshMilliseconds: Int64 = 1_000

    /// What is set for single groups (resources of the type GROUP), by group id.
    public var overrides: [String: GroupOverride] = [:]

    /// Kafka's defaults.
    public init() {}

    /// The session of members of a KIP-848 group.
    func consumerSessionMilliseconds(of group: String) -> Int32 {
        overrides[group]?.consumerSessionMilliseconds ?? consumerSessionMilliseconds
    }

    /// Between two heartbeats of members of a KIP-848 group.
    func consumerHeartbeatMilliseconds(of group: String) -> Int32 {
        overrides[group]?.consumerHeartbeatMilliseconds ?? consumerHeartbeatMilliseconds
    }

    /// `group.consumer.migration.policy`.
    public enum MigrationPolicy: String, Sendable, Hashable, CaseIterable {
        /// Neither way.
        case disabled
        /// From the classic protocol to that of KIP-848.
        case upgrade
        /// Back.
        case downgrade
        /// Both ways.
        case bidirectional
    }
}

/// What one group has other than all groups; nil: nothing.
public struct GroupOverride: Sendable, Hashable {
    /// The session of its members (`consumer.session.timeout.ms`).
    public var consumerSessionMilliseconds: Int32?
    /// Between two heartbeats of its members (`consumer.heartbeat.interval.ms`).
    public var consumerHeartbeatMilliseconds: Int32?

    /// What is set for the group.
    public init(consumerSessionMilliseconds: Int32? = nil, consumerHeartbeatMilliseconds: Int32? = nil) {
        self.consumerSessionMilliseconds = consumerSessionMilliseconds
        self.consumerHeartbeatMilliseconds = consumerHeartbeatMilliseconds
    }
}
