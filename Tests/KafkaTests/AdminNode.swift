import KafkaWire
import Logging
import ObjectLog
import ObjectStore
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

/// One life of a node's topics in the simulator: what is on disk is given from one to the next.
final class AdminNode {
    let simulator: Simulator
    let loop: SimulatedLoop
    let host: MemoryHost
    let objects: ObjectStore
    let reconciler: TopicReconciler
    let catalog: TopicCatalog
    let configurations: ConfigurationStore
    let disk: MemoryDisk
    private let storage: any Storage
    private let driver: TopicDriver

    /// A node whose topics are open, and reconciled from here on.
    private init(
        _ simulator: Simulator, _ loop: SimulatedLoop, settings: [String: String], disk: MemoryDisk,
        _ storage: any Storage, _ provider: any LogProvider
    ) throws {
        let host = MemoryHost(provider, loop)
        let random = Mutex(simulator.makeRandom())
        let settings = try BrokerSettings(values: settings)
        let index = TopicIndex()
        let objects = ObjectStore(
            storage,
            configuration: ObjectStore.Configuration(
                kinds: .any, admissions: [TopicAdmission(settings: settings, nodes: [1], topics: index)]),
            clock: simulator.clock, randomBits: { random.withLock { $0.next() } })
        let reconciler = TopicReconciler(
            objects: objects, host: host, index: index,
            progress: TopicProgress(loop: loop, clock: simulator.clock),
            rules: TopicRules(settings: settings, nodes: [1]),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        self.simulator = simulator
        self.loop = loop
        self.host = host
        self.objects = objects
        self.reconciler = reconciler
        self.disk = disk
        self.storage = storage
        catalog = TopicCatalog(reconciler: reconciler, clock: simulator.clock)
        configurations = ConfigurationStore(objects: objects, settings: reconciler.rules.source, nodeID: 1)
        configurations.onSettings { await reconciler.adoptSettings() }
        driver = TopicDriver(reconciler, clock: simulator.clock)
        try run { _ in try await reconciler.open(existing: try await provider.list()) }
        startReconciling()
    }

    deinit { driver.stop() }

    /// A node on a disk in memory.
    static func started(
        seed: UInt64 = 1, settings: [String: String] = [:], disk: MemoryDisk = MemoryDisk()
    ) throws -> AdminNode {
        let simulator = Simulator(seed: seed)
        return try AdminNode(
            simulator, simulator.makeLoop(), settings: settings, disk: disk, CuttableStorage(disk), MemoryLogs(disk))
    }

    /// A node whose objects and partitions are in logs of a provider.
    static func started(_ simulator: Simulator, _ provider: any LogProvider) throws -> AdminNode {
        let loop = simulator.makeLoop()
        let storage = try simulator.run(on: loop) {
            try await ObjectLog.open(
                among: try await provider.list(), from: provider, on: loop, clock: simulator.clock)
        }
        return try AdminNode(simulator, loop, settings: [:], disk: MemoryDisk(), storage, provider)
    }

    /// Runs `body` to its end in simulated time.
    @discardableResult
    func run<Value: Sendable>(_ body: @escaping @Sendable (TopicCatalog) async throws -> Value) throws -> Value {
        try simulator.run(on: loop) { [catalog] in try await body(catalog) }
    }

    /// Lets everything happen that needs no time.
    func settle() { simulator.run(for: .zero) }

    /// From here on nothing is carried out.
    func stopReconciling() {
        driver.stop()
        settle()
    }

    /// Carries out what was asked for meanwhile, and what will be.
    func startReconciling() {
        driver.start(on: loop)
        settle()
    }

    /// Closes the node's objects.
    func close() throws {
        driver.stop()
        try run { [storage] _ in try await storage.close() }
    }

    /// The topics by name, as text that two lives of a node agree on.
    var topics: [String] {
        catalog.snapshot().byName.values.sorted { $0.name < $1.name }.map { topic in
            let overrides = topic.configuration.overrides.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return "\(topic.name) \(topic.id.uid) \(topic.partitionCount)x\(topic.replicationFactor) "
                + "\(overrides) g\(topic.generation) \(topic.creationTimestamp)"
        }
    }

    /// The logs that the topics want.
    var expectedLogs: Set<LogIdentity> {
        var expected: Set<LogIdentity> = []
        for topic in catalog.snapshot().byName.values {
            for partition in 0..<topic.partitionCount {
                expected.insert(LogIdentity(topicID: topic.id, topic: topic.name, partition: partition))
            }
        }
        return expected
    }

    /// Stops the test where the logs in memory are not those that are wanted.
    func checkLogs(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(disk.identities == expectedLogs, comment, sourceLocation: sourceLocation)
    }

    /// The stored objects of a kind, by name.
    func stored(_ kind: ObjectKind) throws -> [String: Object] {
        let page = try run { [objects] _ in try await objects.list(ListQuery(ObjectSelection(kind: kind))) }
        return Dictionary(uniqueKeysWithValues: page.objects.map { ($0.metadata.name, $0) })
    }
}

extension Result where Failure == TopicError {
    /// Kafka's number; 0 where it worked.
    var code: Int16 {
        switch self {
        case .success: 0
        case .failure(let error): error.code.rawValue
        }
    }
}
