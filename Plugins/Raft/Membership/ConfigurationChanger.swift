/// A configuration on its way to another: the rules of membership changes (Raft §6, joint consensus).
///
/// Works on a copy, which `Membership` takes over when all went well. Operations are idempotent, and those
/// on replica 0 do nothing.
package struct ConfigurationChanger {
    /// The configuration as changed so far.
    package private(set) var configuration: ConfigurationState
    private(set) var peers: [Progress]
    private let membership: Membership
    /// The next entry to send to a replica that joins. The leader's last one: it is refused, and the answer
    /// says where to begin.
    private let nextOfNew: LogIndex

    /// Begins from what `membership` is; `lastIndex` is the last entry of the log.
    package init(_ membership: Membership, lastIndex: LogIndex) {
        self.membership = membership
        configuration = membership.configuration
        peers = membership.peers
        nextOfNew = max(lastIndex, 1)
    }

    /// Performs a change, in the way that it asks for.
    mutating func perform(_ change: ConfigurationChange) throws(ConfigurationError) {
        if change.isLeaveJoint {
            try leaveJoint()
        } else if change.isEnterJoint {
            try enterJoint(change.operations, autoLeave: change.transition != .explicit)
        } else {
            try changeSimply(change.operations)
        }
    }

    /// Changes at most one voter, without a joint configuration.
    package mutating func changeSimply(_ operations: [ConfigurationChange.Operation]) throws(ConfigurationError) {
        guard !configuration.isJoint else { throw .simpleWhileJoint }
        let before = configuration.voters
        try perform(operations)
        let after = configuration.voters
        let changed = before.count { !after.contains($0) } + after.count { !before.contains($0) }
        guard changed <= 1 else { throw .moreThanOneVoter }
    }

    /// Keeps today's voters as the outgoing half, and changes the incoming one.
    package mutating func enterJoint(
        _ operations: [ConfigurationChange.Operation], autoLeave: Bool
    ) throws(ConfigurationError) {
        guard !configuration.isJoint else { throw .alreadyJoint }
        guard !configuration.voters.isEmpty else { throw .noVotersToLeave }
        configuration.votersOutgoing = configuration.voters
        try perform(operations)
        configuration.autoLeave = autoLeave
    }

    /// Lets the incoming half decide alone.
    package mutating func leaveJoint() throws(ConfigurationError) {
        guard configuration.isJoint else { throw .notJoint }
        for id in configuration.learnersNext {
            insert(id, into: \.learners)
            modify(id) { $0.isLearner = true }
        }
        let left = configuration.votersOutgoing
        configuration.learnersNext = []
        configuration.votersOutgoing = []
        configuration.autoLeave = false
        for id in left where !configuration.contains(id) { peers.removeAll { $0.id == id } }
    }

    /// Brings an empty membership to `state`, by the changes that lead there.
    mutating func restore(_ state: ConfigurationState) throws(ConfigurationError) {
        typealias Operation = ConfigurationChange.Operation
        let incoming =
            state.votersOutgoing.map { Operation(.remove, $0) } + state.voters.map { Operation(.addVoter, $0) }
            + state.learners.map { Operation(.addLearner, $0) } + state.learnersNext.map { Operation(.addLearner, $0) }
        guard state.isJoint else {
            for operation in incoming { try changeSimply([operation]) }
            return
        }
        for id in state.votersOutgoing { try changeSimply([Operation(.addVoter, id)]) }
        try enterJoint(incoming, autoLeave: state.autoLeave)
    }

    // MARK: Single operations

    private mutating func perform(_ operations: [ConfigurationChange.Operation]) throws(ConfigurationError) {
        for operation in operations where operation.replica != .none {
            switch operation.kind {
            case .addVoter: makeVoter(operation.replica)
            case .addLearner: makeLearner(operation.replica)
            case .remove: remove(operation.replica)
            case .update: break
            }
        }
        guard !configuration.voters.isEmpty else { throw .removedAllVoters }
    }

    private mutating func makeVoter(_ id: ReplicaID) {
        guard isTracked(id) else { return join(id, \.voters, isLearner: false) }
        modify(id) { $0.isLearner = false }
        configuration.learners.removeAll { $0 == id }
        configuration.learnersNext.removeAll { $0 == id }
        insert(id, into: \.voters)
    }

    /// A voter of the outgoing half becomes a learner when that half is left, not before.
    private mutating func makeLearner(_ id: ReplicaID) {
        guard let peer = peers.first(where: { $0.id == id }) else { return join(id, \.learners, isLearner: true) }
        if peer.isLearner { return }
        configuration.voters.removeAll { $0 == id }
        configuration.learnersNext.removeAll { $0 == id }
        if configuration.votersOutgoing.contains(id) {
            insert(id, into: \.learnersNext)
        } else {
            modify(id) { $0.isLearner = true }
            insert(id, into: \.learners)
        }
    }

    private mutating func remove(_ id: ReplicaID) {
        configuration.voters.removeAll { $0 == id }
        configuration.learners.removeAll { $0 == id }
        configuration.learnersNext.removeAll { $0 == id }
        // The outgoing half still needs it to decide.
        if !configuration.votersOutgoing.contains(id) { peers.removeAll { $0.id == id } }
    }

    private mutating func join(
        _ id: ReplicaID, _ list: WritableKeyPath<ConfigurationState, [ReplicaID]>, isLearner: Bool
    ) {
        insert(id, into: list)
        let place = peers.firstIndex { $0.id > id } ?? peers.endIndex
        peers.insert(membership.makeProgress(id, next: nextOfNew, isLearner: isLearner), at: place)
    }

    private func isTracked(_ id: ReplicaID) -> Bool {
        peers.contains { $0.id == id }
    }

    private mutating func insert(_ id: ReplicaID, into list: WritableKeyPath<ConfigurationState, [ReplicaID]>) {
        guard !configuration[keyPath: list].contains(id) else { return }
        let place = configuration[keyPath: list].firstIndex { $0 > id } ?? configuration[keyPath: list].endIndex
        configuration[keyPath: list].insert(id, at: place)
    }

    private mutating func modify(_ id: ReplicaID, _ body: (inout Progress) -> Void) {
        guard let place = peers.firstIndex(where: { $0.id == id }) else { return }
        body(&peers[place])
    }
}
