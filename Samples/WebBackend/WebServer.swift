import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ObjectStore
import Synchronization
import WeirRuntime
import WorkTracking

/// The component `web`: items over HTTP, changes over WebSocket, on one port.
///
/// A request that uses items is an operation, and so is a text that a WebSocket client sends. From the drain on they
/// are refused; health and work are answered to the end, so the port stays open until `stop`.
final class WebServer: Component {
    let name = "web"
    let dependencies = ["cache", "sockets", "broadcaster", "webhooks", "ingestion"]
    private let settings: Settings
    private let runtime: Runtime
    private let parts: Parts
    private let gate = Holder<Gate>()
    private let connections = OpenConnections()
    private let running = Mutex<(task: Task<Void, Never>, port: any Channel)?>(nil)

    /// What requests are answered with.
    struct Parts: Sendable {
        let cache: WriteBackCache
        let client: Client
        let sockets: WebSockets
        let broadcasts: ChangeQueue
        let webhooks: ChangeQueue
        let ingestion: ChangeQueue
    }

    private static let group = MultiThreadedEventLoopGroup.singleton
    private static let valueBytesMax = 64 << 10
    private static let requestsMax = 1_000
    /// How long answers on their way may take when the server stops.
    private static let stopGrace = Duration.milliseconds(250)

    init(_ settings: Settings, runtime: Runtime, _ parts: Parts) {
        self.settings = settings
        self.runtime = runtime
        self.parts = parts
    }

    var work: WorkSettings {
        WorkSettings(gate: GateOptions(maxConcurrent: Self.requestsMax, slowOperations: .listed))
    }
    var verbs: ComponentVerbs { .stop }

    /// The port that it got; nil before the start.
    var boundPort: Int? { running.withLock { $0?.port.localAddress?.port } }

    func start(_ context: ComponentContext) async throws {
        gate.set(context.gate)
        let (bound, listening) = AsyncThrowingStream<any Channel, any Error>.makeStream()
        let application = application(context) { listening.yield($0) }
        let task = Task {
            do {
                try await application.run()
                listening.finish()
            } catch {
                listening.finish(throwing: error)
            }
            // Not by `stop`: by itself.
            if self.boundPort != nil { context.fail(ServerError("the HTTP server ended by itself")) }
        }
        let port: (any Channel)?
        do {
            port = try await bound.first { _ in true }
        } catch {
            throw ServerError.cannotListen(settings, error)
        }
        guard let port else {
            // The start was cancelled.
            task.cancel()
            await task.value
            throw CancellationError()
        }
        running.withLock { $0 = (task, port) }
    }

    /// Closes the port, then the connections: idle ones at once, others after the answer that is on its way.
    ///
    /// The library's task is not cancelled: a connection that it accepts at that moment would be dropped without being
    /// closed, which NIO takes for a broken invariant.
    func stop() async throws {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        await close(stopped.port)
        connections.quiesceAll()
        let cut = Task { [connections, clock = runtime.clock] in
            // Again and again: one that was being accepted may come late.
            while true {
                try await clock.sleep(for: Self.stopGrace)
                connections.closeAll()
            }
        }
        await stopped.task.value
        cut.cancel()
    }

    /// Closes the port when every connection that was accepted has reached the library.
    ///
    /// Each needs a turn of its own loop and one of the port's, for its registration and for its pipeline.
    private func close(_ port: any Channel) async {
        try? await port.setOption(.autoRead, value: false).get()
        for _ in 0..<3 {
            for loop in Self.group.makeIterator() { try? await loop.submit {}.get() }
            try? await port.eventLoop.submit {}.get()
        }
        try? await port.close()
    }

