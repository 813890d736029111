import Hummingbird
import Logging
public import NIOCore
import Synchronization
public import WeirRuntime
import WorkTracking

/// The HTTP server of a node: health, metrics, work, drain and resume.
///
/// Every request is admitted by the gate `http/observe`, which drains only when the process stops: health and
/// work can be watched to the end. Listens on `host` only; there is no authentication, so keep it on
/// loopback or behind something that has one.
public final class AdminServer: Component {
    /// Where it listens.
    public struct Address: Sendable, Hashable {
        /// The address or name to bind.
        public var host: String
        /// The port; 0 takes a free one.
        public var port: Int

        /// An address.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// The component's name.
    public static let componentName = "http"

    /// `http`.
    public var name: String { Self.componentName }
    /// One gate for what a drain may refuse, one for what watches it.
    public var work: WorkSettings { WorkSettings(observeGate: "observe") }
    /// Only `stop` does anything: watching goes on to the end.
    public var verbs: ComponentVerbs { [.stop] }

    private let address: Address
    private let runtime: Runtime
    private let group: any EventLoopGroup
    private let probe = AdminProbe()
    private let running = Mutex<Running?>(nil)

    private struct Running {
        var task: Task<Void, Never>
        var address: Address
    }

    /// A server for `runtime`, not listening yet.
    public init(_ address: Address, runtime: Runtime, group: any EventLoopGroup) {
        self.address = address
        self.runtime = runtime
        self.group = group
    }

    /// Where it listens, with the port that it got; nil before `start` and after `stop`.
    public var boundAddress: Address? { running.withLock { $0?.address } }

    /// Binds the port; returns when it listens.
    public func start(_ context: ComponentContext) async throws {
        guard let gate = context.observeGate else { preconditionFailure("its settings ask for a gate to observe") }
        let router = AdminRoutes(runtime: runtime, gate: gate, probe: probe).router()
        let (bound, listening) = AsyncThrowingStream<Int, any Error>.makeStream()
        var logger = context.logger
        // The library logs every connection that a stop cuts off as an error.
        logger.logLevel = .critical
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: "weir"),
            onServerRunning: { channel in listening.yield(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group), logger: logger)
        let task = Task {
            do {
                try await application.run()
                listening.finish()
            } catch {
                listening.finish(throwing: error)
                if !Task.isCancelled, self.boundAddress != nil { context.fail(error) }
            }
        }
        let port: Int?
        do {
            port = try await bound.first { _ in true }
        } catch {
            throw AdminError.cannotListen(address, "\(error)")
        }
        guard let port else { throw AdminError.cannotListen(address, "it was stopped") }
        running.withLock { $0 = Running(task: task, address: Address(host: address.host, port: port)) }
        runtime.metrics.add(probe)
    }

    /// Closes the port and every connection; streams end.
    public func stop() async throws {
        let task = running.withLock { running in
            defer { running = nil }
            return running?.task
        }
        task?.cancel()
        await task?.value
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
            description: "cannot listen for HTTP on \(address.host):\(address.port): \(why); "
                + "choose another with --http-port, or 0 for a free one")
    }
}
