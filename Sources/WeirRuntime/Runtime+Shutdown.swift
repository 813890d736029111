internal import Logging
internal import Synchronization
internal import WorkTracking

extension Runtime {
    // MARK: Signals

    func subscribeToSignals() {
        guard let source = configuration.signals else { return }
        let subscription = source.subscribe { [weak self] signal in self?.receive(signal) }
        state.withLock { $0.signals = subscription }
    }

    /// Acts on a signal. Runs on the source's thread, and needs no pool for SIGQUIT and the third signal.
    private func receive(_ signal: ProcessSignal) {
        switch state.withLock({ $0.ladder.step(signal) }) {
        case .dump:
            configuration.dump(snapshot().table)
        case .begin(let signal):
            logger.notice("\(signal.rawValue): draining; a second one cancels what still runs, a third ends at once")
            beginShutdown(signal: signal)
        case .escalate:
            logger.warning("second signal: cancelling what still runs")
            let mailbox = state.withLock { state in
                state.shutdown.isEscalated = true
                return state.shutdown.mailbox
            }
            mailbox?.yield(.machine(.escalate))
        case .endProcess:
            endByForce(ExitCode.interrupted)
        }
    }

    /// Writes the report in bounded time and ends the process.
    private func endByForce(_ exitCode: Int32) {
        watchdog.endProcess(exitCode) { [self] in
            configuration.forcedReport?(report(forced: exitCode))
        }
    }

    // MARK: The way down

    /// Begins the way down, unless it has begun; remembers the signal in any case.
    func beginShutdown(signal: ProcessSignal?) {
        enum Begin {
            case nothing
            case endAtOnce
            case arm(StageDriver, isReady: Bool)
        }
        let driver = StageDriver(runtime: self, scope: .process)
        let now = clock.now
        let begin: Begin = state.withLock { state in
            state.shutdown.signal = state.shutdown.signal ?? signal
            switch state.phase {
            case .ending, .ended: return .nothing
            case .assembling:
                state.phase = .ending
                return .endAtOnce
            case .starting, .running:
                let isReady = state.phase == .running
                state.phase = .ending
                // At once, so that readiness turns before the first stage runs.
                state.shown = .announcing
                state.shutdown.began = now
                state.shutdown.mailbox = driver.mailbox
                state.operatorTurn += 1
                for start in state.starts.values { start.cancel() }
                if !isReady { state.shutdown.driver = driver }
                return .arm(driver, isReady: isReady)
            }
        }
        switch begin {
        case .nothing: return
        case .endAtOnce: finish()
        case .arm(let driver, let isReady): arm(driver, isReady: isReady, signal)
        }
    }

    private func arm(_ driver: StageDriver, isReady: Bool, _ signal: ProcessSignal?) {
        let exitCode = signal == .interrupt ? ExitCode.interrupted : ExitCode.terminated
        let plan = configuration.shutdown
        watchdog.arm(within: plan.stagesWorstCase + plan.watchdogMargin, exitCode: exitCode) { [self] in
            logger.critical("the shutdown exceeds its total; the watchdog ends the process")
            configuration.forcedReport?(report(forced: exitCode))
        }
        if isReady { launch(driver) }
    }

    /// Runs the stages in a task of their own.
    func launch(_ driver: StageDriver) {
        let propagation = state.withLock { state in
            state.shutdown.signal == .terminate ? configuration.shutdown.propagation : .zero
        }
        Task {
            _ = await driver.run(propagation: propagation)
            finish()
        }
    }

    private func finish() {
        watchdog.disarm()
        let report = report(forced: nil)
        let (waiters, ticker, drainWaiters, hasServed) = state.withLock { state in
            state.phase = .ended
            state.exit = report
            defer {
                state.exitWaiters = []
                state.drainWaiters = []
                state.ticker = nil
            }
            return (state.exitWaiters, state.ticker, state.drainWaiters, !state.hasFailedToStart)
        }
        ticker?.cancel()
        logger.log(
            level: hasServed ? .notice : .info, "ended: \(report.verdict.rawValue)",
            metadata: ["exitCode": "\(report.exitCode)", "duration": "\(report.duration.inSeconds)"])
        changes.announce()
        for waiter in drainWaiters { waiter.continuation.resume() }
        for waiter in waiters { waiter.resume(returning: report) }
    }

    // MARK: What the driver asks and tells

    func hooks(for moment: ShutdownHook.Moment) -> [ShutdownHook] {
        state.withLock { $0.hooks.filter { $0.moment == moment } }
    }

    func removals() -> [String: Task<StageOutcome, Never>] {
        state.withLock { $0.removals }
    }

