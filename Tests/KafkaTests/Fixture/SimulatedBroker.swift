import KafkaWire
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import ObjectStore
import SegmentLog
import Synchronization
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import Kafka

/// A broker in the simulator: requests go in as frames and come out as frames, time is virtual.
final class SimulatedBroker {
    let simulator: Simulator
    let loops: [SimulatedLoop]
    let logs = ScriptedLogs()
    let plugin: KafkaPlugin
    let host: GateHost
    let gate: Gate
    private let driver: TopicDriver

    var broker: Broker { plugin.broker }

    /// A broker with topics of one partition, unless a name says `name:count`.
    init(
        seed: UInt64 = 1, loopCount: Int = 1, settings: [String: String] = [:], limits: ConnectionLimits = .init(),
        topics: [String] = []
    ) throws {
        simulator = Simulator(seed: seed)
        loops = (0..<loopCount).map { [simulator] _ in simulator.makeLoop() }
        host = GateHost(clock: simulator.clock)
        gate = try host.registry.register("kafka")
        let random = Mutex(simulator.makeRandom())
        let loops = loops
        let settings = try BrokerSettings(values: settings)
        let objects = ObjectStore(
            MemoryStorage(), configuration: ObjectStore.Configuration(kinds: .any), clock: simulator.clock,
            randomBits: { random.withLock { $0.next() } })
        plugin = KafkaPlugin(
            KafkaParts(
                nodeID: 1, clusterID: "simulated", settings: settings, logProvider: logs, objects: objects,
                clock: simulator.clock, partitionLoops: loops,
                connectionLoops: ConnectionLoops(group: MultiThreadedEventLoopGroup.singleton) { _ in loops[0] },
                host: host, limits: limits,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
        let new = topics.map { text in
            let parts = text.split(separator: ":")
            return NewTopic(name: String(parts[0]), partitionCount: parts.count > 1 ? Int32(parts[1]) ?? 1 : 1)
        }
        objects.register(plugin.admission)
        objects.register(ConfigurationObject.definition)
        objects.register(plugin.configurationAdmission)
        driver = TopicDriver(plugin.topics, clock: simulator.clock)
        try run { [plugin, logs] in try await plugin.topics.open(existing: try await logs.list()) }
        driver.start(on: loops[0])
        try run { [plugin, gate, host] in
            plugin.broker.open(gate)
            for coordinator in plugin.coordinators { try await host.addComponent(coordinator) }
            for result in await plugin.broker.topics.create(new) { _ = try result.get() }
        }
    }

    deinit { driver.stop() }

    /// Runs asynchronous code to its end in simulated time.
    @discardableResult
    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        try simulator.run(on: loops[0], body)
    }

    /// Lets everything happen that needs no time.
    func settle() { simulator.run(for: .zero) }

    /// Lets time pass.
    func pass(_ duration: Duration) { simulator.run(for: duration) }

    /// A client whose connection belongs to the loop of that index.
    func connect(loop index: Int = 0) throws -> SimulatedClient {
        try SimulatedClient(
            self, loops[index],
            plugin.makeConnection(loop: loops[index], endpoint: BrokerEndpoint(host: "node", port: 9)))
    }

    /// Touches a partition's log as its loop does.
    func withLog<Value>(_ topic: String, _ partition: Int32 = 0, _ body: (ScriptedLog) -> Value) throws -> Value {
        guard let log = logs.log(topic, partition), let loop = log.loop as? SimulatedLoop else {
            throw LogError(.notFound, "\(topic)-\(partition)")
        }
        return loop.perform { body(log) }
    }
}

/// Starts components with a gate, as the runtime does, and nothing else.
final class GateHost: ComponentHost {
    let registry = WorkRegistry()
    private let components = Mutex<[String: any Component]>([:])
    private let clock: any Clock

    init(clock: any Clock) { self.clock = clock }

    func component(_ name: String) -> (any Component)? { components.withLock { $0[name] } }

    func addComponent(_ component: any Component) async throws {
        let gate = try registry.register(component.name)
        let observeGate = try component.work.observeGate.map { try registry.register("\(component.name)/\($0)") }
        try await component.start(
            ComponentContext(
                gate: gate, observeGate: observeGate, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock))
        components.withLock { $0[component.name] = component }
    }

    func removeComponent(_ name: String) async throws {
        let component = components.withLock { $0.removeValue(forKey: name) }
        await component?.drain()
        try await component?.stop()
    }
}

/// A client of a simulated broker: one channel.
final class SimulatedClient {
    let node: SimulatedBroker
    let handler: ConnectionHandler
    let channel: EmbeddedChannel
    private let loop: SimulatedLoop
    private var received = FrameDecoder(frameSizeBytesMax: .max, frameSizeBytesMin: 4)
    private var nextCorrelation: Int32 = 1

    init(_ node: SimulatedBroker, _ loop: SimulatedLoop, _ handler: ConnectionHandler) throws {
        self.node = node
        self.loop = loop
        self.handler = handler
        channel = EmbeddedChannel()
        try loop.perform {
            try channel.pipeline.syncOperations.addHandler(handler)
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 9), promise: nil)
        }
    }

    var isOpen: Bool { channel.isActive }

    /// Sends bytes as they are.
    func send(bytes: ByteBuffer) throws {
        try loop.perform { _ = try channel.writeInbound(bytes) }
    }

    func send(bytes: [UInt8]) throws { try send(bytes: ByteBuffer(bytes: bytes)) }

    /// Sends a request and does not wait; returns its correlation id.
    @discardableResult
    func send<Request: KafkaRequest>(_ request: Request, version: Int16) throws -> Int32 {
        let id = nextCorrelation
        nextCorrelation += 1
        try send(bytes: try Self.frame(request, version: version, correlation: id))
        return id
    }

    static func frame<Request: KafkaRequest>(
        _ request: Request, version: Int16, correlation: Int32
    ) throws -> ByteBuffer {
        var body = ByteBuffer()
        try RequestHeader(
            api: Request.apiKey, version: version, correlationId: correlation, clientId: "test"
        ).write(to: &body)
        try request.write(to: &body, version: version)
        var frame = ByteBuffer(integer: Int32(body.readableBytes))
        frame.writeBuffer(&body)
        return frame
    }

    /// The next response frame without its length, after everything settled; nil: none came.
    func nextFrame() throws -> ByteBuffer? {
        node.settle()
        while let bytes = try loop.perform({ try channel.readOutbound(as: ByteBuffer.self) }) { received.append(bytes) }
        return try received.next()
    }

    /// Reads a response's header and body.
    func receive<Response: KafkaResponse>(
        _ type: Response.Type, version: Int16
    ) throws -> (correlation: Int32, response: Response)? {
        guard var frame = try nextFrame() else { return nil }
        let header = try ResponseHeader.read(from: &frame, api: Response.apiKey, version: version)
        return (header.correlationId, try Response.decode(frame, version: version))
    }

    /// Sends a request and gives its response; nil: there was none.
    func ask<Request: KafkaRequest>(_ request: Request, version: Int16) throws -> Request.Response? {
        let id = try send(request, version: version)
        guard let (correlation, response) = try receive(Request.Response.self, version: version) else { return nil }
        precondition(correlation == id, "the response is for another request")
        return response
    }
}

extension SimulatedBroker {
    /// What a component counted.
    func work(_ name: String) -> ComponentWork {
        guard let work = host.registry.snapshot().components.first(where: { $0.name == name }) else {
            preconditionFailure("no component \(name)")
        }
        return work
    }
}
