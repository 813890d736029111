internal import Logging
internal import ObjectStore
internal import Synchronization
internal import WeirRuntime
internal import WorkTracking

/// The component of one reconciler: sources that bring keys, a queue, and workers that reconcile them.
///
/// Workers are loops of its gate, each reconcile an operation. When it drains, workers take no new key; those that
/// reconcile finish, then the sources stop. What is still queued is dropped: the next start lists everything again.
final class Controller<Content: Resource>: Component {
    let name: String
    let settings: ReconcilerSettings<Content>
    let body: @Sendable (ReconcileRequest<Content>) async throws -> ReconcileResult
    let keys: KeyQueue
    let startResult = StartResult()
    private weak let runtime: Runtime?
    let state = Mutex(State())

    /// Guarded by the mutex; the tasks end by themselves once the queue is closed.
    struct State {
        var context: ComponentContext?
        var life: Life?
        var metrics: MetricRegistry.Registration?
        var isAddedAtRunTime = false
        var isGoingDown = false
        var isLeader = false
    }

    /// What runs between a start, or a resume, and the next drain.
    struct Life: Sendable {
        var scope: ReconcileScope
        var cache: KindSource<Content>
        var sources: [any ReconcileSource]
        var workers: [Task<Void, Never>] = []
        var election: Task<Void, Never>?
    }

    init(
        _ settings: ReconcilerSettings<Content>, runtime: Runtime,
        _ body: @escaping @Sendable (ReconcileRequest<Content>) async throws -> ReconcileResult
    ) {
        name = "reconcile/\(settings.name)"
        self.settings = settings
        self.runtime = runtime
        self.body = body
        keys = KeyQueue(backoff: settings.backoff, clock: runtime.clock)
    }

    var dependencies: [String] { settings.dependencies }

    var work: WorkSettings { WorkSettings(gate: GateOptions(slowOperations: .listed)) }

    var verbs: ComponentVerbs { [.handOver, .drain, .stop] }

    func deadlines(for stage: Stage) -> Deadlines? { stage == .drain ? settings.drainDeadlines : nil }

    /// Joins a runtime that has started; how that went is told to who waits for `startResult`.
    func addItself(to runtime: Runtime) {
        state.withLock { $0.isAddedAtRunTime = true }
        Task {
            do {
                try await runtime.addCompanions()
                try await runtime.add(self)
                startResult.resolve(.success(()))
            } catch {
                runtime.logger.error("\(name) was not added: \(error)")
                startResult.resolve(.failure(error))
            }
        }
    }

    func start(_ context: ComponentContext) async throws {
        state.withLock { $0.context = context }
        do {
            try await begin(context)
        } catch {
            tell(.failure(error))
            throw error
        }
        let registration = runtime?.metrics.add(ReconcilerMetrics(self))
        state.withLock { $0.metrics = registration }
        tell(.success(()))
    }

    /// Tells how the start went, unless that is told when the runtime has taken note of it.
    private func tell(_ result: Result<Void, any Error>) {
        guard !state.withLock({ $0.isAddedAtRunTime }) else { return }
        startResult.resolve(result)
    }

    /// Only notes that the process goes down: from here on a drain has a deadline.
    func handOver() async throws {
        state.withLock { $0.isGoingDown = true }
    }

    func drain() async {
        let (life, isGoingDown) = state.withLock { ($0.life, $0.isGoingDown) }
        guard let life else { return }
        if isGoingDown, let plan = runtime?.configuration.shutdown.drain {
            let cancel = min(settings.drainDeadlines?.cancel ?? plan.cancel, plan.cancel)
            life.scope.drainDeadline = life.scope.clock.now + cancel
        }
        let dropped = keys.close()
        if dropped > 0 { life.scope.logger.debug("dropped \(dropped) keys that waited; the next start lists them") }
        life.election?.cancel()
        await life.election?.value
        for worker in workers() { await worker.value }
        for source in life.sources { await source.stop() }
        guard let election = settings.election else { return }
        await election.resign()
        state.withLock { $0.isLeader = false }
    }

    func resume() async {
        guard let context = state.withLock({ $0.context }) else { return }
        keys.reset()
        do {
            try await begin(context)
        } catch {
            context.fail(error)
        }
    }

    func cancel() async {
        for worker in workers() { worker.cancel() }
    }

    /// Ends what a drain left behind.
    func stop() async throws {
        let (life, metrics) = state.withLock { state in
            defer {
                state.life = nil
                state.metrics = nil
            }
            return (state.life, state.metrics)
        }
        if let metrics { runtime?.metrics.remove(metrics) }
        for source in life?.sources ?? [] { await source.stop() }
    }

