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
///
/// Who is named in `dependsOn` starts before, and drains after: requests end first, then background tasks, then
/// WebSockets are closed, the cache is written to the database, and the database is closed.
func serve(_ settings: Settings, _ logger: Logger) async throws -> Int32 {
    var configuration = RuntimeConfiguration()
    configuration.shutdown = settings.shutdown
    let runtime = Runtime(configuration, clock: SystemClock(), logger: logger)
    let redis = settings.redis.map { RedisCache($0) }
    try await redis?.open()
    let storage = try await SQLiteStorage.open(settings.database, clock: runtime.clock)
    let objects = ObjectsComponent(storage, clock: runtime.clock)
    objects.store.register(Item.definition)
    try runtime.addObjects(objects)
    let client = Client(objects.access)

    let cache = WriteBackCache(redis ?? MemoryCache(), client: client)
    try runtime.register(cache)
    try runtime.host("cache/writer", dependsOn: ["objects"]) { scope in
        try await cache.runWriter(scope, every: settings.flushInterval)
    }
    let sockets = WebSockets(goodbyeGrace: settings.goodbyeGrace)
    try runtime.register(sockets)

    let queues = try hostQueues(settings, in: runtime, sockets)
    let web = WebServer(
        settings, runtime: runtime,
        WebServer.Parts(
            cache: cache, client: client, sockets: sockets, broadcasts: queues.broadcasts, webhooks: queues.webhooks,
            ingestion: queues.ingestion))
    try runtime.host(
        "ingestion", dependsOn: ["cache", "broadcaster", "webhooks"], drain: settings.backgroundDrain
    ) { scope in
        await queues.ingestion.run(scope) { try await web.make($0) }
    }
    try runtime.register(web)
    try hostPeriodicTasks(settings, in: runtime, client, sockets)

    let report = try await runtime.run {
        print("ready http=\(settings.host):\(web.boundPort ?? 0)")
        fflush(nil)
    }
    summarize(report, logger)
    return report.exitCode
}

/// The tasks that work through queues. They depend on `sockets` so that its clients are told of the end when the last
/// of these has ended.
func hostQueues(
    _ settings: Settings, in runtime: Runtime, _ sockets: WebSockets
) throws -> (broadcasts: ChangeQueue, webhooks: ChangeQueue, ingestion: ChangeQueue) {
    let broadcasts = ChangeQueue(countMax: 10_000)
    try runtime.host("broadcaster", dependsOn: ["sockets"], drain: settings.backgroundDrain) { scope in
        await broadcasts.run(scope) { sockets.send($0.text) }
    }
    let webhooks = ChangeQueue(countMax: 10_000)
    try runtime.host("webhooks", dependsOn: ["sockets"], drain: settings.backgroundDrain) { scope in
        await webhooks.run(scope) { change in
            guard let url = settings.webhook else { return }
            try await scope.gate.track("post") { try await post(change, to: url) }
        }
    }
    return (broadcasts, webhooks, ChangeQueue(countMax: 10_000))
}

/// The tasks that run at an interval.
func hostPeriodicTasks(
    _ settings: Settings, in runtime: Runtime, _ client: Client, _ sockets: WebSockets
) throws {
    try every(.seconds(5 * 60), "cleanup", settings, in: runtime) { logger in
        let empty = try await client.list(Item.self, in: "default").items.filter { $0.spec.value.isEmpty }
        for item in empty {
            // Only as it was listed: it may have got a value meanwhile.
            let asListed = Preconditions(resourceVersion: item.metadata.resourceVersion)
            try await client.delete(Item.self, item.metadata.name, DeleteOptions(preconditions: asListed))
        }
        logger.info("cleaned up", metadata: ["items": "\(empty.count)"])
    }
    try every(.seconds(15 * 60), "statistics", settings, in: runtime) { logger in
        let count = try await client.list(Item.self, in: "default").items.count
        logger.info("statistics", metadata: ["items": "\(count)", "clients": "\(sockets.clientCount)"])
    }
}

/// A task that runs at an interval, as a loop of its own; a run that fails is logged, and tried again.
func every(
    _ interval: Duration, _ name: String, _ settings: Settings, in runtime: Runtime,
    _ body: @escaping @Sendable (Logger) async throws -> Void
) throws {
    try runtime.host(name, dependsOn: ["objects", "sockets"], drain: settings.backgroundDrain) { scope in
        while await scope.sleep(for: interval) {
            do {
                try await scope.gate.track("run") { try await body(scope.logger) }
            } catch {
                scope.logger.warning("the run failed: \(error)")
            }
        }
    }
}

/// Says how it ended: what each component did, and what was left behind.
func summarize(_ report: ExitReport, _ logger: Logger) {
    for component in report.components where component.counts.started > 0 {
        logger.info(
            "\(component.name)",
            metadata: [
                "started": "\(component.counts.started)", "failed": "\(component.counts.failed)",
                "abandoned": "\(component.counts.abandoned)",
            ])
    }
    logger.notice(
        "summary: \(report.verdict.rawValue)",
        metadata: ["exitCode": "\(report.exitCode)", "duration": "\(report.duration)"])
}

/// Posts a change to the webhook; five seconds are its deadline.
func post(_ change: ItemChange, to url: String) async throws {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(Array(change.text.utf8))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
    // Read to its end, the connection serves the next change too.
    for try await _ in response.body {}
    guard (200..<300).contains(response.status.code) else {
        throw ServerError("the webhook answers \(response.status)")
    }
}

let logger = Logger(label: "web-backend") { label in StreamLogHandler.standardError(label: label) }
do {
    exit(try await serve(try Settings(ProcessInfo.processInfo.environment), logger))
} catch {
    FileHandle.standardError.write(Data("web-backend: \(error)\n".utf8))
    exit(error is SettingError ? ExitCode.badConfiguration : ExitCode.failed)
}
