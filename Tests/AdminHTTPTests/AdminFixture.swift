import Logging
import NIOCore
import NIOPosix
import ObjectStore
import Synchronization
import Testing
import WeirRuntime
import WorkTracking

@testable import AdminHTTP

/// A component that does nothing but what a test has it do.
final class TestComponent: Component {
    let name: String
    private let context = Mutex<ComponentContext?>(nil)

    init(_ name: String) {
        self.name = name
    }

    func start(_ context: ComponentContext) async throws {
        self.context.withLock { $0 = context }
    }

    var gate: Gate {
        get throws { try #require(context.withLock { $0 }).gate }
    }

    func fail() throws {
        try #require(context.withLock { $0 }).fail(Failure())
    }

    private struct Failure: Error {}
}

/// A runtime with an HTTP server on a free port, and some components.
struct AdminFixture {
    let runtime: Runtime
    let port: Int

    /// Runs `body` against a started node; afterwards everything is down.
    static func with(
        _ components: [any Component] = [], limits: AdminLimits = AdminLimits(), objects: ObjectsComponent? = nil,
        _ body: (AdminFixture) async throws -> Void
    ) async throws {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        configuration.endProcess = { _ in }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let runtime = Runtime(configuration, logger: logger)
        if let objects { try runtime.addObjects(objects) }
        let server = AdminServer(
            AdminServer.Address(host: "127.0.0.1", port: 0), runtime: runtime,
            group: MultiThreadedEventLoopGroup.singleton, objects: objects.map { AdminServer.Objects($0.access) },
            limits: limits)
        try runtime.register(server)
        for component in components { try runtime.register(component) }
        try await runtime.start()
        let port = try #require(server.boundAddress).port
        do {
            try await body(AdminFixture(runtime: runtime, port: port))
        } catch {
            _ = await runtime.shutdown()
            throw error
        }
        _ = await runtime.shutdown()
    }

    /// As `with`, with objects in memory.
    static func withObjects(_ body: (AdminFixture) async throws -> Void) async throws {
        try await with(objects: ObjectsComponent(MemoryStorage()), body)
    }

    /// An answer.
    struct Answer {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    /// Asks on a connection of its own, and reads until the server closes it.
    func ask(_ method: String, _ path: String, body: String = "", headers: [String] = []) async throws -> Answer {
        let connection = try await RawConnection.open(port)
        let lines = ["\(method) \(path) HTTP/1.1", "Host: t", "Connection: close"] + headers
        let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
        try await connection.send((lines + length).map { $0 + "\r\n" }.joined() + "\r\n" + body)
        var text = ""
        for await chunk in connection.received { text += chunk }
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let received = parts[0].split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in received.dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            headers[field[0].lowercased()] = field[1].drop { $0 == " " }.description
        }
        let status = try #require(Int(received.first?.split(separator: " ").dropFirst().first ?? ""))
        return Answer(status: status, headers: headers, body: parts.count > 1 ? String(parts[1]) : "")
    }
}

/// A TCP connection that shows what arrives, as it arrives.
struct RawConnection {
    let channel: any Channel
    /// Ends when the other side closes.
    let received: AsyncStream<String>

    static func open(_ port: Int, reading: Bool = true) async throws -> RawConnection {
        let (received, arrival) = AsyncStream<String>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reading)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(arrival))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawConnection(channel: channel, received: received)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let arrival: AsyncStream<String>.Continuation

        init(_ arrival: AsyncStream<String>.Continuation) {
            self.arrival = arrival
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            arrival.yield(String(buffer: unwrapInboundIn(data)))
        }

        func channelInactive(context: ChannelHandlerContext) {
            arrival.finish()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
