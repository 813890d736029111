public import Logging
internal import NIOCore
public import ObjectStore
public import SegmentLog
internal import Synchronization
public import WeirRuntime
internal import WorkTracking

/// What a Kafka-compatible broker is made of.
public struct KafkaParts: Sendable {
    /// Which node this is, towards clients.
    public var nodeID: Int32
    /// The cluster's id, made at first start and kept.
    public var clusterID: String
    /// Kafka's settings.
    public var settings: BrokerSettings
    /// Where logs come from: local, or replicated.
    public var logProvider: any LogProvider
    /// The folder of those logs, for tools that ask.
    public var logDirectory = LogDirectory(path: "/")
    /// Where the node's objects are, among them its topics.
    public var objects: any ObjectAccess
    /// Time.
    public var clock: any Clock
    /// The loops that partitions are spread over.
    public var partitionLoops: [any Loop]
    /// The loops that serve connections; the same ones.
    public var connectionLoops: ConnectionLoops
    /// Who starts, counts and drains partitions: the runtime.
    public var host: any ComponentHost
    /// What connections may take, beside what the settings say.
    public var limits: ConnectionLimits
    /// Logs with the component's name.
    public var logger: Logger
    /// Random numbers: ids of group members are made of them.
    public var randomBits: @Sendable () -> UInt64

    /// A broker of these parts.
    public init(
        nodeID: Int32, clusterID: String, settings: BrokerSettings, logProvider: any LogProvider,
        objects: any ObjectAccess, clock: any Clock, partitionLoops: [any Loop],
        connectionLoops: ConnectionLoops, host: any ComponentHost, limits: ConnectionLimits = ConnectionLimits(),
        logger: Logger, randomBits: @escaping @Sendable () -> UInt64 = ProcessRandom.bits
    ) {
        self.randomBits = randomBits
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.settings = settings
        self.logProvider = logProvider
        self.objects = objects
        self.clock = clock
        self.partitionLoops = partitionLoops
        self.connectionLoops = connectionLoops
        self.host = host
        self.limits = limits
        self.logger = logger
    }
}

/// The component `kafka`: serves clients, and ends connections after their last response.
public final class KafkaPlugin: Component {
    /// `kafka`.
    public let name = "kafka"
    /// What answers requests.
    public let broker: Broker
    /// What carries out what `Topic` objects ask for.
    public let topics: TopicReconciler
    /// What the object store asks before it takes a `Topic`.
    public let admission: TopicAdmission
    /// What connections may take.
    public let limits: ConnectionLimits
    let configurationAdmission: ConfigurationAdmission
    var configurations: ConfigurationStore { broker.configurations }
    private let parts: KafkaParts
    private let node: NodeObject
    private let processBytes: HeldBytes
    private let listeners = Mutex<Listeners?>(nil)

    /// The component that reconciles its topics, which depends on the store of their objects.
    public let dependencies: [String]

    /// What coordinates groups and transactions: started before this component, drained after it.
    public var coordinators: [any Component] { [broker.coordinators.groups, broker.coordinators.transactions] }

