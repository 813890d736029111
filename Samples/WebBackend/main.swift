import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ObjectStore
import SQLiteStorage
import WeirIO
import WeirRuntime
import WorkTracking

/// Wires the back end and runs it to its end; the exit code.
func serve(_ settings: Settings, _ logger: Logger) async throws -> Int32 {
    var plan = RuntimeConfiguration()
    plan.shutdown.total = settings.gracefulTimeout
    let runtime = Runtime(plan, clock: SystemClock(), logger: logger)
    let storage = try await SQLiteStorage.open(settings.database, clock: runtime.clock)
    let objects = ObjectsComponent(storage, clock: runtime.clock)
    objects.store.register(Item.definition)
    try runtime.addObjects(objects)
    let client = Client(objects.access)

    let redis = settings.redis.map { RedisCache($0) }
    let cache = WriteBackCache(redis ?? MemoryCache(), client: client) { try await redis?.open() }
    try runtime.register(cache)
    try runtime.host("cache/writer", dependsOn: ["objects"]) { scope in
        try await cache.runWriter(scope, every: settings.flushInterval)
    }

    let broadcaster = Broadcaster()
    try runtime.host("broadcaster") { scope in await broadcaster.run(scope) }
    let webhooks = ChangeQueue(countMax: 10_000)
    try runtime.host("webhooks") { scope in
        await webhooks.run(scope) { try await post($0, to: settings.webhook) }
    }
    let ingestion = ChangeQueue(countMax: 10_000)
    let parts = WebServer.Parts(
        cache: cache, client: client, broadcaster: broadcaster, webhooks: webhooks, ingestion: ingestion)
    let web = WebServer(settings, runtime: runtime, parts)
    try runtime.host("ingestion", dependsOn: ["cache", "broadcaster", "webhooks"]) { scope in
        await ingestion.run(scope) { try await web.change($0) }
    }
    try runtime.register(web)

    try every(.seconds(5 * 60), "cleanup", in: runtime) { logger in
        let empty = try await client.list(Item.self, in: "default").items.filter { $0.spec.value.isEmpty }
        for item in empty { try await client.delete(Item.self, item.metadata.name) }
        logger.info("cleaned up", metadata: ["items": "\(empty.count)"])
    }
    try every(.seconds(15 * 60), "statistics", in: runtime) { logger in
        let count = try await client.list(Item.self, in: "default").items.count
        logger.info("statistics", metadata: ["items": "\(count)", "clients": "\(broadcaster.clientCount)"])
    }

    let report = try await runtime.run {
        print("ready http=\(settings.host):\(try web.boundPort)")
        fflush(nil)
    }
    for component in report.components where component.counts.started > 0 {
        logger.info(
            "\(component.name)",
            metadata: ["started": "\(component.counts.started)", "abandoned": "\(component.counts.abandoned)"])
    }
    logger.notice("ended with \(report.exitCode)")
    return report.exitCode
}

/// A task that runs at an interval, as a loop of its own.
func every(
    _ interval: Duration, _ name: String, in runtime: Runtime,
    _ body: @escaping @Sendable (Logger) async throws -> Void
) throws {
    try runtime.host(name, dependsOn: ["objects"]) { scope in
        while await scope.sleep(for: interval) {
            try await scope.gate.track("run") { try await body(scope.logger) }
        }
    }
}

/// Posts a change to the webhook.
func post(_ change: ItemChange, to url: String?) async throws {
    guard let url else { return }
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(Array(change.text.utf8))
    _ = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
}

var logger = Logger(label: "web-backend") { label in StreamLogHandler.standardError(label: label) }
do {
    exit(try await serve(try Settings(ProcessInfo.processInfo.environment), logger))
} catch let error as SettingError {
    FileHandle.standardError.write(Data("web-backend: \(error)\n".utf8))
    exit(ExitCode.badConfiguration)
} catch {
    FileHandle.standardError.write(Data("web-backend: \(error)\n".utf8))
    exit(ExitCode.failed)
}
