internal import Logging
internal import Synchronization
public import WeirRuntime
internal import WorkTracking

/// The informers that several users of one process share: one for each type and selection.
///
/// A component: it runs their loops, drains after those who read them (and depend on it), and before the store.
///
/// ```swift
/// let informers = Informers(objects.access)
/// try runtime.register(informers)
/// let topics = informers.informer(Topic.self)
/// ```
public final class Informers: Component {
    /// `informers`, unless said otherwise.
    public let name: String
    /// The store's component.
    public let dependencies: [String]
    private let objects: any ObjectAccess
    private let pool: InformerPool
    private let loop: HostedLoop

    /// Informers of a store whose component is called `objects`, unless said otherwise.
    public init(_ objects: any ObjectAccess, name: String = "informers", dependencies: [String] = ["objects"]) {
        self.objects = objects
        self.name = name
        self.dependencies = dependencies
        let pool = InformerPool()
        self.pool = pool
        loop = HostedLoop(name: name, dependencies: dependencies) { await pool.run($0) }
    }

    /// The informer of a type and selection: made and run where this is its first user, otherwise the others'.
    ///
    /// It knows something once the component runs and `synced` returned. Each call is one user: `release` says that
    /// he needs it no more. Indexes that it does not have are added.
    public func informer<R: Resource>(
        _ type: R.Type, in namespace: String? = nil, labels: LabelSelector = .everything,
        fields: FieldSelector = .everything, indexes: [InformerIndex<R>] = []
    ) -> Informer<R> {
        let informer = pool.share(
            Informer(objects, type, in: namespace, labels: labels, fields: fields, indexes: indexes))
        for index in indexes { informer.add(index) }
        return informer
    }

    /// Says that one user needs the informer no more; it stops with the last one. Handlers are taken away by those
    /// who added them.
    public func release<R: Resource>(_ informer: Informer<R>) {
        pool.release(informer)
    }

    /// `drain` only: there is nothing to hand over, to flush or to stop.
    public var verbs: ComponentVerbs { loop.verbs }
    /// Runs the informers that there are, and those to come.
    public func start(_ context: ComponentContext) async throws { try await loop.start(context) }
    /// Ends their watches; what they know stays readable.
    public func drain() async { await loop.drain() }
    /// Runs them again.
    public func resume() async { await loop.resume() }
    /// Cancels them.
    public func cancel() async { await loop.cancel() }
}

/// An informer of any type, as the pool runs it.
protocol PooledInformer: AnyObject, Sendable {
    func run(gate: Gate, clock: any Clock, logger: Logger) async
    func stop()
}

extension Informer: PooledInformer {}

/// Informers with the number of their users, and the loop that runs them.
final class InformerPool: Sendable {
    private struct Key: Hashable {
        let type: ObjectIdentifier
        let selection: ObjectSelection

        init<R: Resource>(_ informer: Informer<R>) {
            type = ObjectIdentifier(R.self)
            selection = informer.selection
        }
    }

    private struct Shared {
        let informer: any PooledInformer
        var userCount: Int
    }

    private struct State {
        var shared: [Key: Shared] = [:]
        /// Hands informers to the loop, while it runs.
        var arrivals: AsyncStream<any PooledInformer>.Continuation?
    }

    private let state = Mutex(State())

    /// The informer that is there for the same objects, or else the one given.
    func share<R: Resource>(_ informer: Informer<R>) -> Informer<R> {
        let key = Key(informer)
        return state.withLock { state in
            if let found = state.shared[key]?.informer as? Informer<R> {
                state.shared[key]?.userCount += 1
                return found
            }
            state.shared[key] = Shared(informer: informer, userCount: 1)
            state.arrivals?.yield(informer)
            return informer
        }
    }

    func release<R: Resource>(_ informer: Informer<R>) {
        let key = Key(informer)
        let isLast = state.withLock { state in
            guard let found = state.shared[key], found.informer === informer else { return false }
            guard found.userCount == 1 else {
                state.shared[key]?.userCount -= 1
                return false
            }
            state.shared[key] = nil
            return true
        }
        if isLast { informer.stop() }
    }

    /// Runs the informers until the component drains.
    func run(_ scope: HostedScope) async {
        let (arrivals, door) = AsyncStream.makeStream(of: (any PooledInformer).self)
        state.withLock { state in
            state.arrivals = door
            for shared in state.shared.values { door.yield(shared.informer) }
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                await scope.stopRequested()
                door.finish()
            }
            for await informer in arrivals {
                group.addTask { await informer.run(gate: scope.gate, clock: scope.clock, logger: scope.logger) }
            }
            group.cancelAll()
        }
    }
}