    /// A broker that serves nothing until it is started.
    ///
    /// - Parameter reconciler: The component that calls `topics.reconcile`; nil: somebody outside of the runtime does.
    init(_ parts: KafkaParts, reconciledBy reconciler: String? = nil) {
        self.parts = parts
        node = NodeObject(objects: parts.objects, nodeID: parts.nodeID, clock: parts.clock)
        let partitions = PartitionTable(
            provider: parts.logProvider, loops: parts.partitionLoops, host: parts.host)
        let index = TopicIndex()
        let settings = LiveSettings(parts.settings)
        admission = TopicAdmission(settings: settings, nodes: [parts.nodeID], topics: index)
        topics = TopicReconciler(
            objects: parts.objects, host: partitions, index: index,
            progress: TopicProgress(loop: parts.partitionLoops[0], clock: parts.clock),
            rules: TopicRules(settings: settings, nodes: [parts.nodeID]), logger: parts.logger)
        let catalog = TopicCatalog(reconciler: topics, clock: parts.clock)
        let coordinators = CoordinatorHost(
            settings: parts.settings.coordinators, topics: catalog, partitions: partitions,
            loop: parts.partitionLoops[0], clock: parts.clock, logger: parts.logger)
        index.onChange { [weak coordinators] in coordinators?.topicsChanged() }
        broker = Broker(
            nodeID: parts.nodeID, clusterID: parts.clusterID, topics: catalog, partitions: partitions,
            logProvider: parts.logProvider, logDirectory: parts.logDirectory, coordinators: coordinators,
            clock: parts.clock, probe: KafkaProbe(partitions: partitions, coordinators: coordinators),
            logger: parts.logger, randomBits: parts.randomBits)
        dependencies = reconciler.map { [$0, coordinators.groups.name, coordinators.transactions.name] } ?? []
        configurationAdmission = ConfigurationAdmission(settings: settings, nodeID: parts.nodeID)
        broker.configurations.onSettings { [topics] in await topics.adoptSettings() }
        broker.configurations.onGroups { [coordinators] in coordinators.setGroupOverrides($0) }
        var limits = parts.limits
        limits.requestSizeBytesMax = parts.settings.requestSizeBytesMax
        limits.idleMax = parts.settings.connectionIdleMillisecondsMax.map { .milliseconds($0) }
        limits.connectionCountMax = parts.settings.connectionCountMax
        if let bytes = parts.settings.queuedRequestBytesMax { limits.processBytesMax = bytes }
        self.limits = limits
        processBytes = HeldBytes(limit: limits.processBytesMax)
    }

    /// Where clients find the first listener; nil before it is open.
    public var endpoint: BrokerEndpoint? {
        listeners.withLock { $0?.endpoints.first?.endpoint }
    }

    /// Opens the listeners; the topics serve already.
    public func start(_ context: ComponentContext) async throws {
        broker.open(context.gate)
        let opened = try await Listeners.open(parts.settings, on: parts.connectionLoops) { [self] loop, endpoint in
            makeConnection(loop: loop, endpoint: endpoint)
        }
        listeners.withLock { $0 = opened }
        await note(.ready)
    }

    /// A handler for a channel of `loop`.
    func makeConnection(loop: any Loop, endpoint: BrokerEndpoint) -> ConnectionHandler {
        ConnectionHandler(
            server: broker, loop: loop, limits: limits, processBytes: processBytes, endpoint: endpoint,
            probe: broker.probe, logger: parts.logger)
    }

    /// Answers parked fetches; connections end after their last response.
    public func drain() async {
        for partition in broker.partitions.snapshot().partitions {
            partition.loop.execute { partition.wakeAll() }
        }
        let groups = broker.coordinators.groups
        for connection in broker.openConnections {
            connection.loop.execute {
                if connection.hasMember, let session = groups.openLastingSession() {
                    connection.keepForMember(session)
                } else {
                    connection.tellEnd()
                }
            }
        }
        await note(.draining)
    }

    /// Says that clients are served again.
    public func resume() async { await note(.ready) }

    private func note(_ phase: NodeObject.Phase) async {
        let endpoints = listeners.withLock { $0?.endpoints.map(\.endpoint) ?? [] }
        do {
            try await node.write(phase, endpoints)
        } catch {
            parts.logger.warning("the node's object does not say \(phase.rawValue): \(error)")
        }
    }

    /// Closes the connections that are left.
    public func cancel() async {
        for connection in broker.openConnections {
            connection.loop.execute { connection.cancel() }
        }
    }

    /// Closes the listeners and the connections that are left.
    public func stop() async throws {
        let open = listeners.withLock { listeners in
            defer { listeners = nil }
            return listeners
        }
        await open?.close()
        await cancel()
    }
}
