/// Who belongs to a group: what a snapshot keeps of its membership.
///
/// While `votersOutgoing` is not empty the configuration is joint: a majority of both halves decides
/// (Raft §6, joint consensus). All lists are ascending.
public struct ConfigurationState: Hashable, Sendable {
    /// Who votes; the incoming half while joint.
    public var voters: [ReplicaID]
    /// Who voted before; empty unless joint.
    public var votersOutgoing: [ReplicaID]
    /// Who gets the log and does not count.
    public var learners: [ReplicaID]
    /// Outgoing voters that become learners when the joint configuration is left.
    public var learnersNext: [ReplicaID]
    /// Whether the leader leaves the joint configuration by itself.
    public var autoLeave: Bool

    /// The configuration of those lists, which are sorted here.
    public init(
        voters: [ReplicaID] = [], votersOutgoing: [ReplicaID] = [], learners: [ReplicaID] = [],
        learnersNext: [ReplicaID] = [], autoLeave: Bool = false
    ) {
        self.voters = voters.sorted()
        self.votersOutgoing = votersOutgoing.sorted()
        self.learners = learners.sorted()
        self.learnersNext = learnersNext.sorted()
        self.autoLeave = autoLeave
    }

    /// Whether two majorities decide.
    public var isJoint: Bool { !votersOutgoing.isEmpty }

    /// Whether the replica is in any of the lists.
    public func contains(_ id: ReplicaID) -> Bool {
        voters.contains(id) || learners.contains(id) || votersOutgoing.contains(id)
    }
}

/// A change of a group's membership, which takes effect when its entry is applied.
///
/// No operations: leave the joint configuration. One operation and `.auto`: a simple change. Else the
/// group goes through a joint configuration.
public struct ConfigurationChange: Hashable, Sendable {
    /// How a joint configuration is entered and left.
    public enum Transition: UInt8, Sendable, Hashable {
        /// Joint only where more than one operation needs it; left by itself.
        case auto = 0
        /// Joint, left by itself.
        case implicit = 1
        /// Joint, left by a change without operations.
        case explicit = 2
    }

    /// What happens to one replica.
    public struct Operation: Hashable, Sendable {
        /// The kinds; each is idempotent.
        public enum Kind: UInt8, Sendable, Hashable {
            /// Make it a voter.
            case addVoter = 0
            /// Make it no member.
            case remove = 1
            /// Change nothing.
            case update = 2
            /// Make it a learner.
            case addLearner = 3
        }

        /// What happens.
        public var kind: Kind
        /// To whom; `.none` makes the operation do nothing.
        public var replica: ReplicaID

        /// `kind` happens to `replica`.
        public init(_ kind: Kind, _ replica: ReplicaID) {
            self.kind = kind
            self.replica = replica
        }
    }

    /// How a joint configuration is entered and left.
    public var transition: Transition
    /// What changes, in order.
    public var operations: [Operation]

    /// A change of those operations.
    public init(_ operations: [Operation], transition: Transition = .auto) {
        self.operations = operations
        self.transition = transition
    }

    /// Leaves the joint configuration.
    public static var leaveJoint: ConfigurationChange { ConfigurationChange([]) }

    /// Whether it leaves a joint configuration.
    public var isLeaveJoint: Bool { operations.isEmpty && transition == .auto }
    /// Whether it fits the old form: one operation without a joint configuration.
    public var isSimple: Bool { operations.count == 1 && transition == .auto }
    /// Whether it enters a joint configuration.
    public var isEnterJoint: Bool { transition != .auto || operations.count > 1 }

    /// What it counts in the limits on bytes.
    ///
    /// Its size in etcd's wire format: a tag and a byte for the kind, a tag and a varint for the replica; the new form
    /// wraps each operation in a tag and a length, and has a tag and a byte for the transition.
    public func byteCount(as form: EntryKind) -> Int {
        let isOld = form == .configurationChangeV1
        return operations.reduce(isOld ? 0 : 2) { $0 + (isOld ? 3 : 5) + varintByteCount($1.replica.value) }
    }
}

/// Why a change cannot be applied to a configuration.
public enum ConfigurationError: Error, Hashable, CustomStringConvertible {
    /// A change without operations, and the configuration is not joint.
    case notJoint
    /// A joint change, and the configuration is joint already.
    case alreadyJoint
    /// A joint change of a group without voters.
    case noVotersToLeave
    /// A simple change, and the configuration is joint.
    case simpleWhileJoint
    /// Nobody would vote.
    case removedAllVoters
    /// A simple change of more than one voter.
    case moreThanOneVoter

    /// One sentence.
    public var description: String {
        switch self {
        case .notJoint: "can't leave a non-joint config"
        case .alreadyJoint: "config is already joint"
        case .noVotersToLeave: "can't make a zero-voter config joint"
        case .simpleWhileJoint: "can't apply simple config change in joint config"
        case .removedAllVoters: "removed all voters"
        case .moreThanOneVoter: "more than one voter changed without entering joint config"
        }
    }
}
