import Hummingbird
import HummingbirdCore
import Logging
public import NIOCore
public import ObjectStore
import Synchronization
public import WeirRuntime
import WorkTracking

/// The HTTP server of a node: health, metrics, work, drain and resume, and the node's objects.
///
/// Requests for health, metrics, work and drains are admitted by the gate `http/observe`, which drains only when the
/// process stops: they can be watched to the end. Those for objects are admitted by the gate `http`, which drains like
/// any caller's; a watch of objects is a session of it. Listens on `host` only; there is no authentication, so keep it on
/// loopback or behind something that has one.
public final class AdminServer: Component {
    /// Where it listens.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        /// The address or name to bind.
        public var host: String
        /// The port; 0 takes a free one.
        public var port: Int

        /// An address.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// `HOST:PORT`, an IPv6 address in brackets.
        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// The component's name.
    public static let componentName = "http"

    /// `http`.
    public var name: String { Self.componentName }
    /// One gate for what a drain may refuse, one for what watches it.
    public var work: WorkSettings { WorkSettings(observeGate: "observe") }
    /// `objects`, where it serves them.
    public var dependencies: [String] { objects.map { [$0.component] } ?? [] }
    /// A drain ends the watches of objects; `stop` ends everything else.
    public var verbs: ComponentVerbs { [.drain, .stop] }

    private let address: Address
    private let runtime: Runtime
    private let group: any EventLoopGroup
    private let limits: AdminLimits
    private let objects: Objects?
    private let watches = OpenWatches()
    private let probe = AdminProbe()
    private let running = Mutex<Running?>(nil)

    private struct Running {
        var task: Task<Void, Never>
        var channel: any Channel
        var streams: OpenStreams
        var address: Address
        var metrics: MetricRegistry.Registration
    }

    /// The objects that are served, and the component that they belong to.
    public struct Objects: Sendable {
        /// What answers.
        public var access: any ObjectAccess
        /// The component that `access` belongs to: started before the server, drained after it.
        public var component: String
        /// How the node is called in its objects of the kind `Component`.
        public var node: String

        /// Objects of a component.
        public init(_ access: any ObjectAccess, of component: String = "objects", node: String = "node") {
            self.access = access
            self.component = component
            self.node = node
        }
    }

    /// A server for `runtime`, not listening yet; without `objects` it has no object API.
    public init(
        _ address: Address, runtime: Runtime, group: any EventLoopGroup, objects: Objects? = nil,
        limits: AdminLimits = AdminLimits()
    ) {
        self.address = address
        self.runtime = runtime
        self.group = group
        self.objects = objects
        self.limits = limits
    }

    /// Where it listens, with the port that it got; nil before `start` and after `stop`.
    public var boundAddress: Address? { running.withLock { $0?.address } }

    /// Binds the port; returns when it listens.
    public func start(_ context: ComponentContext) async throws {
        guard let gate = context.observeGate else { preconditionFailure("its settings ask for a gate to observe") }
        let (bound, listening) = AsyncThrowingStream<any Channel, any Error>.makeStream()
        let streams = OpenStreams()
        let application = application(gate, streams, objectResponder(context.gate), context.logger) { channel in
            listening.yield(channel)
        }
        let task = Task {
            do {
                try await application.run()
                listening.finish()
            } catch {
                listening.finish(throwing: error)
            }
            // Not by `stop`: by itself.
            if self.boundAddress != nil { context.fail(AdminError(description: "the HTTP server ended by itself")) }
        }
        let channel: (any Channel)?
        do {
            channel = try await bound.first { _ in true }
        } catch {
            throw AdminError.cannotListen(address, "\(error)")
        }
        guard let channel else {
            // The start was cancelled.
            task.cancel()
            await task.value
            throw CancellationError()
        }
        let bindingAddress = Address(host: address.host, port: channel.localAddress?.port ?? address.port)
        running.withLock {
            $0 = Running(
                task: task, channel: channel, streams: streams, address: bindingAddress,
                metrics: runtime.metrics.add(probe))
        }
    }

    private func objectResponder(_ gate: Gate) -> ObjectResponder? {
        objects.map {
            ObjectResponder(
                objects: ShownComponents($0.access, runtime: runtime, node: $0.node), gate: gate, watches: watches,
                clock: runtime.clock)
        }
    }

    /// Ends the watches of objects: their clients watch again elsewhere, or after the restart.
    public func drain() async {
        watches.endAll()
    }

    private func application(
        _ gate: Gate, _ streams: OpenStreams, _ objects: ObjectResponder?, _ logger: Logger,
        onListening: @escaping @Sendable (any Channel) -> Void
    ) -> Application<AdminResponder> {
        var logger = logger
        // The library logs every connection that a stop cuts off as an error.
        logger.logLevel = .critical
        let server = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionNoter(self.probe.connections)],
                idleTimeout: TimeAmount(limits.idleMax)))
        return Application(
            responder: AdminResponder(
                runtime: runtime, gate: gate, probe: probe, streams: streams, objects: objects), server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: "weir",
                availableConnectionsDelegate: .maximum(limits.connectionCountMax, logger: logger)),
            onServerRunning: { channel in onListening(channel) },
            eventLoopGroupProvider: .shared(group), logger: logger)
    }

    /// Closes the port when every connection that was accepted has reached the library.
    ///
    /// One that is still on its way between two loops when the port closes would be dropped: so none is
    /// accepted any more, and the loops are given their turns first. A connection needs one on its own
    /// loop and one on the port's, for its registration and for its pipeline.
    private func close(_ port: any Channel) async {
        try? await port.setOption(.autoRead, value: false).get()
        for _ in 0..<3 {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
            try? await port.eventLoop.submit {}.get()
        }
        try? await port.close()
    }

    /// Closes the port and every connection; streams end with their last event.
    ///
    /// Answers on their way get `limits.stopGrace`; a client that does not read them is cut off then. The
    /// library's task is never cancelled: a connection that it accepted at that moment would be dropped
    /// without being closed, which NIO takes for a broken invariant and ends the process.
    public func stop() async throws {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        runtime.metrics.remove(stopped.metrics)
        stopped.streams.endAll()
        await close(stopped.channel)
        probe.connections.quiesceAll()
        let cut = Task { [probe, limits, clock = runtime.clock] in
            // Again and again: one that was being accepted may come late.
            while true {
                try await clock.sleep(for: limits.stopGrace)
                probe.connections.closeAll()
            }
        }
        await stopped.task.value
        cut.cancel()
    }
}

/// Why the server does not serve.
public struct AdminError: Error, Hashable, CustomStringConvertible {
    /// One sentence that says what to do.
    public var description: String

    static func cannotListen(_ address: AdminServer.Address, _ reason: String) -> AdminError {
        let isInUse = reason.contains("EADDRINUSE") || reason.contains("errno: 98")
        let why = isInUse ? "the port is in use" : reason
        return AdminError(
            description: "cannot listen for HTTP on \(address): \(why); "
                + "choose another with --http-port, or 0 for a free one")
    }
}
