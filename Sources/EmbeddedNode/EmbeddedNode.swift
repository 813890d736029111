public import AdminHTTP
import Glibc
public import Kafka
public import Logging
import NIOCore
import ObjectLog
public import ObjectStore
import SegmentLog
import WeirIO
public import WeirRuntime
import WorkTracking

/// A node in a process of one's own: the objects, the broker, HTTP, and what you register beside them.
///
/// ```swift
/// let node = try await EmbeddedNode(NodeSettings(dataDirectory: "data"))
/// let records = node.records
/// try node.runtime.reconcile(Widget.self, .dependsOn("kafka")) { request in … }
/// exit(try await node.run().exitCode)
/// ```
///
/// `weir serve` is this node too. What depends on `kafka` starts when clients are served, and is drained before they
/// are turned away. A process has one node, and ends after it: a second `run` is refused, and the threads of the
/// loops stay until the process ends.
public final class EmbeddedNode: Sendable {
    /// Starts, counts and drains everything; register what is yours before `run`.
    public let runtime: Runtime
    /// The node's objects, among them its topics.
    public let objects: ObjectsComponent
    /// The broker: the component `kafka`.
    public let kafka: KafkaPlugin
    /// The HTTP server; nil where the settings want none.
    public let http: AdminServer?
    private let settings: NodeSettings
    private let directory: DataDirectory

    /// Takes the data folder for this process, opens the node's objects, and registers its components; nothing is
    /// served yet.
    ///
    /// - Throws: `NodeError`.
    public init(_ settings: NodeSettings, logger: Logger = Logger(label: "weir")) async throws(NodeError) {
        let disk = SystemDisk()
        let directory = try DataDirectory(settings.dataDirectory, disk: disk)
        if let report = settings.exitReport { try directory.checkFolder(of: report, "exit-report") }
        let identity = try directory.identity(makeClusterID: ClusterID.random)
        let runtime = Runtime(Self.plan(settings, directory), clock: SystemClock(), logger: logger)
        if let last = directory.lastExit() { runtime.metrics.add(last) }
        let loops = EventLoops(count: settings.broker.loopCount ?? NIOCore.System.coreCount)
        let logs = LocalLogProvider(
            directory: directory.logs, disk: disk, clock: runtime.clock, nodeID: identity.nodeID, logger: logger)
        let storage = try await Self.openObjects(logs, loops, runtime.clock)
        let objects = ObjectsComponent(storage, clock: runtime.clock, randomBits: TopicIDBits.random)
        let http = settings.http.map { address in
            AdminServer(
                address, runtime: runtime, group: loops.group,
                objects: AdminServer.Objects(objects.access, node: "\(identity.nodeID)"))
        }
        do {
            try runtime.addObjects(objects)
            var parts = KafkaParts(
                nodeID: identity.nodeID, clusterID: identity.clusterID, settings: settings.broker,
                logProvider: logs, objects: objects.access, clock: runtime.clock, partitionLoops: loops.loops,
                connectionLoops: ConnectionLoops(group: loops.group) { loops.loop(for: $0) },
                host: runtime, logger: logger)
            parts.logDirectory = Self.logDirectory(directory.logs, disk)
            kafka = try runtime.addKafka(parts)
            try Self.hostRetention(of: kafka.broker, in: runtime)
            try Self.hostCleaner(of: kafka.broker, in: runtime)
            if let http { try runtime.register(http) }
        } catch {
            // A runtime of our own, of which nobody else knows yet, refuses only what is put together wrongly.
            throw NodeError(.component, "\(error)")
        }
        runtime.metrics.add(logs.probe)
        runtime.metrics.add(kafka.broker.probe)
        self.runtime = runtime
        self.objects = objects
        self.http = http
        self.settings = settings
        self.directory = directory
    }

    /// Reads and writes objects: counted, and drained, as a component of the runtime.
    public var client: Client { Client(objects.access) }

    /// Appends and reads records without a socket, under the rules and counts of clients.
    public var records: LocalRecords { LocalRecords(kafka.broker) }

