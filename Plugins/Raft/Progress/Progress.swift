/// What a leader knows of a replica's log, and how it sends to it.
///
/// `match < next` always. The modes are etcd's: probing finds where the logs agree, one message at a
/// time; replicating sends ahead; a replica that needs a snapshot gets nothing else meanwhile.
struct Progress: Sendable {
    let id: ReplicaID
    /// The last entry it is known to have.
    private(set) var match: LogIndex
    /// The next entry to send.
    private(set) var next: LogIndex
    /// The highest commit index that was sent, so that it is sent again only where it helps.
    private var sentCommit: LogIndex = 0
    private(set) var mode = ProgressMode.probe
    /// The snapshot on its way.
    private(set) var pendingSnapshot: LogIndex = 0
    /// Whether it was heard of since the last look for a majority.
    var isRecentlyActive: Bool
    /// Whether sending waits for an answer.
    private var isFlowPaused = false
    var isLearner: Bool
    private(set) var inflights: Inflights

    init(
        _ id: ReplicaID, match: LogIndex, next: LogIndex, isLearner: Bool, isRecentlyActive: Bool,
        inflights: Inflights
    ) {
        self.id = id
        self.match = match
        self.next = next
        self.isLearner = isLearner
        self.isRecentlyActive = isRecentlyActive
        self.inflights = inflights
    }

    /// It, for people.
    var status: ReplicaStatus.Peer {
        ReplicaStatus.Peer(
            id: id, mode: mode, match: match, next: next, isLearner: isLearner, isPaused: isPaused,
            pendingSnapshot: pendingSnapshot, isRecentlyActive: isRecentlyActive, inflightCount: inflights.count,
            isInflightFull: inflights.isFull)
    }

    /// Whether nothing is sent for now.
    @inline(__always) var isPaused: Bool { mode == .snapshot || isFlowPaused }

    /// Whether an append message may carry entries.
    @inline(__always) var mayCarryEntries: Bool { mode != .replicate || !inflights.isFull }

    /// Whether sending this commit index would tell the replica something that it can use.
    @inline(__always)
    func canUseCommit(_ commit: LogIndex) -> Bool {
        commit > sentCommit && sentCommit + 1 < next
    }

    /// The first entry of the next append message, and whether it may carry any; nil while nothing is sent.
    ///
    /// Mutating so that it is called in place: a progress is too large to be copied for each message.
    mutating func nextAppend() -> (first: LogIndex, mayCarryEntries: Bool)? {
        isPaused ? nil : (next, mayCarryEntries)
    }

    // MARK: Changes of mode

    private mutating func enter(_ mode: ProgressMode) {
        isFlowPaused = false
        pendingSnapshot = 0
        self.mode = mode
        inflights.reset()
    }

    mutating func becomeProbe() {
        let afterSnapshot = mode == .snapshot ? pendingSnapshot + 1 : 0
        enter(.probe)
        next = max(match + 1, afterSnapshot)
        sentCommit = min(sentCommit, next - 1)
    }

    mutating func becomeReplicate() {
        enter(.replicate)
        next = match + 1
    }

    mutating func becomeSnapshot(_ snapshot: LogIndex) {
        enter(.snapshot)
        pendingSnapshot = snapshot
        next = snapshot + 1
        sentCommit = snapshot
    }

    // MARK: What was sent

    /// Notes an append message with `count` entries, and pauses where the next must wait.
    mutating func sentEntries(_ count: Int, byteCount: Int) {
        switch mode {
        case .replicate:
            if count > 0 {
                next = next + count
                inflights.add(last: next - 1, byteCount: byteCount)
            }
            isFlowPaused = inflights.isFull
        case .probe:
            if count > 0 { isFlowPaused = true }
        case .snapshot:
            preconditionFailure("nothing is sent to a replica that waits for a snapshot")
        }
    }

    mutating func sentCommit(_ commit: LogIndex) {
        sentCommit = commit
    }

    // MARK: What was answered

    /// Notes that the replica has everything up to `index`. Returns whether that is news.
    mutating func acknowledge(_ index: LogIndex) -> Bool {
        guard index > match else { return false }
        match = index
        next = max(next, index + 1)
        isFlowPaused = false
        return true
    }

    /// Goes back after a refusal of the message behind `rejected`. Returns false where the refusal is stale.
    mutating func goBack(rejected: LogIndex, hint: LogIndex) -> Bool {
        if mode == .replicate {
            guard rejected > match else { return false }
            next = match + 1
        } else {
            guard next - 1 == rejected else { return false }
            next = max(min(rejected, hint + 1), match + 1)
            isFlowPaused = false
        }
        sentCommit = min(sentCommit, next - 1)
        return true
    }

    mutating func freeInflights(upTo index: LogIndex) {
        inflights.free(upTo: index)
    }

    /// Lets the next message go out: the replica answered a heartbeat.
    mutating func resume() {
        isFlowPaused = false
    }

    /// Holds messages back until a heartbeat is answered.
    mutating func pause() {
        isFlowPaused = true
    }

    /// Forgets that a snapshot was sent: it did not arrive.
    mutating func abandonSnapshot() {
        pendingSnapshot = 0
    }

    /// Gives memory back that an idle replica does not need.
    mutating func shrink() {
        inflights.shrink()
    }
}
