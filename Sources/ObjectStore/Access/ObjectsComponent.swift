internal import Synchronization
public import WeirRuntime
internal import WorkTracking

/// The object store as a component of a runtime: counted, drained, and closed last.
///
/// `runtime.addObjects(ObjectsComponent(storage))` registers three: `objects`, whose gate admits the verbs and whose
/// sessions are watches; `objects/storage`, the same for the storage beneath; and `objects/collector`, the loop that
/// removes what goes after its owner. Watches end when `objects` drains, after whatever depends on it has drained.
public final class ObjectsComponent: Component {
    /// Whether this process removes what goes after its owner, and follows kinds that other processes define.
    public enum Collection: Sendable, Hashable {
        /// It does.
        case collecting
        /// Somebody else does, or the process is too short-lived: kinds are read once, at the start.
        case off
    }

    /// `objects`.
    public let name = "objects"
    /// The store, whose verbs are not counted: for tests, and what is below the gate.
    public let store: ObjectStore
    let storage: StorageComponent
    let collection: Collection
    private let gated: GatedAccess

    /// The objects of a storage, which belongs to the component from here on.
    ///
    /// - Parameters:
    ///   - clock: Tells when objects were created and deleted.
    ///   - randomBits: What uids and names are made of.
    public init(
        _ storage: any Storage, configuration: ObjectStore.Configuration = ObjectStore.Configuration(),
        collection: Collection = .collecting, clock: any Clock = ProcessClock(),
        randomBits: @escaping @Sendable () -> UInt64 = ProcessRandom.bits
    ) {
        self.storage = StorageComponent(storage)
        self.collection = collection
        store = ObjectStore(
            self.storage.gated, configuration: configuration, clock: clock, randomBits: randomBits)
        gated = GatedAccess(store)
    }

    /// The verbs, counted by the component's gate from its start on.
    public var access: any ObjectAccess { gated }

    /// `objects/storage`.
    public var dependencies: [String] { [storage.name] }

    /// `drain` only.
    public var verbs: ComponentVerbs { .drain }

    /// Reads which kinds objects define; then the verbs can be used.
    public func start(_ context: ComponentContext) async throws {
        try await store.loadKinds()
        gated.begin(TrackedAccess(store, gate: context.gate))
    }

    /// Ends the watches.
    public func drain() async { gated.tracked?.endWatches() }
}

extension Runtime {
    /// Registers the object store, with its storage and its garbage collector. Before the start.
    public func addObjects(_ component: ObjectsComponent) throws(RuntimeError) {
        try register(component.storage)
        try register(component)
        guard component.collection == .collecting else { return }
        let collector = GarbageCollector(component.store)
        try host("objects/collector", dependsOn: [component.name]) { scope in await collector.run(scope) }
    }

    /// The objects of this process; nil where `addObjects` was not called.
    public var objects: (any ObjectAccess)? { (component(named: "objects") as? ObjectsComponent)?.access }
}

/// The storage beneath: drained and closed after all that uses it.
final class StorageComponent: Component {
    let name = "objects/storage"
    let gated: GatedStorage

    init(_ storage: any Storage) { gated = GatedStorage(storage) }

    var verbs: ComponentVerbs { [.drain, .stop] }

    func start(_ context: ComponentContext) async throws { gated.begin(context.gate) }

    func drain() async { gated.tracked?.endWatches() }

    func stop() async throws { try await gated.close() }
}
