import AdminHTTP
import EmbeddedNode
import Logging
import WeirRuntime

/// `weir serve`: the node, its loadable plugins, and what is said of them on the standard output.
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
        do {
            let node = try await EmbeddedNode(settings, logger: logger)
            logger.notice("shutdown takes \(configuration.shutdown.worstCase) at most")
            try plugins.register(in: node.runtime, beside: node.kafka)
            return try await node.run { endpoints in
                StandardOutput.print("ready kafka=\(endpoints.kafka) http=\(endpoints.http ?? "")")
                StandardOutput.flush()
            }.exitCode
        } catch let error as NodeError {
            throw UsageError(error)
        }
    }

    private var settings: NodeSettings {
        NodeSettings(
            dataDirectory: configuration.dataDirectory, broker: configuration.broker,
            http: AdminServer.Address(host: configuration.httpHost, port: configuration.httpPort),
            shutdown: configuration.shutdown, exitReport: configuration.exitReport)
    }
}

extension UsageError {
    /// Why a node did not start, with the options that would help.
    init(_ error: NodeError) {
        switch error.code {
        case .dataFolder: self = .configuration("\(error) with --data-dir")
        case .kafkaListener:
            self = .configuration("\(error) with --kafka-port or kafka.listeners, or 0 for a free one")
        case .component: self.init(code: .component, description: error.description)
        case .report: self = .failed(error.description)
        default: self = .configuration(error.description)
        }
    }
}
