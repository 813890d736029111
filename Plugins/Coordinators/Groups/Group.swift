import KafkaWire

/// A group, by the protocol that its members speak.
///
/// A group that has only committed offsets is none: it is there as long as they are.
enum Group: Sendable {
    /// JoinGroup and SyncGroup.
    case classic(ClassicGroup)
    /// ConsumerGroupHeartbeat (KIP-848).
    case consumer(ConsumerGroup)
}

/// Who wants to commit offsets, as requests of both protocols say it.
struct CommitClaim: Sendable {
    /// Which member; empty: none.
    var memberID: String
    /// The static member that it says to be.
    var instanceID: String?
    /// The generation of a classic member, the epoch of one of KIP-848; negative: of none.
    var generation: Int32
    /// The version of the request.
    var version: Int16
    /// Whether the offsets are part of a transaction.
    var scope: Scope

    /// Whether it is of a producer's transaction, and names no member.
    var isTransactionalOnly: Bool {
        scope == .transaction && generation < 0 && memberID.isEmpty && instanceID == nil
    }

    /// When a commit counts.
    enum Scope: Sendable {
        /// At once.
        case standalone
        /// When the transaction commits.
        case transaction
    }
}

/// When the offsets of a group that are not subscribed to expire.
enum OffsetExpiration: Sendable, Equatable {
    /// Not as things are.
    case never
    /// The retention time after they were committed.
    case afterCommit
    /// The retention time after this moment, at which the group lost its last member.
    case after(wallMilliseconds: Int64)
}

extension Group {
    /// Why a commit is refused; nil: it is not.
    func refusal(of claim: CommitClaim) -> ErrorCode? {
        switch self {
        case .classic(let group): group.refusal(of: claim)
        case .consumer(let group): group.refusal(of: claim)
        }
    }

    /// Whether a member wants the topic, so that its offsets are neither deleted nor expire.
    func isSubscribed(to topic: String) -> Bool {
        switch self {
        case .classic(let group): group.isSubscribed(to: topic)
        case .consumer(let group): group.isSubscribed(to: topic)
        }
    }

    /// When offsets of the group expire.
    var offsetExpiration: OffsetExpiration {
        switch self {
        case .classic(let group): group.offsetExpiration
        case .consumer(let group): group.offsetExpiration
        }
    }

    /// Whether the group has no members, so that it may go.
    var isEmpty: Bool {
        switch self {
        case .classic(let group): group.state == .empty
        case .consumer(let group): group.isEmpty
        }
    }

    /// The records that say that the group is gone.
    var tombstones: [CoordinatorRecord] {
        switch self {
        case .classic(let group): group.tombstones
        case .consumer(let group): group.tombstones
        }
    }

    /// The group as ListGroups shows it.
    func listed(_ id: String) -> ListGroupsResponse.ListedGroup {
        var listed = ListGroupsResponse.ListedGroup()
        listed.groupId = id
        switch self {
        case .classic(let group):
            listed.protocolType = group.protocolType ?? ""
            listed.groupState = group.state.rawValue
            listed.groupType = "classic"
        case .consumer(let group):
            listed.protocolType = "consumer"
            listed.groupState = group.stateName
            listed.groupType = "consumer"
        }
        return listed
    }
}
