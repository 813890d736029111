import AdminHTTP
import Glibc
import Kafka
import Logging
import SegmentLog
import WeirIO
import WeirRuntime

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
        let clock = SystemClock()
        let disk = SystemDisk()
        let directory = try DataDirectory(configuration.dataDirectory, disk: disk)
        let identity = try directory.identity(makeClusterID: { ClusterID.make() })
        let loops = EventLoops(count: configuration.loopCount ?? System.coreCount, clock: clock)

        let runtime = Runtime(runtimeConfiguration(directory), clock: clock, logger: logger)
        if let last = directory.lastExitReport() { runtime.metrics.add(LastExitMetrics(last)) }
        let logs = LocalLogProvider(
            directory: directory.logs, disk: disk, clock: clock, nodeID: identity.nodeID, logger: logger)
        runtime.metrics.add(logs.probe)
        let kafka = KafkaPlugin(
            settings: configuration.broker, nodeID: identity.nodeID, clusterID: identity.clusterID, logs: logs,
            runtime: runtime, clock: clock, group: loops.group, loopFor: { loops.loop(for: $0) }, logger: logger)
        let admin = AdminServer(
            AdminServer.Address(host: configuration.httpHost, port: configuration.httpPort), runtime: runtime,
            group: loops.group)
        try runtime.register(kafka)
        try runtime.register(admin)

        let report = try await start(runtime) {
            let kafkaAddress = kafka.boundAddress
            let httpAddress = admin.boundAddress
            try directory.writeEndpoints(pid: getpid(), kafka: "", http: "")
            print("ready kafka= http=")
        }
        directory.removeEndpoints()
        try directory.writeExitReport(report, copy: configuration.exitReport)
        return report.exitCode
    }
}
