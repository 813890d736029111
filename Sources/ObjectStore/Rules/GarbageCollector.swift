internal import Logging
internal import Synchronization
internal import WeirRuntime
internal import WorkTracking

/// Removes what goes after its owner, or with its namespace or its kind; and follows the kinds that others define.
///
/// It watches everything in the store, and looks at an object when its owners changed, when one of them went, or when
/// it is being deleted and waits for others (`Finalizers`). Several, in several processes over one storage, do the
/// same twice, which does no harm.
final class GarbageCollector: Sendable {
    /// How many objects are looked at in one operation, and how many of those at once.
    private static let batchMax = 256
    private static let concurrentMax = 16
    /// How long it waits after failures, before it tries again: doubled each time.
    private static let pauses = (first: Duration.milliseconds(5), longest: Duration.seconds(10))

    private let store: ObjectStore
    private let graph = Mutex(OwnershipGraph())
    private let failures = Mutex(0)

    init(_ store: ObjectStore) {
        self.store = store
    }

    /// Works until it is told to stop; what it is at then, it finishes.
    func run(_ scope: HostedScope) async {
        let (wakeups, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask { await self.follow(scope, wake) }
            group.addTask {
                await scope.stopRequested()
                wake.finish()
            }
            for await _ in wakeups {
                while !scope.isStopping, await self.work(scope) {}
                guard !scope.isStopping, let pause = self.pause() else { continue }
                group.addTask { if await scope.sleep(for: pause) { wake.yield() } }
            }
            group.cancelAll()
        }
    }

    // MARK: Following

    /// Keeps the graph, and the kinds of the store, as the storage is.
    private func follow(_ scope: HostedScope, _ wake: AsyncStream<Void>.Continuation) async {
        var attempts = 0
        while !scope.isStopping, !Task.isCancelled {
            do {
                let version = try await load()
                attempts = 0
                wake.yield()
                let stream = try await store.storage.watch(
                    WatchQuery(ObjectSelection(), sendsBookmarks: true), after: version)
                while let events = try await stream.nextBatch() {
                    for event in events { take(event) }
                    if graph.withLock({ !$0.isSettled }) { wake.yield() }
                }
                // Ended by the storage's close, or by a drain of it, which may be taken back.
            } catch let error as ObjectError where error.reason == .expired {
                continue
            } catch {
                if scope.isStopping || Task.isCancelled { return }
                scope.logger.debug("reading the objects failed, and is tried again: \(error)")
            }
            attempts += 1
            _ = await scope.sleep(for: Self.pause(after: attempts))
        }
    }

    private func load() async throws -> ResourceVersion {
        try await store.loadKinds()
        graph.withLock { $0 = OwnershipGraph() }
        var query = ListQuery(ObjectSelection(), limit: 500)
        var version: ResourceVersion?
        repeat {
            let page = try await store.storage.list(query)
            version = version ?? page.resourceVersion
            graph.withLock { graph in
                for object in page.objects { graph.observe(object) }
            }
            query.continueToken = page.continueToken
        } while query.continueToken != nil
        return version ?? .zero
    }

    private func take(_ event: WatchEvent) {
        guard let object = event.object else { return }
        if event.change == .deleted {
            store.noteRemoved(object)
            graph.withLock { $0.remove(object) }
        } else {
            store.noteWritten(object)
            graph.withLock { $0.observe(object) }
        }
    }

    // MARK: Working

    /// Looks at some objects, as one operation.
    ///
    /// - Returns: Whether there may be more to look at.
    private func work(_ scope: HostedScope) async -> Bool {
        let items = graph.withLock { $0.next(Self.batchMax) }
        guard !items.isEmpty else { return false }
        do {
            let failed = try await scope.gate.track("collect") { await self.settle(items, scope.logger) }
            graph.withLock { graph in
                for item in failed { graph.add(item) }
            }
            failures.withLock { $0 = failed.isEmpty ? 0 : $0 + 1 }
            return failed.isEmpty
        } catch {
            // Refused: the drain has begun. The next start looks at everything again.
            return false
        }
    }

    /// Looks at objects, some at once; returns those that have to be looked at again.
    private func settle(_ items: [OwnershipGraph.Item], _ logger: Logger) async -> [OwnershipGraph.Item] {
        await withTaskGroup(of: OwnershipGraph.Item?.self) { group in
            var failed: [OwnershipGraph.Item] = []
            var running = 0
            for item in items {
                if running == Self.concurrentMax, let done = await group.next() {
                    if let done { failed.append(done) }
                    running -= 1
                }
                running += 1
                group.addTask {
                    do {
                        try await self.settle(item)
                        return nil
                    } catch {
                        logger.debug("collecting failed, and is tried again: \(error)")
                        return item
                    }
                }
            }
            for await case let item? in group { failed.append(item) }
            return failed
        }
    }

    private func settle(_ item: OwnershipGraph.Item) async throws {
        switch item {
        case .dependent(let uid):
            guard let key = graph.withLock({ $0.key(ofDependent: uid) }) else { return }
            try await judge(key, uid)
        case .closing(let uid):
            guard let closing = graph.withLock({ $0.closing(uid) }) else { return }
            guard let object = try await live(closing.key, uid), object.metadata.isBeingDeleted else { return }
            for finalizer in object.metadata.finalizers { try await workOff(finalizer, of: object, closing) }
        }
    }

