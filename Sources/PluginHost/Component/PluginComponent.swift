internal import Logging
internal import ObjectStore
internal import Reconciling
internal import Synchronization
internal import WeirPluginABI
public import WeirRuntime
internal import WorkTracking

/// A plugin as a component, `plugin/<name>`: started, counted, drained and stopped like any other.
///
/// What it reconciles runs as reconcilers of their own, which depend on it and are therefore drained before it. Where it
/// misses a deadline it is given up: its threads are left alone, host functions answer no more, and the node goes on.
public final class PluginComponent: Component {
    /// The plugin's name.
    public let pluginName: String
    /// The library.
    public let library: PluginLibrary
    let settings: PluginSettings
    private let services: PluginServices
    private weak let runtime: Runtime?
    private let probe: PluginProbe
    private let running = Mutex<Running?>(nil)

    /// What is there between a start that went well and the stop.
    struct Running: Sendable {
        var context: ComponentContext
        var calls: HostCalls
        var life: LifeCalls
        var reconciler: PluginReconciler
        var instance: PluginInstance
        var reconcilers: [String] = []
        var metrics: MetricRegistry.Registration?
    }

    /// A plugin that was loaded, with what it is told and given.
    public init(
        _ library: PluginLibrary, _ settings: PluginSettings, services: PluginServices, runtime: Runtime
    ) throws(PluginError) {
        pluginName = settings.name ?? library.manifest.name
        self.library = library
        self.settings = settings
        self.services = services
        self.runtime = runtime
        probe = PluginProbe(name: pluginName, version: library.manifest.version)
        guard PluginManifest.isName(pluginName) else {
            throw PluginError(
                .invalidManifest, "'\(pluginName)' is no name for a plugin; use letters, digits, - and _, at most 63")
        }
        guard !library.manifest.needsRecords || services.records != nil else {
            throw PluginError(
                .missingService, "plugin \(pluginName) needs records, but this node has none: it runs without a broker")
        }
    }

    /// `plugin/<name>`.
    public var name: String { "plugin/\(pluginName)" }

    /// What stands behind the objects and records that it needs.
    public var dependencies: [String] {
        (library.manifest.needsObjects ? [services.objectsComponent] : [])
            + (library.manifest.needsRecords ? [services.recordsComponent] : [])
    }

    /// Lists what runs in it.
    public var work: WorkSettings { WorkSettings(gate: GateOptions(slowOperations: .listed)) }

    /// The plugin's own deadlines; admitted work may take what the node grants everybody.
    public func deadlines(for stage: Stage) -> Deadlines? {
        switch stage {
        case .announce, .drain: nil
        case .handOver, .flush, .stop: Deadlines(soft: settings.timeout / 2, hard: settings.timeout)
        }
    }

    // MARK: The life cycle

    /// Starts the plugin, then its reconcilers.
    ///
    /// A plugin that does not start leaves the node running without it, unless it is required.
    public func start(_ context: ComponentContext) async throws {
        do {
            try await begin(context)
        } catch {
            if settings.isRequired { throw error }
            context.fail(error)
        }
    }

    /// Tells the plugin.
    public func handOver() async throws {
        try await call("hand over", library.functions.table.hand_over)
    }

    /// Ends its watches, and tells it.
    public func drain() async {
        guard let running = running.withLock({ $0 }) else { return }
        for watch in running.calls.watches.values { watch.end(WEIR_DRAINING) }
        await report { try await call("drain", library.functions.table.drain) }
    }

    /// Tells the plugin that it may work again.
    public func resume() async {
        await report { try await call("resume", library.functions.table.resume) }
    }

    /// Cancels what it holds, and tells it.
    public func cancel() async {
        guard let running = running.withLock({ $0 }) else { return }
        for operation in running.calls.operations.values { operation.cancel() }
        await report { try await call("cancel", library.functions.table.cancel, isUrgent: true) }
    }

    /// Tells the plugin.
    public func flush() async throws {
        try await call("flush", library.functions.table.flush)
    }

    /// Tells the plugin, once its watches have ended; then host functions answer no more.
    public func stop() async throws {
        guard let running = running.withLock({ $0 }) else { return }
        defer {
            running.calls.end(.stopped)
            running.life.retire()
            running.reconciler.retire()
            running.calls.watchThreads.retire()
            if let metrics = running.metrics { runtime?.metrics.remove(metrics) }
        }
        for watch in running.calls.watches.values { watch.end(WEIR_DRAINING) }
        if !running.life.isGivenUp {
            for watch in running.calls.watches.values { await watch.ended() }
        }
        try await call("stop", library.functions.table.stop)
    }

    // MARK: Starting

