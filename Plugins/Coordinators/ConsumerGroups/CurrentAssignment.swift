import KafkaWire

/// How far a member has come on its way from what it owns to its target (KIP-848, "member epoch" and reconciliation).
struct CurrentAssignment: Sendable, Hashable {
    /// Where a member is between two targets.
    enum State: Int8, Sendable, Hashable {
        /// It has what its epoch's target says.
        case stable = 1
        /// It has still to give up partitions before it may go on.
        case unrevokedPartitions = 2
        /// It waits for partitions that other members have not given up.
        case unreleasedPartitions = 3
    }

    /// The epoch of the target that the member has reached; -2: a static member that left for a while.
    var epoch: Int32 = 0
    /// The epoch before: taken from a member that did not get the answer with the new one.
    var previousEpoch: Int32 = 0
    /// Where the member is.
    var state = State.stable
    /// What the member may own now.
    var assigned = TopicPartitionSet()
    /// What the member is to give up; it owns these until it says that it does not.
    var pendingRevocation = TopicPartitionSet()

    /// A member that owns nothing and has reached nothing.
    init() {}

    /// The epoch with which a static member says that it leaves, and will be back.
    static let leftForAWhile: Int32 = -2

    /// What nobody else may get: what the member may own, and what it has still to give up.
    var owned: TopicPartitionSet { assigned.union(pendingRevocation) }

    /// Whether the member has what the target of this epoch says.
    func isReconciled(to targetEpoch: Int32) -> Bool { state == .stable && epoch == targetEpoch }

    /// The next state on the way to a target; the same where there is nothing to do.
    ///
    /// - Parameters:
    ///   - target: What the member is to have.
    ///   - targetEpoch: The target's epoch.
    ///   - reported: What the member says that it owns; nil: it says nothing.
    ///   - isFree: Whether no other member owns the partition.
    func reconciled(
        to target: TopicPartitionSet, of targetEpoch: Int32, reported: TopicPartitionSet?,
        isFree: (WireUUID, Int32) -> Bool
    ) -> CurrentAssignment {
        switch state {
        case .stable:
            guard epoch != targetEpoch else { return self }
            return next(from: epoch, target, targetEpoch, reported, isFree)
        case .unrevokedPartitions:
            // Only what the member itself says counts: it may still be working on what it was told to give up.
            guard let reported, reported.isDisjoint(with: pendingRevocation) else { return self }
            return next(from: epoch + 1, target, targetEpoch, reported, isFree)
        case .unreleasedPartitions:
            return next(from: epoch, target, targetEpoch, reported, isFree)
        }
    }

    private func next(
        from epoch: Int32, _ target: TopicPartitionSet, _ targetEpoch: Int32, _ reported: TopicPartitionSet?,
        _ isFree: (WireUUID, Int32) -> Bool
    ) -> CurrentAssignment {
        let kept = assigned.intersection(target)
        let revoked = assigned.subtracting(target)
        var result = CurrentAssignment()
        let stillOwnsRevoked = reported.map { !$0.isDisjoint(with: revoked) } ?? true
        if !revoked.isEmpty && stillOwnsRevoked {
            // The member stays in its epoch until it has given up what its target no longer has.
            result.state = .unrevokedPartitions
            result.epoch = epoch
            result.assigned = kept
            result.pendingRevocation = revoked
        } else {
            let wanted = target.subtracting(kept)
            let granted = wanted.filter(isFree)
            result.state = granted.count == wanted.count ? .stable : .unreleasedPartitions
            result.epoch = targetEpoch
            result.assigned = kept.union(granted)
        }
        result.previousEpoch = result.epoch == self.epoch ? previousEpoch : self.epoch
        return result
    }
}
