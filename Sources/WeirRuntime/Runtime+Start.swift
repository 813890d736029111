internal import Logging
internal import Synchronization
internal import WorkTracking

extension Runtime {
    /// Starts what is registered, callees before callers, equal levels in parallel; returns when all serve.
    ///
    /// Returns early, without an error, where a shutdown begins meanwhile; `exitReport` then tells the
    /// end. Throws `RuntimeError` before anything has started, and `ComponentStartFailed` after what had
    /// started went down again in stages.
    public func start() async throws {
        guard let edges = try beginStart() else { return }
        logPlan()
        subscribeToSignals()
        startTicker()
        do {
            for level in DependencyGraph(edges).levels().reversed() where isStarting {
                try await start(level)
            }
        } catch let failure as StartFailure {
            // Not logged: who started it is told, and tells it.
            recordFailure(of: failure.component)
            state.withLock { $0.hasFailedToStart = true }
            endStart()
            let report = await shutdown()
            throw ComponentStartFailed(component: failure.component, reason: failure.reason, report: report)
        }
        endStart()
    }

    /// Adds a component while everything runs: registers it, starts it, and returns when it serves.
    ///
    /// What it depends on must be registered already. Costs a few microseconds beside its own `start`;
    /// thousands are fine. Throws `duplicateName`, `unknownDependency`, `shuttingDown` once the
    /// runtime makes things durable, and what `start` throws, after which it is not registered.
    public func add(_ component: any Component) async throws {
        let phase = state.withLock { ($0.phase, $0.shown) }
        guard phase.0 != .assembling else { return try register(component) }
        guard phase.0 != .ended, phase.1 != .flushing, phase.1 != .stopping else {
            throw RuntimeError(.shuttingDown, "\(component.name) cannot be added any more: the process goes down")
        }
        try admit(component)
        do {
            if component.work.gate.slowOperations == .listed { startTicker() }
            try await startOne(component.name, .atRunTime)
        } catch let failure as StartFailure {
            await discard(component.name)
            throw failure.reason
        }
    }

    /// Takes one component down in stages, and out of the runtime: drain, flush, stop.
    ///
    /// Throws `unknownComponent`, `stillNeeded` where a registered component depends on it, and
    /// `shuttingDown` where the whole runtime is on its way down, which takes it down too.
    @discardableResult
    public func remove(_ name: String) async throws(RuntimeError) -> StageOutcome {
        let removal: Result<Task<StageOutcome, Never>, RuntimeError> = state.withLock { state in
            guard state.phase == .running else {
                return .failure(
                    RuntimeError(.shuttingDown, "\(name) cannot be removed: the process starts or goes down"))
            }
            guard let entry = state.entries[name], entry.isStarted else {
                return .failure(RuntimeError(.unknownComponent, "no component \(name) runs here"))
            }
            guard entry.callers == 0 else {
                let caller = state.entries.first { $0.value.dependencies.contains(name) }?.key ?? "another"
                return .failure(RuntimeError(.stillNeeded, "\(caller) depends on \(name); remove it first"))
            }
            // The way down leaves it to its removal, which it waits for.
            state.entries[name]?.isStarted = false
            let removal = Task {
                let records = await StageDriver(runtime: self, scope: .component(name)).run(propagation: .zero)
                await discard(name)
                return records.map(\.outcome).max() ?? .ok
            }
            state.removals[name] = removal
            return .success(removal)
        }
        return await (try removal.get()).value
    }

    // MARK: Registering

