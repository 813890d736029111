internal import Synchronization
internal import WorkTracking

extension Runtime {
    /// What the runtime and its components do now. From any thread, also when every pool is stuck.
    public func snapshot() -> RuntimeSnapshot {
        let now = clock.now
        workRegistry.advanceClock(to: now.nanoseconds)
        return snapshot(of: workRegistry.snapshot(), now)
    }

    /// What the runtime does now.
    public var currentState: RuntimeState { state.withLock { $0.shown } }

    /// Snapshots: one at once, one at each change of a state, and one every `interval`.
    ///
    /// A slow reader misses some, the newest is kept. Ends when the process has ended.
    public func snapshots(every interval: Duration = .seconds(1)) -> AsyncStream<RuntimeSnapshot> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RuntimeSnapshot.self, bufferingPolicy: .bufferingNewest(1))
        let tell: @Sendable () -> Void = { [weak self] in
            guard let self else { return continuation.finish() }
            continuation.yield(snapshot())
            if state.withLock({ $0.phase == .ended }) { continuation.finish() }
        }
        let listener = changes.add(tell)
        let ticker = Task { [weak self, clock] in
            while (try? await clock.sleep(for: interval)) != nil {
                guard self != nil else { break }
                tell()
            }
        }
        continuation.onTermination = { [weak self] _ in
            self?.changes.remove(listener)
            ticker.cancel()
        }
        tell()
        return stream
    }

    func snapshot(of work: WorkSnapshot, _ now: MonotonicTime) -> RuntimeSnapshot {
        let (shown, began, entries) = state.withLock { state in
            (state.shown, state.shutdown.began ?? state.operatorDrainBegan, state.entries)
        }
        let observers = observersByGate(entries)
        let components = work.components.compactMap { component -> ComponentSnapshot? in
            let owner = observers[component.name]
            guard let entry = entries[owner ?? component.name] else { return nil }
            return ComponentSnapshot(
                name: component.name, state: owner == nil ? entry.state : entry.observingState,
                counts: WorkCounts(component), oldest: component.oldest.map(RunningOperation.init),
                isObserving: owner != nil)
        }
        return RuntimeSnapshot(state: shown, components: components, draining: began.map { now - $0 })
    }

    /// The owners of observing gates, by the gate's name.
    private func observersByGate(_ entries: [String: Entry]) -> [String: String] {
        entries.reduce(into: [:]) { owners, entry in
            if let gate = entry.value.observeGate { owners[gate.name] = entry.key }
        }
    }

    /// The report: of the end, or of what is known when the process ends by force.
    func report(forced exitCode: Int32?) -> ExitReport {
        let now = clock.now
        let work = workRegistry.snapshot()
        let (shutdown, entries) = state.withLock { ($0.shutdown, $0.entries) }
        let observers = observersByGate(entries)
        let components = work.components.compactMap { component -> ExitReport.ComponentReport? in
            let entry = entries[component.name]
            guard entry != nil || observers[component.name] != nil else { return nil }
            var counts = WorkCounts(component)
            counts.abandoned += counts.inFlight
            counts.inFlight = 0
            return ExitReport.ComponentReport(
                name: component.name, counts: counts, drain: entry?.drainTime ?? .zero, slowest: entry?.slowest ?? [])
        }
        let stages = stageReports(shutdown, now, isForced: exitCode != nil)
        let hasFailed = shutdown.failure != nil || entries.values.contains(where: \.hasFailed)
        let worst = stages.map(\.outcome).max() ?? .ok
        let (verdict, code) = Self.verdict(
            worst: worst, hasFailed: hasFailed, isEscalated: shutdown.isEscalated, forced: exitCode)
        return ExitReport(
            verdict: verdict, exitCode: code, signal: shutdown.signal?.rawValue,
            duration: shutdown.began.map { now - $0 } ?? .zero, stages: stages, components: components)
    }

    private static func verdict(
        worst: StageOutcome, hasFailed: Bool, isEscalated: Bool, forced: Int32?
    ) -> (ExitReport.Verdict, Int32) {
        if let forced { return (.forced, forced) }
        if hasFailed || worst == .failed { return (.failed, ExitCode.failed) }
        if worst == .abandoned { return (.abandoned, ExitCode.incomplete) }
        if isEscalated || worst == .cancelled { return (.cancelled, ExitCode.incomplete) }
        return (.clean, ExitCode.clean)
    }

    /// The stages that ended; by force also the one that was cut off, and those that never began.
    private func stageReports(
        _ shutdown: ShutdownState, _ now: MonotonicTime, isForced: Bool
    ) -> [ExitReport.StageReport] {
        var reports = shutdown.records.map {
            ExitReport.StageReport($0.stage, duration: $0.duration, outcome: $0.outcome)
        }
        guard isForced else { return reports }
        let left = configuration.shutdown.stages.dropFirst(reports.count)
        for (index, stage) in left.enumerated() {
            let isCutOff = index == 0 && shutdown.stageBegan != nil
            let duration = isCutOff ? shutdown.stageBegan.map { now - $0 } ?? .zero : .zero
            reports.append(
                ExitReport.StageReport(stage, duration: duration, outcome: isCutOff ? .abandoned : .skipped))
        }
        return reports
    }
}

extension Runtime.Entry {
    /// The state to show for the observing gate, which serves until the component stops.
    var observingState: ComponentState {
        switch state {
        case .readOnly, .draining, .drained: .running
        case .starting, .running, .stopped, .failed: state
        }
    }
}

extension WorkCounts {
    /// The counters of a gate.
    init(_ work: ComponentWork) {
        self.init(
            inFlight: work.inFlight, peak: work.peak, started: Int(clamping: work.started),
            succeeded: Int(clamping: work.succeeded), failed: Int(clamping: work.failed),
            cancelled: Int(clamping: work.cancelled), abandoned: Int(clamping: work.abandoned),
            rejected: work.rejected.byReason.reduce(into: [:]) { $0[$1.reason.label] = Int(clamping: $1.count) },
            sessions: work.sessions, loops: work.loops)
    }
}

extension RunningOperation {
    /// An operation of a gate.
    init(_ operation: SlowOperation) {
        self.init(
            name: operation.name, key: operation.key, age: .nanoseconds(operation.ageNanoseconds),
            phase: operation.phase)
    }
}