    private func application(
        _ context: ComponentContext, _ onListening: @escaping @Sendable (any Channel) -> Void
    ) -> some ApplicationProtocol {
        var logger = context.logger
        // The library logs every connection that a stop cuts off as an error.
        logger.logLevel = .critical
        let server = HTTPServerBuilder { [self, gate = context.gate] responder in
            WebSocketChannel(responder: responder, connections: connections, isAccepting: { !gate.isClosed }) {
                frames in try await self.parts.sockets.serve(frames) { try await self.received($0) }
            }
        }
        return Application(
            router: router(), server: server,
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port)),
            onServerRunning: { onListening($0) },
            eventLoopGroupProvider: .shared(Self.group), logger: logger)
    }

    // MARK: HTTP

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        addObservation(to: router)
        router.get("/items") { [self] _, _ in
            try await answer("list") {
                let items = try await parts.client.list(Item.self, in: "default").items
                return JSONValue.array(
                    items.map { ["key": .string($0.metadata.name), "value": .string($0.spec.value)] }
                ).text
            }
        }
        router.get("/items/:key") { [self] _, context in
            let key = try context.parameters.require("key")
            return try await answer("get") { try await parts.cache.get(key) }
        }
        router.put("/items/:key") { [self] request, context in
            let change = ItemChange(key: try context.parameters.require("key"), value: try await value(of: request))
            return try await answer("put") {
                try await make(change)
                return ""
            }
        }
        router.delete("/items/:key") { [self] _, context in
            let change = ItemChange(key: try context.parameters.require("key"), value: nil)
            return try await answer("delete") {
                try await make(change)
                return ""
            }
        }
        // Takes a change without waiting for it: the ingestion task makes it.
        router.post("/ingest/:key") { [self] request, context in
            let change = ItemChange(key: try context.parameters.require("key"), value: try await value(of: request))
            return try await answer("ingest", status: .accepted) {
                try Item.check(key: change.key)
                guard parts.ingestion.add(change) else { throw ObjectError(.unavailable, "too many changes wait") }
                return ""
            }
        }
        // Here come those who do not ask for an upgrade, or not with a connection's first request, or too late.
        router.get("/ws") { [self] _, _ in
            try await answer("upgrade", status: .upgradeRequired) { "ask for a WebSocket, on a new connection\n" }
        }
        return router
    }

    /// What is answered to the end, and counted by nobody.
    private func addObservation(to router: Router<BasicRequestContext>) {
        router.get("/health/live") { _, _ in "ok\n" }
        router.get("/health/ready") { [runtime] _, _ in
            let state = runtime.snapshot().state
            return Self.response(state == .running ? .ok : .serviceUnavailable, "\(state.rawValue)\n")
        }
        router.get("/work") { [runtime] _, _ in Self.response(.ok, runtime.snapshot().json.text + "\n") }
    }

    private func value(of request: Request) async throws -> String {
        let body = try await request.body.collect(upTo: Self.valueBytesMax)
        guard let value = String(validating: body.readableBytesView, as: UTF8.self) else {
            throw HTTPError(.badRequest, message: "a value is a text in UTF-8")
        }
        return value
    }

    /// Runs one request as one operation; from the drain on, new ones are refused with 503.
    private func answer(
        _ name: StaticString, status: HTTPResponse.Status = .ok, _ body: () async throws -> String?
    ) async throws -> Response {
        do {
            guard let text = try await gate.get().track(name, body) else { return Self.response(.notFound, "") }
            return Self.response(status, text)
        } catch let refusal as WorkRejected {
            return Self.response(.serviceUnavailable, "\(refusal)\n", [.retryAfter: "1", .connection: "close"])
        } catch let error as ObjectError {
            return Self.response(HTTPResponse.Status(code: error.reason.httpStatus), error.message + "\n")
        } catch let error as RedisError {
            return Self.response(.serviceUnavailable, "\(error)\n", [.retryAfter: "1"])
        }
    }

    private static func response(
        _ status: HTTPResponse.Status, _ text: String, _ headers: HTTPFields = [:]
    ) -> Response {
        Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    // MARK: Changes

    /// Changes an item, and has everybody told who wants to know.
    func make(_ change: ItemChange) async throws {
        try Item.check(key: change.key)
        try await parts.cache.put(change)
        parts.broadcasts.add(change)
        if settings.webhook != nil { parts.webhooks.add(change) }
    }

    /// A text of a WebSocket client: `KEY=VALUE`.
    private func received(_ text: String) async throws {
        let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 2 else { throw ObjectError(.badRequest, "say KEY=VALUE") }
        guard words[1].utf8.count <= Self.valueBytesMax else { throw ObjectError(.badRequest, "the value is too long") }
        try await gate.get().track("message") { try await make(ItemChange(key: words[0], value: words[1])) }
    }
}

/// Why the server does not serve.
struct ServerError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }

    static func cannotListen(_ settings: Settings, _ error: any Error) -> ServerError {
        let isInUse = (error as? IOError)?.errnoCode == EADDRINUSE
        let why = isInUse ? "the port is in use" : "\(error)"
        return ServerError("cannot listen on \(settings.host):\(settings.port): \(why); set HOST and PORT")
    }
}
