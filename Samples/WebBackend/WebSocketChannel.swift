import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// HTTP and WebSocket on one port: a request to `/ws` that asks for it is upgraded, all others are answered.
///
/// Only the first request of a connection can be upgraded (swift-nio #680).
struct WebSocketChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// What a connection became.
    enum Kind: Sendable {
        case webSocket(Frames)
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
    }

    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let kind: EventLoopFuture<Kind>
    }

    private static let frameSizeBytesMax = 1 << 20

    let responder: HTTPChannelHandler.Responder
    let connections: OpenConnections
    /// Whether a connection may become a WebSocket now.
    let isAccepting: @Sendable () -> Bool
    /// Serves a WebSocket to its end.
    let serve: @Sendable (Frames) async throws -> Void

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            connections.add(channel)
            let upgrader = NIOTypedWebSocketServerUpgrader<Kind>(
                maxFrameSize: Self.frameSizeBytesMax,
                // `ForeignUpgrades` has decided already.
                shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
                upgradePipelineHandler: { channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOWebSocketFrameAggregator(
                                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 64,
                                maxAccumulatedFrameSize: Self.frameSizeBytesMax))
                        return .webSocket(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
                    }
                })
            let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Kind>(
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
                        return .http(
                            try NIOAsyncChannel(
                                wrappingChannelSynchronously: channel,
                                configuration: .init(isOutboundHalfClosureEnabled: true)))
                    }
                })
            let pipeline = channel.pipeline.syncOperations
            let kind = try pipeline.configureUpgradableHTTPServerPipeline(
                configuration: .init(upgradeConfiguration: upgrade))
            let handler = try pipeline.handler(type: NIOTypedHTTPServerUpgradeHandler<Kind>.self)
            try pipeline.addHandler(ForeignUpgrades(isAccepting), position: .before(handler))
            return Value(channel: channel, kind: kind)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.kind.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket(let channel): try await serve(channel)
            }
        } catch {
            logger.debug("a connection ended: \(error)")
        }
    }

    static func isWebSocket(_ head: HTTPRequestHead) -> Bool {
        head.method == .GET && head.uri.split(separator: "?").first == "/ws"
            && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    }
}

/// Takes the `Upgrade` header off requests that will not be upgraded: the typed upgrade handler would lose their head
/// (swift-nio #2632).
private final class ForeignUpgrades: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    private let isAccepting: @Sendable () -> Bool
    /// After an accepted upgrade the bytes are no HTTP any more.
    private var isUpgrading = false

    init(_ isAccepting: @escaping @Sendable () -> Bool) { self.isAccepting = isAccepting }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isUpgrading, case .head(var head) = unwrapInboundIn(data), head.headers.contains(name: "upgrade") {
            guard WebSocketChannel.isWebSocket(head), isAccepting() else {
                head.headers.remove(name: "upgrade")
                return context.fireChannelRead(wrapInboundOut(.head(head)))
            }
            isUpgrading = true
        }
        context.fireChannelRead(data)
    }
}
