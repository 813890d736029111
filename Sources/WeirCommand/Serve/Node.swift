import AdminHTTP
import Glibc
import Kafka
import Logging
import NIOCore
import ObjectLog
import ObjectStore
import SegmentLog
import WeirIO
import WeirRuntime
import WorkTracking

/// The composition root of `weir serve`: the only place that names concrete plugins.
struct Node {
    let configuration: NodeConfiguration
    let logger: Logger

    init(_ configuration: NodeConfiguration) {
        self.configuration = configuration
        let level = configuration.logLevel
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        logger = Logger(label: "weir")
    }

    /// Runs the node to its end; the exit code.
    func run() async throws -> Int32 {
        let plugins = try NodePlugins(configuration.plugins)
        let disk = SystemDisk()
        let directory = try DataDirectory(configuration.dataDirectory, disk: disk)
        if let report = configuration.exitReport { try directory.checkFolder(of: report, "exit-report") }
        let identity = try directory.identity(makeClusterID: ClusterID.random)
        let runtime = Runtime(plan(directory), clock: SystemClock(), logger: logger)
        if let last = directory.lastExit() { runtime.metrics.add(last) }
        logger.notice("shutdown takes \(configuration.shutdown.worstCase) at most")
        let report: ExitReport
        do {
            let parts = try await NodeParts(
                configuration, identity, directory, disk: disk, runtime: runtime, logger: logger)
            try hostRetention(of: parts.kafka.broker, in: runtime)
            try plugins.register(in: runtime, beside: parts.kafka)
            report = try await runtime.run { try announce(parts, directory) }
        } catch let error as ComponentStartFailed {
            directory.removeEndpoints()
            try? directory.writeExitReport(error.report, copy: configuration.exitReport)
            throw Self.usageError(error)
        } catch let error as RuntimeError {
            throw UsageError.configuration(error.message)
        } catch let error as ObjectError {
            throw UsageError(code: .component, description: "cannot open the node's objects: \(error)")
        } catch let error as LogError {
            throw UsageError(code: .component, description: "cannot open the node's objects: \(error)")
        } catch let error as DiskError {
            directory.removeEndpoints()
            throw UsageError.configuration("cannot write endpoints.json in \(directory.path): \(error.reason)")
        }
        directory.removeEndpoints()
        do {
            try directory.writeExitReport(report, copy: configuration.exitReport)
        } catch {
            throw UsageError.failed("the exit report was not written: \(error.reason)")
        }
        return report.exitCode
    }

    /// A loop that looks for segments that are due.
    private func hostRetention(of broker: Broker, in runtime: Runtime) throws(RuntimeError) {
        try runtime.host("kafka/retention", dependsOn: ["kafka"]) { scope in
            while await scope.sleep(for: broker.retentionCheckInterval) {
                try await scope.gate.track("retention", lineage: .leaf) { await broker.enforceRetention() }
            }
        }
    }

    /// An address that cannot be listened on is a matter of configuration; anything else is a failure.
    private static func usageError(_ error: ComponentStartFailed) -> UsageError {
        switch error.reason {
        case let error as AdminError: .configuration(error.description)
        case let error as ListenerError: .configuration(listenerText(error))
        default: UsageError(code: .component, description: error.description)
        }
    }

    private static func listenerText(_ error: ListenerError) -> String {
        let isInUse = error.reason.contains("Address already in use") || error.reason.contains("errno: 98")
        let why = isInUse ? "the port is in use" : error.reason
        return "cannot listen for Kafka clients on \(error.listener): \(why); "
            + "choose another with --kafka-port or kafka.listeners, or 0 for a free one"
    }

    private func plan(_ directory: DataDirectory) -> RuntimeConfiguration {
        var plan = RuntimeConfiguration()
        plan.shutdown = configuration.shutdown
        let copy = configuration.exitReport
        plan.forcedReport = { report in
            try? directory.writeExitReport(report, copy: copy)
            directory.removeEndpoints()
        }
        return plan
    }

    /// Says where the node serves, once it does.
    private func announce(_ parts: NodeParts, _ directory: DataDirectory) throws {
        guard let kafka = parts.kafka.endpoint, let http = parts.admin.boundAddress else {
            preconditionFailure("started components are bound")
        }
        let kafkaText = address(kafka.host, kafka.port)
        let httpText = address(http.host, http.port)
        try directory.writeEndpoints(pid: getpid(), kafka: kafkaText, http: httpText)
        StandardOutput.print("ready kafka=\(kafkaText) http=\(httpText)")
        StandardOutput.flush()
    }

    private func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// What a node is made of, wired and registered.
private struct NodeParts {
    let kafka: KafkaPlugin
    let admin: AdminServer

    init(
        _ configuration: NodeConfiguration, _ identity: DataDirectory.Identity, _ directory: DataDirectory,
        disk: any Disk, runtime: Runtime, logger: Logger
    ) async throws {
        let loops = EventLoops(count: configuration.broker.loopCount ?? NIOCore.System.coreCount)
        let logs = LocalLogProvider(
            directory: directory.logs, disk: disk, clock: runtime.clock, nodeID: identity.nodeID, logger: logger)
        // Opened before all else: without the objects, nobody knows what the other logs are.
        let storage = try await ObjectLog.open(
            among: try await logs.list(), from: logs, on: loops.loops[0], clock: runtime.clock)
        let objects = ObjectsComponent(storage, clock: runtime.clock, randomBits: Self.randomBits)
        try runtime.addObjects(objects)
        kafka = try runtime.addKafka(
            KafkaParts(
                nodeID: identity.nodeID, clusterID: identity.clusterID, settings: configuration.broker,
                logProvider: logs, objects: objects.access, clock: runtime.clock, partitionLoops: loops.loops,
                connectionLoops: ConnectionLoops(group: loops.group) { loops.loop(for: $0) },
                host: runtime, logger: logger))
        admin = AdminServer(
            AdminServer.Address(host: configuration.httpHost, port: configuration.httpPort), runtime: runtime,
            group: loops.group, objects: AdminServer.Objects(objects.access))
        try runtime.register(admin)
        runtime.metrics.add(logs.probe)
        runtime.metrics.add(kafka.broker.probe)
    }

    /// What uids are made of. A topic's id is its uid, and like Kafka's ids none begins with `-` as text, which command
    /// lines would take for an option.
    private static func randomBits() -> UInt64 {
        while true {
            let bits = UInt64.random(in: .min ... .max)
            if bits >> 58 != 62 { return bits }
        }
    }
}

/// Cluster ids in Kafka's form: 128 random bits as 22 characters of URL-safe base64.
enum ClusterID {
    static func random() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        for _ in 0..<21 { text.append(alphabet[Int.random(in: 0..<64)]) }
        // The last character stands for two bits only.
        text.append(alphabet[Int.random(in: 0..<4) * 16])
        return text
    }
}
