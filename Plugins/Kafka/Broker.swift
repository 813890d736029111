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
    /// Kafka's settings, under Kafka's names, as they are now.
    public var settings: BrokerSettings { topics.settings }
    /// The topics of the node.
    public let topics: TopicCatalog
    /// The partitions that are served here.
    public let partitions: PartitionTable
    /// Where the logs of partitions are.
    public let logProvider: any LogProvider
    /// The folder of those logs, for tools.
    public let logDirectory: LogDirectory
    /// Time.
    public let clock: any Clock
    /// What is counted.
    public let probe: KafkaProbe
    /// Logs with the component's name.
    public let logger: Logger

    let producerIDs: ProducerIDPool
    let configurations: ConfigurationStore
    let telemetry: ClientTelemetry
    let coordinators: CoordinatorHost
    let forgottenCoordinators = ForgottenCoordinators()
    let randomBits: @Sendable () -> UInt64
    let fetchBudget: HeldBytes
    let fetchSessions: FetchSessions
    private let openGate = Mutex<Gate?>(nil)
    private let connections = Mutex(OpenConnections())

    /// A broker that serves what `topics` and `partitions` hold.
    init(
        nodeID: Int32, clusterID: String, topics: TopicCatalog, partitions: PartitionTable,
        logProvider: any LogProvider, logDirectory: LogDirectory, coordinators: CoordinatorHost, clock: any Clock,
        probe: KafkaProbe, logger: Logger, randomBits: @escaping @Sendable () -> UInt64
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.topics = topics
        self.partitions = partitions
        self.logProvider = logProvider
        self.logDirectory = logDirectory
        self.clock = clock
        self.probe = probe
        self.logger = logger
        self.coordinators = coordinators
        self.randomBits = randomBits
        producerIDs = ProducerIDPool(topics: topics)
        configurations = ConfigurationStore(
            objects: topics.objects, settings: topics.rules.source, nodeID: nodeID)
        telemetry = ClientTelemetry(configurations, probe: probe)
        fetchBudget = HeldBytes(limit: 512 << 20)
        fetchSessions = FetchSessions(
            loops: partitions.loops, slotCount: topics.settings.fetchSessionCountMax,
            seed: randomBits(), probe: probe)
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
    var openConnections: [ConnectionHandler] { connections.withLock { $0.all } }

    func add(_ connection: ConnectionHandler) -> Session? {
        guard let gate else { return nil }
        let settings = settings
        let isRoom = connections.withLock { connections in
            connections.add(
                connection, countMax: settings.connectionCountMax,
                addressCountMax: settings.connectionsPerAddressMax)
        }
        probe.connectionOpened(isRefused: !isRoom)
        return isRoom ? try? gate.openSession() : nil
    }

    func remove(_ connection: ConnectionHandler) {
        let wasServed = connections.withLock { $0.remove(connection) }
        if wasServed { probe.connectionClosed() }
    }
}

/// The connections that are served, and how many each client address has.
private struct OpenConnections {
    private var byIdentity: [ObjectIdentifier: ConnectionHandler] = [:]
    private var counts: [String: Int] = [:]

    /// Every connection, in no order.
    var all: [ConnectionHandler] { Array(byIdentity.values) }

    /// Takes a connection in, unless there are too many; whether it did.
    mutating func add(_ connection: ConnectionHandler, countMax: Int, addressCountMax: Int) -> Bool {
        let address = connection.remoteAddress.host
        guard byIdentity.count < countMax, counts[address, default: 0] < addressCountMax else { return false }
        byIdentity[ObjectIdentifier(connection)] = connection
        counts[address, default: 0] += 1
        return true
    }

    /// Lets a connection go; whether it was there.
    mutating func remove(_ connection: ConnectionHandler) -> Bool {
        guard byIdentity.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return false }
        let address = connection.remoteAddress.host
        let left = counts[address, default: 1] - 1
        counts[address] = left > 0 ? left : nil
        return true
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
