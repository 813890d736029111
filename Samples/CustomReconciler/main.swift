import EmbeddedNode
import Kafka
import Logging
import ObjectStore
import Reconciling
import WeirRuntime

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Broker and reconciler in one process, to their end; the exit code.
func serve(_ folder: String, kafkaPort: UInt16, _ logger: Logger) async throws -> Int32 {
    let broker = try BrokerSettings(values: [
        "listeners": "PLAINTEXT://127.0.0.1:\(kafkaPort)",
        // Topics are made by their pipelines, and go with them.
        "auto.create.topics.enable": "false",
    ])
    let node = try await EmbeddedNode(NodeSettings(dataDirectory: folder, broker: broker), logger: logger)
    let pipelines = PipelineReconciler(records: node.records)
    try node.runtime.reconcile(
        Pipeline.self, .when(.generationChanged), .owns(Topic.self), .dependsOn("kafka"), .maxConcurrent(4)
    ) { request in
        return try await pipelines.reconcile(request)
    }
    let report = try await node.run { endpoints in
        print("ready kafka=\(endpoints.kafka) http=\(endpoints.http ?? "")")
        fflush(nil)
    }
    return report.exitCode
}

let logger = Logger(label: "custom-reconciler") { label in StreamLogHandler.standardError(label: label) }
let arguments = CommandLine.arguments.dropFirst()
guard let folder = arguments.first, arguments.count <= 2, let port = UInt16(arguments.dropFirst().first ?? "9092")
else {
    logger.error("usage: CustomReconciler FOLDER [KAFKA_PORT]")
    exit(64)
}
do {
    exit(try await serve(folder, kafkaPort: port, logger))
} catch let error as NodeError {
    logger.error("\(error)")
    exit(error.exitCode)
} catch {
    logger.error("\(error)")
    exit(1)
}
