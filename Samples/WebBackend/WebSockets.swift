import NIOCore
import NIOWebSocket
import ObjectStore
import Synchronization
import WeirRuntime
import WorkTracking

/// The component `sockets`: the WebSocket clients.
///
/// A connection is a session. When its drain begins, clients are sent `ServerShutdown`, have a moment, and are closed
/// with 1001 (RFC 6455: going away). Who does not take what is sent misses the oldest messages, and at the end is cut
/// off.
final class WebSockets: Component {
    let name = "sockets"
    /// What clients send ends there.
    let dependencies = ["cache"]
    private let goodbyeGrace: Duration
    private let context = Holder<ComponentContext>()
    private let state = Mutex(State())

    private struct State {
        var nextID = 0
        var clients: [Int: Client] = [:]
        /// What a client is told who comes when the others were told.
        var goodbye: Message?
    }

    /// What a client is sent.
    private enum Message: Sendable {
        case frame(WebSocketFrame)
        /// The last text: after it and the grace the connection is closed.
        case goodbye(WebSocketFrame)
    }

    private struct Client: Sendable {
        let channel: any Channel
        let feed: AsyncStream<Message>.Continuation
    }

    /// How one side of a conversation ended.
    private enum End: Sendable {
        case closeSent
        case closeReceived
        case gone
    }

    private static let waitingMessagesMax = 1_000
    /// How long a client may take to answer the close.
    private static let closeAnswerMax = Duration.seconds(1)

    init(goodbyeGrace: Duration) { self.goodbyeGrace = goodbyeGrace }

    var work: WorkSettings { WorkSettings(sessionGrace: goodbyeGrace + Self.closeAnswerMax * 2) }
    var verbs: ComponentVerbs { .drain }
    var clientCount: Int { state.withLock { $0.clients.count } }

    func start(_ context: ComponentContext) async throws { self.context.set(context) }

    /// Says goodbye to everybody; the runtime waits for the sessions.
    func drain() async {
        let text: JSONValue = ["type": "ServerShutdown", "message": "the server is going down; connect again"]
        let goodbye = Message.goodbye(.text(text.text))
        state.withLock { $0.goodbye = goodbye }
        send(goodbye)
    }

    func resume() async { state.withLock { $0.goodbye = nil } }

    /// Cuts off who outlasts the grace.
    func cancel() async {
        for client in state.withLock({ Array($0.clients.values) }) { client.channel.close(promise: nil) }
    }

    /// Sends a text to everybody.
    func send(_ text: String) { send(.frame(.text(text))) }

    private func send(_ message: Message) {
        for client in state.withLock({ Array($0.clients.values) }) { client.feed.yield(message) }
    }

    // MARK: One client

    /// Serves a client to its end; `receive` takes the texts that it sends.
    func serve(
        _ frames: WebSocketChannel.Frames, _ receive: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        let session = try context.get().gate.openSession()
        let (messages, feed) = AsyncStream.makeStream(
            of: Message.self, bufferingPolicy: .bufferingNewest(Self.waitingMessagesMax))
        let id = join(Client(channel: frames.channel, feed: feed))
        defer { _ = state.withLock { $0.clients.removeValue(forKey: id) } }
        try await frames.executeThenClose { inbound, outbound in
            let ends = await withTaskGroup(of: End.self) { group in
                group.addTask { await self.write(messages, to: outbound) }
                group.addTask { await self.read(inbound, feed, receive) }
                // Whoever ends first ends the conversation: the client went, or was sent away.
                var ends: Set<End> = []
                for await end in group {
                    ends.insert(end)
                    group.cancelAll()
                }
                return ends
            }
            if ends.contains(.closeReceived), !ends.contains(.closeSent) {
                try await outbound.write(.close(.normalClosure))
            }
        }
        session.close()
    }

    private func join(_ client: Client) -> Int {
        let (id, goodbye) = state.withLock { state in
            state.nextID += 1
            state.clients[state.nextID] = client
            return (state.nextID, state.goodbye)
        }
        let welcome: JSONValue = ["type": "connected"]
        client.feed.yield(.frame(.text(welcome.text)))
        if let goodbye { client.feed.yield(goodbye) }
        return id
    }

    /// The only one who writes to the client.
    private func write(
        _ messages: AsyncStream<Message>, to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async -> End {
        do {
            let clock = try context.get().clock
            for await message in messages {
                switch message {
                case .frame(let frame): try await outbound.write(frame)
                case .goodbye(let frame):
                    try await outbound.write(frame)
                    try await clock.sleep(for: goodbyeGrace)
                    try await outbound.write(.close(.goingAway))
                    // Closing now could throw away what the client has not read yet: it answers first.
                    try? await clock.sleep(for: Self.closeAnswerMax)
                    return .closeSent
                }
            }
        } catch {
            // The client is gone, or said goodbye itself.
        }
        return .gone
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, _ feed: AsyncStream<Message>.Continuation,
        _ receive: @escaping @Sendable (String) async throws -> Void
    ) async -> End {
        do {
            for try await frame in inbound {
                switch frame.opcode {
                case .text:
                    do {
                        try await receive(String(buffer: frame.unmaskedData))
                    } catch {
                        let answer: JSONValue = ["type": "error", "message": .string("\(error)")]
                        feed.yield(.frame(.text(answer.text)))
                    }
                case .ping:
                    feed.yield(.frame(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)))
                case .connectionClose: return .closeReceived
                default: break
                }
            }
        } catch {
            // The connection broke, or the frames make no sense.
        }
        return .gone
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