    /// Makes the gates and the entry of a component.
    func admit(_ component: any Component) throws(RuntimeError) {
        let name = component.name
        guard !name.isEmpty, !name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw RuntimeError(.badName, "a component's name has at least one character and no blanks: '\(name)'")
        }
        let settings = component.work
        let dependencies = component.dependencies
        try holdDependencies(of: name, dependencies)
        do {
            let gate = try makeGate(name, settings.gate)
            let observeGate = try settings.observeGate.map { suffix throws(RuntimeError) in
                try makeGate("\(name)/\(suffix)", GateOptions())
            }
            let entry = Entry(
                component: component, dependencies: dependencies, verbs: component.verbs, gate: gate,
                observeGate: observeGate, sessionGrace: settings.sessionGrace,
                listsOperations: settings.gate.slowOperations == .listed)
            state.withLock { $0.entries[name] = entry }
        } catch {
            releaseDependencies(dependencies)
            throw error
        }
    }

    /// Counts a new caller of each dependency, so that none is removed; at run time all must be there.
    private func holdDependencies(of name: String, _ dependencies: [String]) throws(RuntimeError) {
        let missing: String? = state.withLock { state in
            guard state.phase != .assembling else { return nil }
            if let missing = dependencies.first(where: { state.entries[$0] == nil }) { return missing }
            for dependency in dependencies { state.entries[dependency]?.callers += 1 }
            return nil
        }
        guard let missing else { return }
        throw RuntimeError(
            .unknownDependency, "\(name) depends on \(missing), which is not registered; add it first")
    }

    private func releaseDependencies(_ dependencies: [String]) {
        state.withLock { state in
            guard state.phase != .assembling else { return }
            for dependency in dependencies { state.entries[dependency]?.callers -= 1 }
        }
    }

    private func makeGate(_ name: String, _ options: GateOptions) throws(RuntimeError) -> Gate {
        do {
            return try workRegistry.register(name, options)
        } catch {
            throw RuntimeError(.duplicateName, "two components want the name \(name); rename one of them")
        }
    }

    /// Takes a component out; its name is free again when what was left behind in it has ended too.
    private func discard(_ name: String) async {
        let taken = state.withLock { state in
            let entry = state.entries.removeValue(forKey: name)
            state.removals[name] = nil
            for dependency in entry?.dependencies ?? [] { state.entries[dependency]?.callers -= 1 }
            return (entry: entry, waiters: Self.takeDrainWaiters(&state))
        }
        for waiter in taken.waiters { waiter.resume() }
        changes.announce()
        guard let entry = taken.entry else { return }
        let names = [entry.gate.name, entry.observeGate?.name].compactMap { $0 }
        let unregister = Task { [workRegistry] in
            for name in names { try? await workRegistry.unregister(name) }
        }
        if entry.leftBehind == 0 { await unregister.value }
    }

    // MARK: Starting

    private struct StartFailure: Error {
        var component: String
        var reason: any Error
    }

    private var isStarting: Bool { state.withLock { $0.phase == .starting } }

    /// What to start; nil where a shutdown was asked for before anything could start.
    private func beginStart() throws -> [String: [String]]? {
        try configuration.shutdown.validate()
        let edges = state.withLock { $0.entries.mapValues(\.dependencies) }
        try DependencyGraph(edges).validate()
        let before = state.withLock { state in
            let before = (phase: state.phase, hasStarted: state.hasStarted)
            state.hasStarted = true
            guard state.phase == .assembling else { return before }
            state.phase = .starting
            for dependency in edges.values.joined() { state.entries[dependency]?.callers += 1 }
            return before
        }
        guard !before.hasStarted else { throw RuntimeError(.wrongTime, "the runtime was started before") }
        return before.phase == .assembling ? edges : nil
    }

    /// From here a shutdown may run: launches one that was asked for while components started.
    private func endStart() {
        let waiting: StageDriver? = state.withLock { state in
            guard state.phase == .starting || state.shutdown.driver != nil else { return nil }
            if state.phase == .starting { state.phase = .running }
            defer { state.shutdown.driver = nil }
            return state.shutdown.driver
        }
        if let waiting { launch(waiting) }
        changes.announce()
    }

    private func logPlan() {
        let plan = configuration.shutdown
        logger.info(
            "starting",
            metadata: ["shutdownWorstCase": "\(plan.worstCase.inSeconds)", "order": "\(plan.order.rawValue)"])
        for warning in plan.warnings { logger.warning("\(warning)") }
    }

    private func start(_ level: [String]) async throws {
        guard level.count > 1 else { return try await startOne(level[0], .withRuntime) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in level { group.addTask { try await self.startOne(name, .withRuntime) } }
            try await group.waitForAll()
        }
    }

    /// Advances the registry's coarse clock while a component lists its operations: ages are told by it.
    private func startTicker() {
        workRegistry.advanceClock(to: clock.now.nanoseconds)
        state.withLock { state in
            guard state.ticker == nil, state.entries.values.contains(where: \.listsOperations) else { return }
            state.ticker = Task { [workRegistry, clock] in
                while (try? await clock.sleep(for: .milliseconds(100))) != nil {
                    workRegistry.advanceClock(to: clock.now.nanoseconds)
                }
            }
        }
    }

    private enum StartTime {
        /// A shutdown that begins cancels the start.
        case withRuntime
        /// Admitted work may have asked for it: a shutdown lets it finish.
        case atRunTime
    }

    private func startOne(_ name: String, _ time: StartTime) async throws {
        guard let entry = state.withLock({ $0.entries[name] }) else { return }
        var logger = logger
        logger[metadataKey: "component"] = "\(name)"
        let context = ComponentContext(
            gate: entry.gate, observeGate: entry.observeGate, logger: logger, clock: clock,
            onFailure: { [weak self] reason in self?.noteFailure(of: name, reason) })
        let begin = clock.now
        // A task of its own, so that a shutdown which begins now can cancel it.
        let start = Task { try await entry.component.start(context) }
        state.withLock { state in
            guard time == .withRuntime else { return }
            if state.phase == .ending { start.cancel() } else { state.starts[name] = start }
        }
        let limit = startTimer(name, start, since: begin)
        let result = await start.result
        limit?.cancel()
        let isEnding = state.withLock { state in
            state.starts[name] = nil
            if case .success = result {
                state.entries[name]?.isStarted = true
                if state.entries[name]?.state == .starting { state.entries[name]?.state = .running }
            }
            return state.phase == .ending && time == .withRuntime
        }
        changes.announce()
        if case .failure(let reason) = result {
            // Given up because of a shutdown: no failure of the component.
            if isEnding, reason is CancellationError { return }
            throw StartFailure(component: name, reason: reason)
        }
    }

    private func startTimer(
        _ name: String, _ start: Task<Void, any Error>, since begin: MonotonicTime
    ) -> Task<Void, Never>? {
        guard let limit = configuration.startLimit else { return nil }
        return Task { [clock, logger] in
            guard (try? await clock.sleep(until: begin + limit)) != nil else { return }
            logger.error("\(name) did not start within \(limit.inSeconds); its start is cancelled")
            start.cancel()
        }
    }

    /// Records that a component can no longer do its work.
    func noteFailure(of name: String, _ reason: any Error) {
        logger.error("\(name) failed: \(reason)")
        recordFailure(of: name)
    }

    private func recordFailure(of name: String) {
        state.withLock { state in
            state.shutdown.failure = state.shutdown.failure ?? name
            state.entries[name]?.hasFailed = true
            state.entries[name]?.state = .failed
        }
        changes.announce()
    }
}
