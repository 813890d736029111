internal import Logging
public import ServiceLifecycle
internal import Synchronization
internal import WorkTracking

extension Runtime {
    /// Hosts a service of swift-service-lifecycle; it starts with the runtime.
    ///
    /// At drain it is asked to shut down gracefully, at the drain's deadline it is cancelled. Throws
    /// `duplicateName`, and `wrongTime` after the start.
    public func host(
        _ service: any Service, as name: String, dependsOn dependencies: [String] = []
    ) throws(RuntimeError) {
        try register(HostedService(service, name: name, dependencies: dependencies))
    }
}

/// A foreign service as a component: its `run` is a loop, ended gracefully at drain.
///
/// It is alone in a group of its own without signals, so that nobody else's end cancels it, and it has
/// the runtime's deadlines. The group is asked to shut down only after `run` has begun: a group
/// that is asked before discards the run (swift-service-lifecycle #248).
public final class HostedService: Component {
    /// The name.
    public let name: String
    /// The components that it calls.
    public let dependencies: [String]
    private let service: any Service
    private let running = Mutex<(task: Task<Void, Never>?, group: ServiceGroup?, logger: Logger?)>((nil, nil, nil))

    /// The service as a component.
    public init(_ service: any Service, name: String, dependencies: [String] = []) {
        self.service = service
        self.name = name
        self.dependencies = dependencies
    }

    /// `drain` only: a service knows no other.
    public var verbs: ComponentVerbs { .drain }

    /// Starts the service's group; returns when its `run` has begun.
    public func start(_ context: ComponentContext) async throws {
        let begun = StopSignal()
        let announced = AnnouncedService(service: service, begun: begun)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: announced, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                ], logger: context.logger))
        let loop = try LoopBox(context.gate.startLoop())
        let task = Task {
            do {
                try await group.run()
            } catch is CancellationError {
                context.logger.debug("ended when it was cancelled")
            } catch {
                context.fail(error)
            }
            begun.raise()
            loop.end()
        }
        running.withLock { $0 = (task, group, context.logger) }
        await begun.wait()
    }

    /// Asks the service to shut down gracefully; the runtime waits for its loop.
    public func drain() async {
        await running.withLock { $0.group }?.triggerGracefulShutdown()
    }

    /// Logs that it stays as it is: a service runs once.
    public func resume() async {
        running.withLock { $0.logger }?.warning("a service that has shut down cannot begin again; restart the process")
    }

    /// Cancels the service.
    public func cancel() async {
        running.withLock { $0.task }?.cancel()
    }

    private struct AnnouncedService: Service {
        let service: any Service
        let begun: StopSignal

        func run() async throws {
            begun.raise()
            try await service.run()
        }
    }
}

/// The runtime inside of a service group: graceful shutdown and cancellation both begin the way down.
///
/// Give the group no shorter `maximumGracefulShutdownDuration` than `configuration.shutdown.worstCase`,
/// and the runtime no signals of its own (`configuration.signals = nil`).
extension Runtime: Service {
    /// Runs until the group shuts down. Throws `UncleanExit` where the exit code is not 0.
    @_disfavoredOverload
    public func run() async throws {
        let report = try await withGracefulShutdownHandler {
            try await run(ready: nil)
        } onGracefulShutdown: {
            self.beginShutdown()
        }
        guard report.exitCode != ExitCode.clean else { return }
        throw UncleanExit(report: report)
    }
}

/// The runtime went down, but not cleanly.
public struct UncleanExit: Error, CustomStringConvertible {
    /// How it went down.
    public var report: ExitReport

    /// One sentence.
    public var description: String {
        "the runtime ended with \(report.exitCode): \(report.verdict.rawValue)"
    }
}
