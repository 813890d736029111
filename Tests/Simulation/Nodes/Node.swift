import Raft
import WeirSimulation

/// One machine of a run: a disk, and, while its process runs, a replica with what a shell around it needs.
final class Node {
    /// What its process does.
    enum Phase: UInt8 {
        /// It was never started.
        case absent
        /// It runs.
        case running
        /// It does not run.
        case down
        /// It has started and reads its disk.
        case recovering
        /// Its disk lost what it had acknowledged: it never runs again under this number.
        case damaged
    }

    let slot: Int
    let id: ReplicaID
    let writesAsynchronously: Bool
    let showsLate: Bool
    var phase = Phase.absent
    /// Whether it was stopped for good, as it was no member any more.
    var isStopped = false
    /// Whether somebody proposed to take it in again.
    var isWanted = false
    /// Counted up when the process ends.
    var life: UInt16 = 0
    var disk: SimulatedDisk
    var journal: Journal?
    var storage = MemoryStorage()
    var replica: Replica?

    // MARK: As of the last Ready

    var hardState = HardState()
    var softState = SoftState(leader: .none, role: .follower)
    var log = ShadowLog()
    /// Indexes of changes in the log that the replica does not know to be applied, ascending.
    var openChanges: [UInt64] = []
    /// The first entry of which no answer of this term has said that it is stored; where storage is asynchronous.
    var unattested: UInt64 = .max
    /// The last entry handed out to be applied.
    var handedOut: UInt64 = 0

    // MARK: State machine

    var applied: UInt64 = 0
    /// What the replica was told to be applied.
    var appliedTold: UInt64 = 0
    /// The place of a snapshot that the replica took: what was handed out before it is void.
    var overtaken: UInt64 = 0
    var stateHash: UInt64 = 0
    var configuration = ConfigurationState()
    var members = Members()
    /// What it acted on earlier within the Ready that is under way.
    var membersBefore: Members?
    var snapshot = Snapshot(last: EntryID(term: 0, index: 0), configuration: ConfigurationState())
    /// What it sends to a replica that needs a snapshot: it must know of everybody who has joined.
    var sendable: Snapshot?
    /// Reads that wait until enough is applied.
    var waitingReads: [UInt64] = []

    // MARK: Disk

    /// Whether a stored bit was flipped.
    var isFlipped = false
    /// Whether its last end took the page cache, so that its disk holds all there is.
    var lostPower = false
    /// Below this place in the journal of a node that is down, a flipped bit is told from a torn end.
    var guardedBytes: Int64 = 0
    var stored = StoredImage()
    var appendQueue: [Message] = []
    var writing: [Message] = []
    var flush: Journal.Flush?
    /// The Ready that is under way, where storage is not asynchronous.
    var ready: Ready?
    var unflushed: HardState?
    /// Messages of the replica to itself that are due.
    var inbox: [Message] = []
    /// Snapshots that came while a Ready was under way.
    var held: [Message] = []
    var isSettling = false
    var applyQueue: [Message] = []
    var isApplying = false
    var applyingBytes = 0

    // MARK: Clock

    var ticks = 0
    var ticksMissed = 0
    var tickUnits = unitsPerTick
    var pausedUntil = 0

    // MARK: What the checker remembers

    /// Whether the next Ready comes of one input alone.
    var isExact = true
    /// The tick in which it last heard its leader.
    var heardLeader = Int.min / 2
    var requestedVote: (candidate: ReplicaID, term: Term, isComplete: Bool)?
    /// The term in which it was asked to take over.
    var handedOver: UInt64 = 0
    /// Whether what it believes is to be looked at when it has done its work.
    var needsAudit = false
    var leadership = Leadership()

    init(slot: Int, disk: SimulatedDisk, plan: Plan) {
        self.slot = slot
        id = ReplicaID(slot: slot)
        self.disk = disk
        writesAsynchronously = plan.asyncNodes.has(slot)
        showsLate = plan.lateVisibility.has(slot)
    }

    var isRunning: Bool { phase == .running }
    var isLeader: Bool { phase == .running && softState.role == .leader }
    var term: UInt64 { hardState.term.value }
    var commit: UInt64 { hardState.commit.value }
    /// Whether a Ready is under way, so that the next one has to wait.
    var isBusy: Bool { ready != nil }
    /// Whether its process has nothing left to do but to wait.
    var isQuiet: Bool { ready == nil && appendQueue.isEmpty && writing.isEmpty && applyQueue.isEmpty && !isApplying }

    /// Forgets everything that is in memory only.
    func end() {
        life &+= 1
        if let journal { guardedBytes = journal.guardedBytes }
        replica = nil
        journal = nil
        appendQueue = []
        writing = []
        inbox = []
        held = []
        overtaken = 0
        flush = nil
        ready = nil
        unflushed = nil
        applyQueue = []
        isApplying = false
        applyingBytes = 0
        waitingReads = []
        openChanges = []
        unattested = .max
        membersBefore = nil
        requestedVote = nil
        heardLeader = Int.min / 2
        ticksMissed = 0
        pausedUntil = 0
        softState = SoftState(leader: .none, role: .follower)
        leadership = Leadership()
    }
}

/// What the checker remembers of a node's leadership, by slot of the others.
struct Leadership {
    var term: UInt64 = 0
    /// When a quorum need not have been heard yet: it was elected, the membership changed, or a transfer began.
    var since = 0
    var heard = [Int](repeating: Int.min / 2, count: 32)
    /// Appends with entries that were sent to a replica that has not answered yet in this term.
    var probes = [Int](repeating: 0, count: 32)
    var answered: NodeSet = 0
    /// Payload bytes that it took in this term and that are not applied: what the quota counts.
    var quotaBytes = 0
    /// Those to whom a snapshot is on its way.
    var awaitsSnapshot: NodeSet = 0
    var transferee: ReplicaID = .none
    var transferSeen = 0
}