    /// Serves until SIGTERM, Ctrl-C or `runtime.beginShutdown`; tells how it ended.
    ///
    /// While it serves, `endpoints.json` in the data folder says where; when it has ended, `last-exit.json` is there.
    ///
    /// - Parameter ready: Runs when all components serve.
    /// - Throws: `NodeError`, and what `ready` throws.
    public func run(
        ready: @escaping @Sendable (NodeEndpoints) async throws -> Void = { _ in }
    ) async throws -> ExitReport {
        defer { directory.removeEndpoints() }
        let report: ExitReport
        do {
            report = try await runtime.run { [self] in
                let endpoints = endpoints
                try directory.writeEndpoints(pid: getpid(), kafka: endpoints.kafka, http: endpoints.http)
                try await ready(endpoints)
            }
        } catch let error as ComponentStartFailed {
            try? directory.writeExitReport(error.report, copy: settings.exitReport)
            throw NodeError(error)
        } catch let error as RuntimeError {
            throw NodeError(.configuration, error.message)
        } catch let error as DiskError {
            throw NodeError(
                .configuration, "cannot write endpoints.json in \(directory.path): \(error.reason)")
        }
        do {
            try directory.writeExitReport(report, copy: settings.exitReport)
        } catch {
            throw NodeError(.report, "the exit report was not written: \(error.reason)")
        }
        return report
    }

    private var endpoints: NodeEndpoints {
        guard let bound = kafka.endpoint else { preconditionFailure("a broker that is started is bound") }
        let kafka = AdminServer.Address(host: bound.host, port: Int(bound.port))
        return NodeEndpoints(kafka: "\(kafka)", http: http?.boundAddress.map { "\($0)" })
    }

    // MARK: Parts

    private static func plan(_ settings: NodeSettings, _ directory: DataDirectory) -> RuntimeConfiguration {
        var plan = RuntimeConfiguration()
        plan.shutdown = settings.shutdown
        let copy = settings.exitReport
        plan.forcedReport = { report in
            try? directory.writeExitReport(report, copy: copy)
            directory.removeEndpoints()
        }
        return plan
    }

    /// The path from the root, as tools that are elsewhere need it.
    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }

    private static func logDirectory(_ path: String, _ disk: SystemDisk) -> LogDirectory {
        LogDirectory(path: absolute(path)) {
            guard let total = try? disk.bytesTotal(path), let usable = try? disk.bytesAvailable(path) else {
                return nil
            }
            return LogDirectory.Room(totalBytes: total, usableBytes: usable)
        }
    }

    /// Opened before all else: without the objects, nobody knows what the other logs are.
    private static func openObjects(
        _ logs: LocalLogProvider, _ loops: EventLoops, _ clock: any Clock
    ) async throws(NodeError) -> ObjectLog {
        do {
            return try await ObjectLog.open(among: try await logs.list(), from: logs, on: loops.loops[0], clock: clock)
        } catch {
            throw NodeError(.component, "cannot open the node's objects: \(error)")
        }
    }

    /// A loop that compacts logs.
    private static func hostCleaner(of broker: Broker, in runtime: Runtime) throws(RuntimeError) {
        try runtime.host("kafka/cleaner", dependsOn: ["kafka"]) { scope in await broker.runCleaner(scope) }
    }

    /// A loop that looks for segments that are due.
    private static func hostRetention(of broker: Broker, in runtime: Runtime) throws(RuntimeError) {
        try runtime.host("kafka/retention", dependsOn: ["kafka"]) { scope in
            while await scope.sleep(for: broker.retentionCheckInterval) {
                try await scope.gate.track("retention", lineage: .leaf) { await broker.enforceRetention() }
            }
        }
    }
}

extension NodeError {
    /// An address that cannot be listened on is a matter of configuration; anything else is a failure.
    init(_ error: ComponentStartFailed) {
        switch error.reason {
        case let error as AdminError: self.init(.httpListener, error.description)
        case let error as ListenerError:
            let isInUse = error.reason.contains("Address already in use") || error.reason.contains("errno: 98")
            let why = isInUse ? "the port is in use" : error.reason
            self.init(.kafkaListener, "cannot listen for Kafka clients on \(error.listener): \(why); choose another")
        default: self.init(.component, error.description)
        }
    }
}
