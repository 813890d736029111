public import Logging
public import SegmentLog
internal import Synchronization
public import WeirRuntime
internal import WorkTracking

/// The node as Kafka clients see it: who it is, its topics, its partitions, and the answers to requests.
///
/// Callable from any thread. Each API is an extension in a file of its own: the data path in `Handlers`, what
/// changes topics in `Admin`.
public final class Broker: Sendable {
    /// Which node this is, towards clients.
    public let nodeID: Int32
    /// The cluster's id, made at first start and kept.
    public let clusterID: String
    /// Kafka's settings, under Kafka's names.
    public let settings: BrokerSettings
    /// The topics of the node.
    public let topics: TopicCatalog
    /// The partitions that are served here.
    public let partitions: PartitionTable
    /// Where the logs of partitions are.
    public let logProvider: any LogProvider
    /// Time.
    public let clock: any Clock
    /// What is counted.
    public let probe: KafkaProbe
    /// Logs with the component's name.
    public let logger: Logger

    let producerIDs: ProducerIDPool
    let coordinators: CoordinatorHost
    let randomBits: @Sendable () -> UInt64
    let fetchBudget: HeldBytes
    let fetchSessions: FetchSessions
    private let openGate = Mutex<Gate?>(nil)
    private let connections = Mutex<[ObjectIdentifier: ConnectionHandler]>([:])

    /// A broker that serves what `topics` and `partitions` hold.
    init(
        nodeID: Int32, clusterID: String, settings: BrokerSettings, topics: TopicCatalog, partitions: PartitionTable,
        logProvider: any LogProvider, coordinators: CoordinatorHost, clock: any Clock, probe: KafkaProbe,
        logger: Logger, randomBits: @escaping @Sendable () -> UInt64
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.settings = settings
        self.topics = topics
        self.partitions = partitions
        self.logProvider = logProvider
        self.clock = clock
        self.probe = probe
        self.logger = logger
        self.coordinators = coordinators
        self.randomBits = randomBits
        producerIDs = ProducerIDPool(topics: topics)
        fetchBudget = HeldBytes(limit: 512 << 20)
        fetchSessions = FetchSessions(
            loops: partitions.loops, slotCount: settings.fetchSessionCountMax,
            seed: UInt64(bitPattern: clock.wallMilliseconds) << 20 ^ UInt64(bitPattern: clock.now.nanoseconds))
    }

    /// The gate that admits requests other than produce and fetch, and connections; nil before it started.
    var gate: Gate? { openGate.withLock { $0 } }

    /// Whether new work is refused, because the component or the process drains.
    var isDraining: Bool { gate?.isClosed ?? true }

    /// Whether only what changes nothing is admitted.
    var isReadOnly: Bool { gate?.isReadOnly ?? false }

    /// Takes work from now on.
    func open(_ gate: Gate) {
        openGate.withLock { $0 = gate }
    }

    // MARK: Connections

    /// The connections that are open, in no order.
    var openConnections: [ConnectionHandler] { connections.withLock { Array($0.values) } }

    func add(_ connection: ConnectionHandler) -> Session? {
        guard let gate else { return nil }
        let isRoom = connections.withLock { connections in
            guard connections.count < settings.connectionCountMax else { return false }
            connections[ObjectIdentifier(connection)] = connection
            return true
        }
        probe.connectionOpened(isRefused: !isRoom)
        return isRoom ? try? gate.openSession() : nil
    }

    func remove(_ connection: ConnectionHandler) {
        let wasServed = connections.withLock { $0.removeValue(forKey: ObjectIdentifier(connection)) != nil }
        if wasServed { probe.connectionClosed() }
    }
}

/// Where clients find a node.
public struct BrokerEndpoint: Sendable, Hashable {
    /// A host name or an address.
    public var host: String
    /// The port.
    public var port: Int

    /// The node at `host` and `port`.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}
