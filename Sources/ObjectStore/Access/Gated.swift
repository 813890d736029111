internal import Synchronization
internal import WorkTracking

/// Access that is counted from the moment on at which its component starts.
final class GatedAccess: ObjectAccess {
    private final class Box: Sendable {
        let tracked: TrackedAccess<ObjectStore>
        init(_ tracked: TrackedAccess<ObjectStore>) { self.tracked = tracked }
    }

    private let store: ObjectStore
    private let box = AtomicLazyReference<Box>()

    init(_ store: ObjectStore) { self.store = store }

    var tracked: TrackedAccess<ObjectStore>? { box.load()?.tracked }

    func begin(_ tracked: TrackedAccess<ObjectStore>) { _ = box.storeIfNil(Box(tracked)) }

    func get(_ key: ObjectKey) async throws -> Object {
        guard let tracked else { return try await store.get(key) }
        return try await tracked.get(key)
    }

    func list(_ query: ListQuery) async throws -> ObjectPage {
        guard let tracked else { return try await store.list(query) }
        return try await tracked.list(query)
    }

    func create(_ object: Object) async throws -> Object {
        guard let tracked else { return try await store.create(object) }
        return try await tracked.create(object)
    }

    func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        guard let tracked else { return try await store.update(object, part) }
        return try await tracked.update(object, part)
    }

    func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        guard let tracked else { return try await store.patch(key, patch, part) }
        return try await tracked.patch(key, patch, part)
    }

    func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        guard let tracked else { return try await store.delete(key, options) }
        return try await tracked.delete(key, options)
    }

    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        guard let tracked else { return try await store.watch(query, after: version) }
        return try await tracked.watch(query, after: version)
    }

    func kinds() async throws -> [KindDefinition] {
        guard let tracked else { return try await store.kinds() }
        return try await tracked.kinds()
    }
}

/// A storage that is counted from the moment on at which its component starts.
final class GatedStorage: Storage {
    private final class Box: Sendable {
        let tracked: TrackedStorage<Erased>
        init(_ tracked: TrackedStorage<Erased>) { self.tracked = tracked }
    }

    private let storage: Erased
    private let box = AtomicLazyReference<Box>()

    init(_ storage: any Storage) { self.storage = Erased(storage: storage) }

    var tracked: TrackedStorage<Erased>? { box.load()?.tracked }

    func begin(_ gate: Gate) { _ = box.storeIfNil(Box(TrackedStorage(storage, gate: gate))) }

    func get(_ key: ObjectKey) async throws -> Object? {
        guard let tracked else { return try await storage.get(key) }
        return try await tracked.get(key)
    }

    func list(_ query: ListQuery) async throws -> ObjectPage {
        guard let tracked else { return try await storage.list(query) }
        return try await tracked.list(query)
    }

    func create(_ object: Object) async throws -> Object {
        guard let tracked else { return try await storage.create(object) }
        return try await tracked.create(object)
    }

    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        guard let tracked else { return try await storage.update(object, if: preconditions) }
        return try await tracked.update(object, if: preconditions)
    }

    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        guard let tracked else { return try await storage.delete(key, if: preconditions) }
        return try await tracked.delete(key, if: preconditions)
    }

    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        guard let tracked else { return try await storage.watch(query, after: version) }
        return try await tracked.watch(query, after: version)
    }

    func currentVersion() async throws -> ResourceVersion {
        guard let tracked else { return try await storage.currentVersion() }
        return try await tracked.currentVersion()
    }

    func close() async throws { try await storage.close() }
}

/// Any storage as one type, which a tracked one can be made of.
struct Erased: Storage {
    let storage: any Storage

    func get(_ key: ObjectKey) async throws -> Object? { try await storage.get(key) }
    func list(_ query: ListQuery) async throws -> ObjectPage { try await storage.list(query) }
    func create(_ object: Object) async throws -> Object { try await storage.create(object) }
    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try await storage.update(object, if: preconditions)
    }
    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try await storage.delete(key, if: preconditions)
    }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await storage.watch(query, after: version)
    }
    func currentVersion() async throws -> ResourceVersion { try await storage.currentVersion() }
    func close() async throws { try await storage.close() }
}
