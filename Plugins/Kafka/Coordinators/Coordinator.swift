import Coordinators
import KafkaWire
import Logging
import SegmentLog
import Synchronization
import WeirRuntime
import WorkTracking

/// All coordinators of one sort that this node runs: a component, with one shard a partition of its internal topic.
///
/// From any thread. A request is an operation of it, a member that waits for others is a session. What members need to
/// stay members (heartbeats, commits) is admitted by a second gate, which is not closed before the node stops: a restart
/// that is shorter than their sessions then costs them nothing.
final class Coordinator<Machine: CoordinatorMachine>: Component {
    typealias Shard = CoordinatorShard<Machine>

    /// `kafka/groups`.
    let name: String
    let kind: CoordinatorKind<Machine>
    private let partitions: PartitionTable
    private let state = Mutex(State())

    private struct State {
        var gate: Gate?
        var lastingGate: Gate?
        var shards = Shards()
        var isDraining = false
    }

    /// The shards at one moment.
    struct Shards {
        /// How many partitions the topic has; 0: there is no topic.
        var partitionCount: Int32 = 0
        var topicID: TopicID?
        var byPartition: [Int32: Shard] = [:]

        /// The shards of each loop.
        var byLoop: [[Shard]] {
            Array(Dictionary(grouping: byPartition.values) { ObjectIdentifier($0.loop) }.values)
        }

        /// Runs `body` on each loop with its shards; returns what it gave when it ran everywhere.
        @discardableResult
        func onLoops<Value: Sendable>(_ body: @escaping @Sendable ([Shard]) -> Value) async -> [Value] {
            await withTaskGroup(of: Value.self) { group in
                for shards in byLoop { group.addTask { await shards[0].loop.run { body(shards) } } }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }
    }

    init(_ kind: CoordinatorKind<Machine>, partitions: PartitionTable) {
        name = kind.component
        self.kind = kind
        self.partitions = partitions
    }

    // MARK: Component

    /// The topics, so that what is on disk is open, and topics can be made while this drains.
    var dependencies: [String] { [KafkaPlugin.topicsComponent] }

    var work: WorkSettings { WorkSettings(observeGate: "members") }

    /// Begins to read the logs that there are; requests are told to wait until they are read.
    func start(_ context: ComponentContext) async throws {
        state.withLock { state in
            state.gate = context.gate
            state.lastingGate = context.observeGate
        }
        partitionsChanged()
    }

    /// Answers everybody who waits for others, and lets no time pass any more.
    func drain() async {
        state.withLock { $0.isDraining = true }
        await shards.onLoops { for shard in $0 { shard.drain() } }
    }

    func resume() async {
        state.withLock { $0.isDraining = false }
        await shards.onLoops { for shard in $0 { shard.resume() } }
    }

    func stop() async throws {
        let all = state.withLock { state in
            defer { state.shards = Shards() }
            state.gate = nil
            return state.shards
        }
        await all.onLoops { for shard in $0 { shard.stop() } }
    }

    // MARK: Shards

    /// The shards as they are now.
    var shards: Shards { state.withLock { $0.shards } }

    /// Whether the internal topic is there.
    var hasTopic: Bool { shards.partitionCount > 0 }

    /// The shard that coordinates what is called `key`.
    func shard(of key: String) -> Result<Shard, CoordinatorRefusal> {
        let shards = shards
        guard shards.partitionCount > 0 else { return .failure(.unavailable) }
        let partition = HashedPartition.of(key, among: shards.partitionCount)
        guard let shard = shards.byPartition[partition] else { return .failure(.moved) }
        return .success(shard)
    }

    /// Makes a shard for each partition of the topic that is served here, and drops those of partitions that are not.
    func partitionsChanged() {
        let (made, dropped, isDraining) = state.withLock { state -> ([Shard], [Shard], Bool) in
            guard state.gate != nil else { return ([], [], false) }
            // Looked up under the lock: whoever comes last has seen the latest.
            let served = partitions.snapshot()[kind.topic]
            var made: [Shard] = []
            var dropped: [Shard] = []
            if state.shards.topicID != served?.description.id {
                dropped = Array(state.shards.byPartition.values)
                state.shards = Shards()
            }
            guard let served else { return ([], dropped, state.isDraining) }
            state.shards.topicID = served.description.id
            state.shards.partitionCount = served.description.partitionCount
            for (number, partition) in served.partitions where state.shards.byPartition[number] == nil {
                let shard = Shard(partition, kind)
                state.shards.byPartition[number] = shard
                made.append(shard)
            }
            return (made, dropped, state.isDraining)
        }
        for shard in dropped { shard.loop.execute { shard.stop() } }
        for shard in made {
            shard.loop.execute {
                if isDraining { shard.drain() }
                shard.load()
            }
        }
    }

    /// Tells every machine; those that still read their log hear the news when they have read it.
    func tellAll(_ request: Machine.Request) {
        for shards in shards.byLoop {
            shards[0].loop.execute { for shard in shards where shard.machine != nil { shard.tell(request) } }
        }
    }

    // MARK: Admission

    /// How a request is counted, and whether it is taken while the node drains.
    enum Admission {
        /// Refused from the drain on.
        case operation
        /// Refused from the drain on; a session while other members are waited for.
        case session
        /// Taken until the node stops.
        case lasting
        /// Taken until the node stops, also while it is read-only.
        case lastingRead

        var access: Access { self == .lastingRead ? .read : .write }
        var isLasting: Bool { self == .lasting || self == .lastingRead }
    }

    func admit(_ admission: Admission) throws(CoordinatorRefusal) -> Permit {
        let (gate, lasting) = state.withLock { ($0.gate, $0.lastingGate) }
        guard let gate else { throw .moved }
        let rejection: WorkRejected
        do throws(WorkRejected) {
            return try gate.enter(admission.access)
        } catch {
            rejection = error
        }
        if rejection.reason == .readOnly { throw .readOnly }
        guard admission.isLasting, let lasting, let permit = try? lasting.enter(.read) else { throw .moved }
        return permit
    }

    /// A session that is told to go when the drain begins.
    func openSession() -> Session? {
        let gate = state.withLock { $0.gate }
        return try? gate?.openSession()
    }

    /// A session that lasts until the node stops.
    func openLastingSession() -> Session? {
        let gate = state.withLock { $0.lastingGate }
        return try? gate?.openSession()
    }
}