    private func begin(_ context: ComponentContext) async throws {
        let manifest = library.manifest
        let objects = services.objects()
        guard !manifest.needsObjects || objects != nil else {
            throw PluginError(.missingService, "plugin \(pluginName) needs objects, but this node has none")
        }
        let grants = grants()
        for missing in grants.missing(of: manifest.needs) {
            context.logger.warning(
                "plugin \(pluginName) asks to \(missing), which its configuration does not grant")
        }
        let calls = HostCalls(
            name: pluginName, services: HostCalls.Services(objects: objects, records: services.records),
            grants: grants, gate: context.gate, logger: context.logger, probe: probe,
            configuration: settings.configuration.encoded())
        let life = LifeCalls(plugin: pluginName, clock: context.clock, logger: context.logger) { [probe] in
            probe.countMissedDeadline()
            calls.giveUp()
        }
        let instance = PluginInstance()
        try await startPlugin(calls, life, instance)
        let reconciler = PluginReconciler(
            pluginName, calls, instance, library.functions, threadsMax: settings.maxConcurrent * manifest.kinds.count)
        running.withLock { running in
            running = Running(
                context: context, calls: calls, life: life, reconciler: reconciler, instance: instance,
                metrics: runtime?.metrics.add(probe))
        }
        try await startReconcilers(reconciler)
    }

    private func startPlugin(_ calls: HostCalls, _ life: LifeCalls, _ instance: PluginInstance) async throws {
        guard let start = library.functions.table.start else { return }
        let host = HostPointer(pointer: HostTable.make(for: calls))
        do {
            try await life.call("start", within: settings.startTimeout, .throwing) { error in
                var opaque: UnsafeMutableRawPointer?
                let code = start(host.pointer, &opaque, error)
                instance.set(opaque)
                return code
            }
        } catch {
            // Threads that it began may call all the same.
            calls.end(.stopped)
            throw error
        }
    }

    private func startReconcilers(_ reconciler: PluginReconciler) async throws {
        guard let runtime else { return }
        for kind in library.manifest.kinds {
            let name = try await reconciler.start(kind, in: runtime, under: name, settings)
            running.withLock { $0?.reconcilers.append(name) }
        }
    }

    private func grants() -> Grants {
        let manifest = library.manifest
        let granted: [Grant] =
            switch settings.grants {
            case .listed(let grants): grants
            case .asNeeded: manifest.needs
            }
        return Grants(granted, reconciling: manifest.kinds)
    }

    // MARK: Calling

    /// Calls a verb of the plugin, where it has it and is running.
    private func call(_ verb: String, _ function: LifeCalls.Function?, isUrgent: Bool = false) async throws {
        guard let running = running.withLock({ $0 }), let function else { return }
        let instance = running.instance
        try await running.life.call(verb, within: settings.timeout, .waiting, isUrgent: isUrgent) { error in
            function(instance.opaque, error)
        }
    }

    /// Runs a verb that must not throw: what it throws is a failure of the component.
    private func report(_ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            running.withLock { $0?.context }?.fail(error)
        }
    }
}

extension PluginComponent {
    /// The components of its reconcilers, in the order of its kinds.
    public var reconcilerNames: [String] { running.withLock { $0?.reconcilers ?? [] } }

    /// Takes the plugin out of a running node: its reconcilers first, then itself. The library stays loaded.
    @discardableResult
    public func remove(from runtime: Runtime) async throws(RuntimeError) -> StageOutcome {
        var worst = StageOutcome.ok
        for reconciler in reconcilerNames { worst = max(worst, try await runtime.remove(reconciler)) }
        return max(worst, try await runtime.remove(name))
    }
}

extension HostCalls {
    /// Gives the plugin up: host functions answer no more, and what it holds open is ended without it.
    func giveUp() {
        end(.givenUp)
        for watch in watches.values { watch.end(WEIR_STOPPED) }
        for operation in operations.values {
            operation.end(Operation.Answer(code: WEIR_STOPPED, message: "the plugin was given up"))
        }
    }
}

/// What a plugin's `start` gave: whatever it is, it is handed back with every call.
///
/// `@unchecked Sendable`: written once, on the thread of `start`, before any other call is made.
final class PluginInstance: @unchecked Sendable {
    private(set) var opaque: UnsafeMutableRawPointer?

    func set(_ opaque: UnsafeMutableRawPointer?) {
        self.opaque = opaque
    }
}

/// A host's table on its way to the thread that starts the plugin.
///
/// `@unchecked Sendable`: immutable, and what it points to lives as long as the process.
private struct HostPointer: @unchecked Sendable {
    let pointer: UnsafePointer<weir_host_v1>
}
