import Logging
public import NIOCore
import NIOPosix
public import WeirRuntime

/// The sockets that clients connect to.
final class Listeners: Sendable {
    private let channels: [any Channel]
    /// Where clients find each listener, by the listener's name.
    let endpoints: [(name: String, endpoint: BrokerEndpoint)]

    private init(channels: [any Channel], endpoints: [(name: String, endpoint: BrokerEndpoint)]) {
        self.channels = channels
        self.endpoints = endpoints
    }

    /// Opens every listener of the settings; none stays open where one cannot be.
    static func open(
        _ settings: BrokerSettings, on loops: ConnectionLoops,
        makeHandler: @escaping @Sendable (any Loop, BrokerEndpoint) -> ConnectionHandler
    ) async throws -> Listeners {
        var channels: [any Channel] = []
        var endpoints: [(String, BrokerEndpoint)] = []
        for listener in settings.listeners {
            let advertised = settings.advertisedListeners.first { $0.name == listener.name }
            do {
                let channel = try await bind(listener, advertised, settings, on: loops, makeHandler)
                channels.append(channel)
                let port = channel.localAddress?.port ?? Int(listener.port)
                endpoints.append((listener.name, endpoint(listener, advertised, port: port)))
            } catch {
                for channel in channels { try? await channel.close() }
                throw ListenerError(listener: listener, reason: "\(error)")
            }
        }
        return Listeners(channels: channels, endpoints: endpoints)
    }

    /// Closes the sockets; connections stay.
    func close() async {
        for channel in channels { try? await channel.close() }
    }

    private static func bind(
        _ listener: Listener, _ advertised: Listener?, _ settings: BrokerSettings, on loops: ConnectionLoops,
        _ makeHandler: @escaping @Sendable (any Loop, BrokerEndpoint) -> ConnectionHandler
    ) async throws -> any Channel {
        let backlog = CInt(clamping: settings.listenBacklog)
        return try await sized(ServerBootstrap(group: loops.group), settings.socketBuffers)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 262_144)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let port = channel.localAddress?.port ?? Int(listener.port)
                    var endpoint = endpoint(listener, advertised, port: port)
                    // Bound to all interfaces: the one that the client reached is one that it can reach.
                    if advertised == nil, listener.host.isEmpty, let address = channel.localAddress?.ipAddress {
                        endpoint.host = address
                    }
                    let handler = makeHandler(loops.loop(channel.eventLoop), endpoint)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: listener.host.isEmpty ? "0.0.0.0" : listener.host, port: Int(listener.port))
            .get()
    }

    /// Gives connections socket buffers of the sizes asked for.
    private static func sized(_ bootstrap: ServerBootstrap, _ sizes: SocketBuffers) -> ServerBootstrap {
        var bootstrap = bootstrap
        if let bytes = sizes.sendBytes {
            bootstrap = bootstrap.childChannelOption(.socketOption(.so_sndbuf), value: bytes)
        }
        if let bytes = sizes.receiveBytes {
            // Of the listening socket: its connections inherit it before the first handshake, which sets the window.
            bootstrap = bootstrap.serverChannelOption(.socketOption(.so_rcvbuf), value: bytes)
        }
        return bootstrap
    }

    private static func endpoint(_ listener: Listener, _ advertised: Listener?, port: Int) -> BrokerEndpoint {
        guard let advertised else {
            return BrokerEndpoint(host: listener.host.isEmpty ? "127.0.0.1" : listener.host, port: port)
        }
        return BrokerEndpoint(host: advertised.host, port: advertised.port == 0 ? port : Int(advertised.port))
    }
}

/// A listener that cannot be opened.
public struct ListenerError: Error, CustomStringConvertible {
    /// Which listener.
    public var listener: Listener
    /// Why.
    public var reason: String

    /// What, where, what to do.
    public var description: String {
        "cannot listen on \(listener): \(reason); is the port in use? Set kafka.listeners to another one"
    }
}

/// The loops of connections: NIO's, and as which `Loop` each of them is known.
public struct ConnectionLoops: Sendable {
    /// What bootstraps take.
    public var group: any EventLoopGroup
    /// The loop whose callbacks share an event loop's thread.
    public var loop: @Sendable (any EventLoop) -> any Loop

    /// The loops of `group`.
    public init(group: any EventLoopGroup, loop: @escaping @Sendable (any EventLoop) -> any Loop) {
        self.group = group
        self.loop = loop
    }
}