    private func pause() -> Duration? {
        let count = failures.withLock { $0 }
        return count == 0 ? nil : Self.pause(after: count)
    }

    private static func pause(after failures: Int) -> Duration {
        min(pauses.longest, pauses.first * (1 << min(failures - 1, 20)))
    }

    /// The object with that key, if it is still the one with that uid.
    private func live(_ key: ObjectKey, _ uid: String) async throws -> Object? {
        guard let object = try await store.storage.get(key), object.metadata.uid == uid else { return nil }
        return object
    }

    // MARK: Objects with owners

    private func judge(_ key: ObjectKey, _ uid: String) async throws {
        guard let object = try await live(key, uid) else { return }
        var owners: [String: OwnershipVerdict.OwnerState] = [:]
        for reference in object.metadata.ownerReferences {
            owners[reference.uid] = try await state(of: reference, from: object)
        }
        let hasDependents = graph.withLock { !$0.dependents(of: uid).isEmpty }
        switch OwnershipVerdict(object, owners: owners, hasDependents: hasDependents) {
        case .keep:
            break
        case .disown(let gone):
            try await disown(object, gone)
        case .delete(let propagation):
            // Only as it was judged: who gave it another owner meanwhile keeps it.
            let same = Preconditions(resourceVersion: object.metadata.resourceVersion, uid: uid)
            try await ignoringGone {
                _ = try await store.delete(key, DeleteOptions(preconditions: same, propagation: propagation))
            }
        }
    }

    /// Looks an owner up: in the object's namespace, or without one, as its kind has it.
    private func state(
        of reference: OwnerReference, from object: Object
    ) async throws -> OwnershipVerdict.OwnerState {
        let kind = ObjectKind(apiVersion: reference.apiVersion, kind: reference.kind)
        let namespace = object.metadata.namespace
        let record = try? store.registry.record(kind)
        let scope = record?.origin == .unknown ? nil : record?.definition.scope
        if namespace.isEmpty, scope != .cluster {
            // An owner in some namespace cannot be looked up from outside of it: nothing is done.
            return .present
        }
        var found: Object?
        for place in Set(["", namespace]) where scope == nil || place.isEmpty == (scope == .cluster) {
            let key = ObjectKey(kind, namespace: place, name: reference.name)
            if let owner = try await live(key, reference.uid) { found = owner }
        }
        guard let found else { return .absent }
        return found.metadata.isBeingDeleted && found.metadata.finalizers.contains(Finalizers.foreground)
            ? .waiting : .present
    }

    private func disown(_ object: Object, _ owners: Set<String>) async throws {
        var next = object
        next.metadata.ownerReferences.removeAll { owners.contains($0.uid) }
        guard next != object else { return }
        try await ignoringGone { _ = try await store.update(next, .main) }
    }

    // MARK: Objects that wait for others

    private func workOff(_ finalizer: String, of object: Object, _ closing: OwnershipGraph.Closing) async throws {
        let uid = object.metadata.uid
        switch finalizer {
        case Finalizers.foreground:
            let isBlocked = graph.withLock { graph in
                graph.addDependents(of: uid)
                return graph.isBlocked(uid)
            }
            guard !isBlocked else { return }
        case Finalizers.orphan:
            for dependent in graph.withLock({ $0.dependents(of: uid) }) {
                guard let object = try await live(dependent.key, dependent.uid) else { continue }
                try await disown(object, [uid])
            }
        case Finalizers.contents:
            guard let contents = closing.contents else { break }
            guard try await clear(contents) else { return }
        default:
            return
        }
        try await remove(finalizer, from: object)
    }

    /// Deletes what a selection has.
    ///
    /// - Returns: Whether there was nothing.
    private func clear(_ selection: ObjectSelection) async throws -> Bool {
        var query = ListQuery(selection, limit: 500)
        var isEmpty = true
        repeat {
            let page = try await store.storage.list(query)
            for object in page.objects {
                isEmpty = false
                guard !object.metadata.isBeingDeleted else { continue }
                let same = Preconditions(uid: object.metadata.uid)
                try await ignoringGone { _ = try await store.delete(object.key, DeleteOptions(preconditions: same)) }
            }
            query.continueToken = page.continueToken
        } while query.continueToken != nil
        // What went at once is gone by now; what is left says so when it goes.
        if isEmpty { return true }
        return try await store.storage.list(ListQuery(selection, limit: 1)).objects.isEmpty
    }

    private func remove(_ finalizer: String, from object: Object) async throws {
        try await ignoringGone {
            // Others take theirs off meanwhile: only this one is taken off, from what is there.
            while let current = try await live(object.key, object.metadata.uid),
                current.metadata.finalizers.contains(finalizer)
            {
                var next = current
                next.metadata.finalizers.removeAll { $0 == finalizer }
                do {
                    _ = try await store.update(next, .main)
                    return
                } catch let error as ObjectError where error.reason == .conflict {
                    continue
                }
            }
        }
    }

    private func ignoringGone(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as ObjectError where error.reason == .notFound {
            return
        }
    }
}