    var currentLife: Life? { state.withLock { $0.life } }

    private func workers() -> [Task<Void, Never>] { state.withLock { $0.life?.workers ?? [] } }

    // MARK: Beginning

    private func begin(_ context: ComponentContext) async throws {
        guard let objects = runtime?.objects, let informers = runtime?.informers, let events = runtime?.events else {
            throw RuntimeError.noObjects(for: name)
        }
        let scope = ReconcileScope(
            client: Client(objects), events: events, logger: context.logger, clock: context.clock, gate: context.gate)
        let source = SourceContext(informers: informers, namespace: settings.namespace, keys: keys)
        let cache = KindSource<Content>(role: .reconciled, when: settings.predicate ?? .everything, in: source) {
            [ObjectKey(Content.definition.kind, namespace: $0.metadata.namespace, name: $0.metadata.name)]
        }
        let sources: [any ReconcileSource] = [cache] + settings.sources.map { $0(source) }
        try await start(sources, context.clock, context.logger)
        state.withLock { $0.life = Life(scope: scope, cache: cache, sources: sources) }
        do {
            guard let election = settings.election else { return try startWorkers() }
            let task = Task { await follow(election) }
            state.withLock { $0.life?.election = task }
        } catch {
            keys.close()
            for source in sources { await source.stop() }
            throw error
        }
    }

    /// Starts all sources at once; throws where one is not in step within the limit, and names those that are not.
    private func start(_ sources: [any ReconcileSource], _ clock: any Clock, _ logger: Logger) async throws {
        do {
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for (index, source) in sources.enumerated() {
                    group.addTask {
                        try await source.start()
                        return index
                    }
                }
                let limit = settings.syncTimeout
                group.addTask {
                    try await clock.sleep(for: limit)
                    return nil
                }
                defer { group.cancelAll() }
                var waiting = Set(sources.indices)
                while !waiting.isEmpty, let step = try await group.next() {
                    guard let index = step else {
                        let names = waiting.sorted().map { sources[$0].name }
                        throw SourcesNotInStep(reconciler: name, sources: names, limit: limit)
                    }
                    waiting.remove(index)
                    logger.debug("in step with \(sources[index].name)")
                }
            }
        } catch {
            for source in sources { await source.stop() }
            throw error
        }
    }

    private func startWorkers() throws {
        keys.open()
        guard let context = state.withLock({ $0.context }) else { return }
        var workers: [Task<Void, Never>] = []
        for _ in 0..<settings.workerCount {
            let loop = try WorkerLoop(of: context.gate)
            workers.append(
                Task {
                    await self.work()
                    loop.end()
                })
        }
        state.withLock { state in
            state.life?.workers = workers
            state.isLeader = true
        }
    }

    // MARK: Leading

    /// Works while this node leads; ends when it is cancelled.
    private func follow(_ election: any LeaderElection) async {
        while !Task.isCancelled {
            do {
                try await election.lead()
                guard !Task.isCancelled else { return }
                // What the leader before left undone nobody tells of.
                keys.add(currentLife?.cache.keys() ?? [], .low)
                try startWorkers()
            } catch {
                return
            }
            await election.lost()
            guard !Task.isCancelled else { return }
            await giveUpLeading()
        }
    }

    /// Another node may reconcile the same keys already: what runs is cancelled, and waits for the next time.
    private func giveUpLeading() async {
        keys.pause()
        let workers = state.withLock { state in
            state.isLeader = false
            defer { state.life?.workers = [] }
            return state.life?.workers ?? []
        }
        for worker in workers { worker.cancel() }
        for worker in workers { await worker.value }
    }
}

extension Controller: ReconcilerReading {
    var metricName: String { settings.name }
    var workerCountMax: Int { settings.workerCount }
    var isLeading: Bool? { settings.election == nil ? nil : state.withLock { $0.isLeader } }
    var now: MonotonicTime { keys.clock.now }
    func readQueue() -> KeyQueue.Reading { keys.read() }
}

/// Sources of a reconciler did not list what there is in time.
struct SourcesNotInStep: Error, CustomStringConvertible {
    var reconciler: String
    var sources: [String]
    var limit: Duration

    var description: String {
        "\(reconciler): no list of \(sources.joined(separator: ", ")) within \(limit); "
            + "does the store answer, and does it know the kind?"
    }
}
