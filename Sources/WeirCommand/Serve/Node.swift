import AdminHTTP
import Glibc
import Kafka
import Logging
import NIOCore
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
        let parts = NodeParts(
            configuration, identity, directory, disk: disk,
            runtime: Runtime(plan(directory), clock: SystemClock(), logger: logger), logger: logger)
        let runtime = parts.runtime
        if let last = directory.lastExit() { runtime.metrics.add(last) }
        logger.notice("shutdown takes \(configuration.shutdown.worstCase) at most")
        let report: ExitReport
        do {
            try runtime.register(parts.kafka)
            try runtime.register(parts.admin)
            try hostRetention(of: parts.kafka.broker, in: runtime)
            try plugins.register(in: runtime, beside: parts.kafka)
            report = try await runtime.run { try announce(parts, directory) }
        } catch let error as ComponentStartFailed {
            directory.removeEndpoints()
            try? directory.writeExitReport(error.report, copy: configuration.exitReport)
            throw Self.usageError(error)
        } catch let error as RuntimeError {
            throw UsageError.configuration(error.message)
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

/// What a node is made of, wired.
private struct NodeParts {
    let runtime: Runtime
    let kafka: KafkaPlugin
    let admin: AdminServer

    init(
        _ configuration: NodeConfiguration, _ identity: DataDirectory.Identity, _ directory: DataDirectory,
        disk: any Disk, runtime: Runtime, logger: Logger
    ) {
        self.runtime = runtime
        let loops = EventLoops(count: configuration.broker.loopCount ?? NIOCore.System.coreCount)
        let logs = LocalLogProvider(
            directory: directory.logs, disk: disk, clock: runtime.clock, nodeID: identity.nodeID, logger: logger)
        kafka = KafkaPlugin(
            KafkaParts(
                nodeID: identity.nodeID, clusterID: identity.clusterID, settings: configuration.broker,
                logProvider: logs, clock: runtime.clock, partitionLoops: loops.loops,
                connectionLoops: ConnectionLoops(group: loops.group) { loops.loop(for: $0) },
                host: runtime,
                randomBits: { UInt64.random(in: .min ... .max) }, logger: logger))
        admin = AdminServer(
            AdminServer.Address(host: configuration.httpHost, port: configuration.httpPort), runtime: runtime,
            group: loops.group)
        runtime.metrics.add(logs.probe)
        runtime.metrics.add(kafka.broker.probe)
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
