import KafkaWire
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

/// One life of a node's catalog in the simulator: a storage is given from one to the next.
final class AdminNode {
    let simulator: Simulator
    let loop: SimulatedLoop
    let host: MemoryHost
    let catalog: TopicCatalog
    let storage: MemoryStorage

    convenience init(
        seed: UInt64 = 1, settings: [String: String] = [:], storage: MemoryStorage = MemoryStorage()
    ) throws {
        try self.init(Simulator(seed: seed), settings: settings, storage: storage, MemoryLogs(storage))
    }

    init(
        _ simulator: Simulator, settings: [String: String] = [:], storage: MemoryStorage = MemoryStorage(),
        _ provider: any LogProvider
    ) throws {
        let loop = simulator.makeLoop()
        let host = MemoryHost(provider, loop)
        let random = Mutex(simulator.makeRandom())
        self.simulator = simulator
        self.loop = loop
        self.host = host
        self.storage = storage
        catalog = TopicCatalog(
            provider: provider, loop: loop, settings: try BrokerSettings(values: settings), nodes: [1], host: host,
            clock: simulator.clock, randomBits: { random.withLock { $0.next() } })
    }

    /// A node whose catalog is loaded.
    static func started(
        seed: UInt64 = 1, settings: [String: String] = [:], storage: MemoryStorage = MemoryStorage()
    ) throws -> AdminNode {
        let node = try AdminNode(seed: seed, settings: settings, storage: storage)
        try node.run { try await $0.load() }
        return node
    }

    /// Runs `body` to its end in simulated time.
    @discardableResult
    func run<Value: Sendable>(_ body: @escaping @Sendable (TopicCatalog) async throws -> Value) throws -> Value {
        try simulator.run(on: loop) { [catalog] in try await body(catalog) }
    }

    /// The topics by name, as text that two lives of a node agree on.
    var topics: [String] {
        catalog.snapshot().byName.values.sorted { $0.name < $1.name }.map { topic in
            let overrides = topic.configuration.overrides.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return "\(topic.name) \(topic.id.uid) \(topic.partitionCount)x\(topic.replicationFactor) "
                + "\(overrides) g\(topic.generation) v\(topic.resourceVersion) \(topic.creationTimestamp)"
        }
    }

    /// The logs that the topics and the metadata log want.
    var expectedLogs: Set<LogIdentity> {
        var expected: Set<LogIdentity> = [MetadataLog.identity]
        for topic in catalog.snapshot().byName.values {
            for partition in 0..<topic.partitionCount {
                expected.insert(LogIdentity(topicID: topic.id, topic: topic.name, partition: partition))
            }
        }
        return expected
    }

    /// Stops the test where the logs in memory are not those that are wanted.
    func checkLogs(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(storage.identities == expectedLogs, comment, sourceLocation: sourceLocation)
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
