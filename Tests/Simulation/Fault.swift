/// A kind of trouble, load or setting that a run may have; each can be left out, which is how a failure is made smaller.
public enum Fault: String, Sendable, Hashable, CaseIterable {
    // MARK: Network

    /// Messages are lost.
    case loss
    /// Messages arrive twice.
    case duplication
    /// Messages take long.
    case delay
    /// Messages overtake each other; without it each path keeps their order.
    case reordering
    /// A path is reset and forgets what is under way.
    case resets
    /// Nodes cannot reach each other for a while.
    case partitions
    /// Partitions may cut one direction only.
    case asymmetry
    /// Some paths are much slower than others.
    case slowPaths
    /// One kind of message is lost for a while.
    case kindLoss
    /// Paths hold few messages and drop the rest.
    case capacity

    // MARK: Nodes and clocks

    /// Processes end at any moment, and start again.
    case crashes
    /// Machines lose their power: unsynced writes are lost or torn.
    case powerCuts
    /// All nodes crash at once.
    case blackouts
    /// Clocks run at different rates.
    case drift
    /// Processes stand still for a while.
    case pauses
    /// Entries are applied long after they were handed out.
    case slowApply

    // MARK: Disks

    /// Syncs take long.
    case slowSync
    /// Syncs fail, after which a process must end.
    case failedSync
    /// Disks fill up.
    case fullDisk
    /// Stored bits flip, within a budget that leaves a good quorum.
    case corruption

    // MARK: What the group is asked for

    /// The membership changes.
    case membership
    /// It changes through joint configurations.
    case joint
    /// Replicas that do not vote come, go, and become voters.
    case learners
    /// Logs are compacted, so that snapshots are needed.
    case snapshots
    /// Leadership is handed over.
    case transfers
    /// Reads are asked for.
    case reads
    /// Followers are told to forget their leader.
    case forgetting
    /// Replicas stand for election without a reason.
    case campaigns
    /// Replicas are told of messages that did not arrive.
    case reports

    // MARK: How replicas are set up

    /// Storage work is done asynchronously.
    case asyncStorage
    /// Elections are asked for first.
    case preVote
    /// Leaders step down without a quorum, and their followers refuse votes.
    case checkQuorum
    /// Reads trust the lease; only where clocks agree.
    case lease
    /// A removed leader steps down.
    case stepDown
    /// Proposals are limited by a quota.
    case quota
    /// Messages and windows are small.
    case smallLimits
    /// Followers refuse proposals.
    case noForwarding
}
