import ObjectStore
import SegmentLog
import Synchronization
import WeirRuntime
import WeirSimulation

@testable import Kafka

/// Reconciles topics as their objects and their partitions' objects change, one after another: in the simulator, in
/// the place of a reconciler host. What failed is tried again after a second.
final class TopicDriver: Sendable {
    private let reconciler: TopicReconciler
    private let clock: any Clock
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(_ reconciler: TopicReconciler, clock: any Clock) {
        self.reconciler = reconciler
        self.clock = clock
    }

    /// Reconciles what is there, and from then on what changes.
    func start(on loop: SimulatedLoop) {
        let (names, queue) = AsyncStream<String>.makeStream()
        reconciler.onFreedName { queue.yield($0) }
        let watching = Task(executorPreference: loop) { [objects = reconciler.objects] in
            guard let page = try? await objects.list(ListQuery(ObjectSelection(kind: TopicObject.kind))),
                let changes = try? await objects.watch(WatchQuery(ObjectSelection()), after: page.resourceVersion)
            else { return }
            for object in page.objects { queue.yield(object.metadata.name) }
            while let batch = try? await changes.nextBatch() {
                for event in batch { if let name = event.object.flatMap(Self.topic) { queue.yield(name) } }
            }
        }
        let working = Task(executorPreference: loop) { [reconciler, clock] in
            for await name in names {
                do {
                    try await reconciler.reconcile(name)
                } catch {
                    Task(executorPreference: loop) {
                        try await clock.sleep(for: .seconds(1))
                        queue.yield(name)
                    }
                }
            }
        }
        tasks.withLock { $0 = [watching, working] }
    }

    func stop() {
        for task in tasks.withLock({ $0 }) { task.cancel() }
    }

    private static func topic(of object: Object) -> String? {
        switch object.objectKind {
        case TopicObject.kind: object.metadata.name
        case PartitionObject.kind: object.spec?["topic"]?.stringValue
        default: nil
        }
    }
}

/// Objects in memory that outlive the node, and lose their power with its disk.
struct CuttableStorage: Storage {
    private let disk: MemoryDisk
    private var objects: MemoryStorage { disk.objects.withLock { $0 } }

    init(_ disk: MemoryDisk) { self.disk = disk }

    func get(_ key: ObjectKey) async throws -> Object? { try await objects.get(key) }
    func list(_ query: ListQuery) async throws -> ObjectPage { try await objects.list(query) }

    func create(_ object: Object) async throws -> Object {
        try change()
        return try await objects.create(object)
    }

    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try change()
        return try await objects.update(object, if: preconditions)
    }

    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try change()
        return try await objects.delete(key, if: preconditions)
    }

    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await objects.watch(query, after: version)
    }

    func currentVersion() async throws -> ResourceVersion { try await objects.currentVersion() }
    func close() async throws {}

    private func change() throws(ObjectError) {
        do {
            try disk.change { _ in }
        } catch {
            throw ObjectError(.unavailable, error.message)
        }
    }
}