    /// The component of that name; nil where none is registered.
    public func component(named name: String) -> (any Component)? {
        state.withLock { $0.entries[name]?.component }
    }

    /// Shows a stage that begins.
    func enter(_ stage: Stage) {
        let now = clock.now
        state.withLock { state in
            state.shown = RuntimeState(stage)
            state.shutdown.stageBegan = now
        }
        if stage == .drain { workRegistry.beginShutdown() }
        let stages = configuration.shutdown.stages
        logger.info("step \((stages.firstIndex(of: stage) ?? 0) + 1)/\(stages.count): \(stage.rawValue)")
        changes.announce()
    }

    /// Keeps what the forced report and the metrics need of the machine.
    func note(_ records: [ShutdownMachine.Record], isEscalated: Bool) {
        let ended = state.withLock { state in
            let ended = records.dropFirst(state.shutdown.records.count)
            state.shutdown.records = records
            state.shutdown.isEscalated = state.shutdown.isEscalated || isEscalated
            return ended
        }
        for record in ended {
            logger.info("\(record.stage.rawValue) took \(record.duration.inSeconds): \(record.outcome.rawValue)")
        }
    }

    func noteStopped(_ name: String) {
        state.withLock { state in
            guard state.entries[name]?.hasFailed == false else { return }
            state.entries[name]?.state = .stopped
        }
    }

    /// Remembers what still runs in the components, for the report.
    func noteSlowest(of names: [String]) {
        let running = workByName()
        state.withLock { state in
            for name in names {
                guard let slowest = running[name]?.slowest, !slowest.isEmpty else { continue }
                state.entries[name]?.slowest = slowest.map(RunningOperation.init)
            }
        }
    }

    /// Remembers what was left behind in the components.
    func noteLeftBehind(_ names: [String], _ stage: Stage) {
        let now = clock.now
        let running = workByName()
        state.withLock { state in
            for name in names {
                guard let entry = state.entries[name] else { continue }
                if stage == .drain, let began = entry.drainBegan { state.entries[name]?.drainTime = now - began }
                state.entries[name]?.leftBehind = running[name]?.inFlight ?? 0
            }
        }
    }

    private func workByName() -> [String: ComponentWork] {
        workRegistry.advanceClock(to: clock.now.nanoseconds)
        return workRegistry.snapshot().components.reduce(into: [:]) { $0[$1.name] = $1 }
    }

    /// Those of the components that have sessions.
    func withSessions(_ names: [String]) -> [String] {
        let busy = Set(workRegistry.snapshot().components.lazy.filter { $0.sessions > 0 }.map(\.name))
        return busy.isEmpty ? [] : names.filter { busy.contains($0) }
    }

    /// One that may take part in the next wave.
    struct LevelMember {
        var name: String
        var takesPart: Bool
        var deadlines: Deadlines?
    }

    /// The next components of a stage, and how many levels follow.
    ///
    /// Handing over has no order. In the stop stage those with an observing gate come after all others.
    func nextLevel(
        of stage: Stage, scope: StageDriver.Scope, without done: Set<String>
    ) -> (members: [LevelMember], levelsLeft: Int) {
        if case .component(let name) = scope {
            let entry = state.withLock { $0.entries[name] }
            guard let entry, !done.contains(name) else { return ([], 0) }
            return ([member(name, entry, stage)], 0)
        }
        let left = state.withLock { $0.entries.filter { $0.value.isStarted && !done.contains($0.key) } }
        guard stage != .handOver else { return (left.map { member($0.key, $0.value, stage) }, 0) }
        var levels = [left.mapValues(\.dependencies)]
        if stage == .stop {
            levels = [
                left.filter { $0.value.observeGate == nil }.mapValues(\.dependencies),
                left.filter { $0.value.observeGate != nil }.mapValues(\.dependencies),
            ]
        }
        let order = levels.flatMap { DependencyGraph($0).levels() }
        guard let first = order.first else { return ([], 0) }
        let members = first.compactMap { name in left[name].map { member(name, $0, stage) } }
        return (members, order.count - 1)
    }

    private func member(_ name: String, _ entry: Entry, _ stage: Stage) -> LevelMember {
        let takesPart =
            switch stage {
            case .announce: false
            case .handOver: entry.verbs.contains(.handOver)
            case .drain: true
            case .flush: entry.verbs.contains(.flush)
            case .stop: entry.verbs.contains(.stop)
            }
        let deadlines = takesPart ? entry.component.deadlines(for: stage) : nil
        return LevelMember(name: name, takesPart: takesPart, deadlines: deadlines)
    }
}
