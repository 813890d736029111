import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOWebSocket
import ObjectStore
import Synchronization
import WeirRuntime
import WorkTracking

/// The component `web`: items over HTTP, changes over WebSocket, on one port.
///
/// A request and a WebSocket message are operations; a WebSocket connection is a session. When the drain begins,
/// clients are told, have a moment, and are closed with 1001 (RFC 6455: going away).
final class WebServer: Component {
    let name = "web"
    let dependencies = ["cache", "broadcaster", "webhooks", "ingestion"]
    private let settings: Settings
    private let runtime: Runtime
    private let parts: Parts
    private let gate = Holder<Gate>()
    private let running = Mutex<Task<Void, Never>?>(nil)
    private let port = Holder<Int>()

    /// What requests are answered with.
    struct Parts: Sendable {
        let cache: WriteBackCache
        let client: Client
        let broadcaster: Broadcaster
        let webhooks: ChangeQueue
        let ingestion: ChangeQueue
    }

    init(_ settings: Settings, runtime: Runtime, _ parts: Parts) {
        self.settings = settings
        self.runtime = runtime
        self.parts = parts
    }

    var work: WorkSettings { WorkSettings(sessionGrace: settings.goodbyeGrace * 2 + .seconds(1)) }
    var verbs: ComponentVerbs { [.drain, .stop] }
    var boundPort: Int { get throws { try port.get() } }

    func start(_ context: ComponentContext) async throws {
        gate.set(context.gate)
        let (bound, listening) = AsyncStream<Int>.makeStream()
        let application = application(context.logger) { listening.yield($0) }
        let task = Task {
            do {
                try await application.run()
            } catch {
                context.fail(error)
            }
            listening.finish()
        }
        running.withLock { $0 = task }
        guard let number = await bound.first(where: { _ in true }) else {
            throw SettingError("cannot listen on \(settings.host):\(settings.port); is the port in use?")
        }
        port.set(number)
    }

    /// Requests that come now are refused; clients on WebSockets are told and sent away.
    func drain() async { parts.broadcaster.sayGoodbye("the server is going down; connect again") }

    func stop() async throws {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private func application(
        _ logger: Logger, _ onListening: @escaping @Sendable (Int) -> Void
    ) -> some ApplicationProtocol {
        var logger = logger
        logger.logLevel = .critical
        let server = HTTPServerBuilder { [self] responder in
            WebSocketChannel(responder: responder) { frames in try await self.converse(frames) }
        }
        return Application(
            router: router(), server: server,
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port)),
            onServerRunning: { onListening($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), logger: logger)
    }

    // MARK: HTTP

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/health/live") { _, _ in "ok\n" }
        router.get("/health/ready") { [runtime] _, _ in
            let isReady = runtime.snapshot().state == .running
            return Response(
                status: isReady ? .ok : .serviceUnavailable,
                body: ResponseBody(byteBuffer: ByteBuffer(string: isReady ? "ready\n" : "draining\n")))
        }
        router.get("/items") { [self] _, _ in
            try await answer("list") { () async throws -> String? in
                let items = try await parts.client.list(Item.self, in: "default").items
                return JSONValue.array(
                    items.map { ["key": .string($0.metadata.name), "value": .string($0.spec.value)] }
                )
                .text
            }
        }
        router.get("/items/:key") { [self] _, context in
            let key = try context.parameters.require("key")
            return try await answer("get") { () async throws -> String? in try await parts.cache.get(key) }
        }
        router.put("/items/:key") { [self] request, context in
            let key = try context.parameters.require("key")
            let value = String(buffer: try await request.body.collect(upTo: 64 << 10))
            return try await answer("put") { () async throws -> String? in
                try await change(ItemChange(key: key, value: value))
                return ""
            }
        }
        router.delete("/items/:key") { [self] _, context in
            let key = try context.parameters.require("key")
            return try await answer("delete") { () async throws -> String? in
                try await change(ItemChange(key: key, value: nil))
                return ""
            }
        }
        // Takes a change without waiting for it: the ingestion task makes it.
        router.post("/ingest/:key") { [self] request, context in
            let key = try context.parameters.require("key")
            let value = String(buffer: try await request.body.collect(upTo: 64 << 10))
            let isTaken = parts.ingestion.add(ItemChange(key: key, value: value))
            return Response(status: isTaken ? .accepted : .serviceUnavailable)
        }
        return router
    }

    /// Runs one request as one operation; while the drain goes on, new ones are refused with 503.
    private func answer(_ name: StaticString, _ body: () async throws -> String?) async throws -> Response {
        do {
            guard let text = try await gate.get().track(name, body) else { return Response(status: .notFound) }
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        } catch is WorkRejected {
            return Response(status: .serviceUnavailable, headers: [.retryAfter: "1", .connection: "close"])
        } catch let error as ObjectError {
            return Response(
                status: HTTPResponse.Status(code: error.reason.httpStatus),
                body: ResponseBody(byteBuffer: ByteBuffer(string: error.message + "\n")))
        }
    }

    /// Changes an item, and tells everybody who wants to know.
    func change(_ change: ItemChange) async throws {
        let problems = ItemRules.problems(change.key)
        guard problems.isEmpty else { throw ObjectError(.badRequest, problems) }
        try await parts.cache.put(change)
        parts.broadcaster.tell(change)
        _ = parts.webhooks.add(change)
    }

    // MARK: WebSocket

    /// Serves a WebSocket: changes go out, texts `KEY=VALUE` come in.
    private func converse(_ frames: WebSocketChannel.Frames) async throws {
        let session = try gate.get().openSession()
        let messages = parts.broadcaster.join()
        try await frames.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [settings, runtime] in
                    for await message in messages {
                        switch message {
                        case .text(let text): try await outbound.write(.text(text))
                        case .goodbye(let text):
                            try await outbound.write(.text(text))
                            try await runtime.clock.sleep(for: settings.goodbyeGrace)
                            try await outbound.write(.close(.goingAway))
                            return
                        }
                    }
                }
                group.addTask { [self] in
                    for try await frame in inbound {
                        switch frame.opcode {
                        case .text: try await received(String(buffer: frame.unmaskedData), outbound)
                        case .ping:
                            try await outbound.write(
                                WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
                        case .connectionClose:
                            try? await outbound.write(.close(.normalClosure))
                            return
                        default: break
                        }
                    }
                }
                // Whoever ends first ends the conversation: the client went, or was sent away.
                try await group.next()
                group.cancelAll()
            }
        }
        session.close()
    }

    private func received(_ text: String, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>) async throws {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        do {
            guard parts.count == 2 else { throw ObjectError(.badRequest, "say KEY=VALUE") }
            try await gate.get().track("message") { try await change(ItemChange(key: parts[0], value: parts[1])) }
        } catch {
            let answer: JSONValue = ["type": "error", "message": .string("\(error)")]
            try await outbound.write(.text(answer.text))
        }
    }
}

/// What keys may look like.
enum ItemRules {
    /// What is wrong with a key; empty where nothing is.
    static func problems(_ key: String) -> String {
        let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        let isGood =
            !key.isEmpty && key.count <= 253 && key.allSatisfy(letters.contains)
            && key.first?.isLetter != nil && !"-.".contains(key.first ?? "-") && !"-.".contains(key.last ?? "-")
        return isGood
            ? "" : "the key '\(key)' must be small letters, digits, '-' and '.', with one of the former at its ends"
    }
}

extension WebSocketFrame {
    fileprivate static func text(_ text: String) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text))
    }

    fileprivate static func close(_ code: WebSocketErrorCode) -> WebSocketFrame {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    }
}
