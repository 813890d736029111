extension ReplicaStatus {
    /// One line that tells the state, and equals another exactly when nothing in it differs.
    ///
    /// For instance `1: StateLeader Term:1 Vote:1 Lead:1 Commit:12 Applied:12 Log:11..1/12 Config:voters=(1 2 3)`.
    public func describe() -> String {
        let role = "\(id.value): \(softState.role.describe())"
        let stored = "Term:\(hardState.term.value) Vote:\(hardState.vote.value) Lead:\(softState.leader.value)"
        let log = "Applied:\(applied.value) Log:\(firstIndex.value)..\(last.describe())"
        let text = "\(role) \(stored) Commit:\(hardState.commit.value) \(log) Config:\(configuration.describe())"
        return transferee == .none ? text : text + " Transferee:\(transferee.value)"
    }
}

extension ReplicaStatus.Peer {
    /// One line, such as `3: StateReplicate match=11 next=15 paused inflight=3[full]`.
    public func describe() -> String {
        var text = "\(id.value): \(mode.describe()) match=\(match.value) next=\(next.value)"
        if isLearner { text += " learner" }
        if isPaused { text += " paused" }
        if pendingSnapshot != 0 { text += " pendingSnap=\(pendingSnapshot.value)" }
        if !isRecentlyActive { text += " inactive" }
        if inflightCount > 0 { text += " inflight=\(inflightCount)" + (isInflightFull ? "[full]" : "") }
        return text
    }
}

extension ProgressMode {
    /// The mode's name in etcd's words, such as `StateProbe`.
    public func describe() -> String {
        switch self {
        case .probe: "StateProbe"
        case .replicate: "StateReplicate"
        case .snapshot: "StateSnapshot"
        }
    }
}
