/// One replica of a group: the consensus machine as its owner drives it.
///
/// Pure: no clock, thread, disk or network. The owner calls `tick` at a steady pace, steps in what arrives,
/// and does what `ready` says (see `Ready` for the order). All randomness comes from the generator given
/// at the start. Confined to one thread or loop; no call blocks. Semantics are those of etcd's raft
/// (docs/raft.md says where not).
public final class Replica {
    private var consensus: Consensus

    /// A replica that begins from what `storage` holds.
    ///
    /// `random` draws election timeouts and nothing else.
    public init(
        _ configuration: ReplicaConfiguration, storage: any LogStorage, random: any RandomNumberGenerator
    ) {
        consensus = Consensus(configuration, storage: storage, random: random)
    }

    // MARK: Time

    /// Lets one tick pass. Allocates nothing where nothing is to do.
    public func tick() {
        consensus.tick()
    }

    /// Lets `count` ticks pass.
    public func tick(_ count: Int) {
        precondition(count >= 0, "time does not go back")
        var left = count
        while left > 0 {
            let quiet = min(left, consensus.ticksUntilDue - 1)
            consensus.passQuietTicks(quiet)
            left -= quiet
            guard left > 0 else { return }
            consensus.tick()
            left -= 1
        }
    }

    /// The next tick that may do anything, counted from now (1: the next one): those before it may be let pass in bulk.
    public var ticksUntilDue: Int { consensus.ticksUntilDue }

    // MARK: Requests

    /// Stands for election, as if no leader had been heard of for long. Ignored where it cannot.
    public func campaign() {
        try? consensus.step(Message(.hup))
    }

    /// Proposes payloads as one entry each, in one message; a follower forwards them to the leader.
    ///
    /// Throws `.proposalDropped`. No error does not mean that they will be committed.
    public func propose(_ payloads: [Payload]) throws(RaftError) {
        guard !payloads.isEmpty else { return }
        try proposeEntries(payloads.map { Entry(payload: $0) })
    }

    /// Proposes a change of the membership, which takes effect when it is applied.
    ///
    /// While another is not applied, or where it does not fit the configuration, an empty entry takes its place.
    /// `form` as for `Entry`.
    public func propose(
        _ change: ConfigurationChange, form: EntryKind = .configurationChange
    ) throws(RaftError) {
        try proposeEntries([Entry(change: change, form: form)])
    }

    private func proposeEntries(_ entries: consuming [Entry]) throws(RaftError) {
        // Most proposals are made where they belong.
        if consensus.role == .leader { return try consensus.proposeAsLeader(entries) }
        try consensus.step(Message(.propose, from: consensus.id, entries: entries))
    }

    /// Asks for a read index; the answer comes as a `ReadState` with `context`, or never (ask again).
    public func readIndex(_ context: Payload) {
        try? consensus.step(Message(.readIndex, entries: [Entry(payload: context)]))
    }

    /// Hands leadership to another voter; a follower forwards the request. Given up after an election timeout.
    public func transferLeadership(to id: ReplicaID) {
        try? consensus.step(Message(.transferLeader, from: id))
    }

    /// Makes a follower forget who leads, so that it may vote at once. Ignored with lease-based reads.
    public func forgetLeader() {
        try? consensus.step(Message(.forgetLeader))
    }

    // MARK: What the owner tells

    /// Takes in a message of another replica, or a response of its own storage work.
    public func step(_ message: Message) throws(RaftError) {
        if !message.from.isLocalThread {
            if message.kind.isLocal { throw .localMessage }
            if message.kind.isResponse && consensus.membership.place(of: message.from) == nil { throw .peerNotFound }
        }
        try consensus.step(message)
    }

    /// Tells that messages to `id` do not arrive.
    public func reportUnreachable(_ id: ReplicaID) {
        try? consensus.step(Message(.unreachable, from: id))
    }

    /// How sending a snapshot went.
    public enum SnapshotOutcome: Sendable, Hashable {
        /// It arrived and was stored.
        case delivered
        /// It did not arrive.
        case failed
    }

    /// Tells how sending a snapshot to `id` went; until then nothing else is sent there.
    public func reportSnapshot(to id: ReplicaID, _ outcome: SnapshotOutcome) {
        var report = Message(.snapshotStatus, from: id)
        report.isRejection = outcome == .failed
        try? consensus.step(report)
    }

    /// Applies a committed change of the membership, at its place among the committed entries.
    ///
    /// Returns the configuration from here on, for the owner's next snapshot. Where it throws, nothing has changed.
    @discardableResult
    public func apply(_ change: ConfigurationChange) throws(ConfigurationError) -> ConfigurationState {
        try consensus.apply(change)
    }

    // MARK: Work for the owner

    /// Whether `ready` would say anything.
    public var hasReady: Bool { consensus.hasReady }

    /// What is to be done; it counts as taken.
    ///
    /// Without asynchronous storage writes `advance` must follow before the next.
    public func ready() -> Ready { consensus.ready() }

    /// Says that everything in the last `Ready` is done. Not with asynchronous storage writes.
    public func advance() { consensus.advance() }

    /// What the replica is and knows.
    public var status: ReplicaStatus {
        ReplicaStatus(
            id: consensus.id, hardState: consensus.hardState, softState: consensus.softState,
            applied: consensus.log.applied, firstIndex: consensus.log.firstIndex, last: consensus.log.last,
            configuration: consensus.membership.configuration, transferee: consensus.transferee,
            peers: consensus.membership.statuses)
    }

    /// Sets how many ticks without a leader begin an election; the next change of role draws anew.
    package func setElectionTimeout(ticks: Int) {
        consensus.electionTimeout = ticks
    }
}
