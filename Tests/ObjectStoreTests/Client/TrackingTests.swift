import ObjectStore
import Synchronization
import Testing
import WorkTracking

/// One object, a watch that a test drives, and errors on demand.
final class StubStorage: Storage {
    let object = Mutex<Object?>(nil)
    let watch = ScriptedWatch()
    let isClosed = Mutex(false)

    func get(_ key: ObjectKey) async throws -> Object? { object.withLock { $0 } }
    func list(_ query: ListQuery) async throws -> ObjectPage {
        ObjectPage(objects: object.withLock { $0.map { [$0] } ?? [] }, resourceVersion: ResourceVersion(5))
    }
    func create(_ object: Object) async throws -> Object {
        let isNew = self.object.withLock { stored in
            defer { stored = stored ?? object }
            return stored == nil
        }
        guard isNew else { throw ObjectError.alreadyExists(object.key) }
        return object
    }
    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object { throw CancellationError() }
    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        guard let object = object.withLock({ $0.take() }) else { throw ObjectError.notFound(key) }
        return object
    }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream { WatchStream(watch) }
    func currentVersion() async throws -> ResourceVersion { ResourceVersion(5) }
    func close() async throws { isClosed.withLock { $0 = true } }
}

@Suite("A tracked storage", .timeLimit(.minutes(1)))
struct TrackedStorageTests {
    let registry = WorkRegistry()
    let stub = StubStorage()
    let object = Object(apiVersion: "v1", kind: "ConfigMap", metadata: ObjectMetadata(name: "a", namespace: "default"))
    let everything = WatchQuery(ObjectSelection())

    func tracked(_ options: GateOptions = GateOptions()) throws -> TrackedStorage<StubStorage> {
        TrackedStorage(stub, gate: try registry.register("storage", options))
    }

    var work: ComponentWork { registry.snapshot().component(named: "storage")! }

    @Test("answers as what it wraps does, and counts how each call ended")
    func counts() async throws {
        let storage = try tracked()
        #expect(try await storage.get(object.key) == nil)
        #expect(try await storage.create(object) == object)
        await #expect(throws: ObjectError.alreadyExists(object.key)) { try await storage.create(object) }
        await #expect(throws: CancellationError.self) { try await storage.update(object, if: .none) }
        #expect(try await storage.get(object.key) == object)
        #expect(try await storage.list(ListQuery(ObjectSelection())).objects == [object])
        #expect(try await storage.delete(object.key, if: .none) == object)
        #expect(try await storage.currentVersion() == ResourceVersion(5))
        #expect([work.started, work.succeeded, work.failed, work.cancelled, work.abandoned] == [8, 6, 1, 1, 0])
        #expect(work.inFlight == 0)
    }

    @Test("reads while read-only, and does not write")
    func readOnly() async throws {
        let storage = try tracked()
        registry.setReadOnly([storage.gate])
        #expect(try await storage.get(object.key) == nil)
        #expect(try await storage.list(ListQuery(ObjectSelection())).objects.isEmpty)
        #expect(try await storage.currentVersion() == ResourceVersion(5))
        for write in [
            { _ = try await storage.create(object) },
            { _ = try await storage.update(object, if: .none) },
            { _ = try await storage.delete(object.key, if: .none) },
        ] as [() async throws -> Void] {
            await #expect { try await write() } throws: { ($0 as? WorkRejected)?.reason == .readOnly }
        }
        #expect(stub.object.withLock { $0 } == nil)
    }

    @Test("draining, it takes the writes of what was admitted, and nobody else's")
    func nested() async throws {
        let storage = try tracked()
        let reconciler = try registry.register("reconciler")
        try await reconciler.track("reconcile") {
            registry.close([reconciler, storage.gate])
            let created = try await storage.create(object)
            #expect(created == object)
        }
        await #expect { try await storage.get(object.key) } throws: { ($0 as? WorkRejected)?.reason == .draining }
        await registry.drain(gates: [reconciler, storage.gate])
        try await storage.close()
        #expect(stub.isClosed.withLock { $0 }, "closing comes after the drain, and is not counted")
    }

    @Test("counts a watch as a session, until it is ended or let go of")
    func sessions() async throws {
        let storage = try tracked()
        do {
            let stream = try await storage.watch(everything, after: .zero)
            #expect(work.sessions == 1)
            #expect(work.inFlight == 0, "an idle watch is no operation")
            let event = WatchEvent(.added, object, at: ResourceVersion(6))
            stub.watch.push([event])
            #expect(try await stream.nextBatch() == [event])
        }
        #expect(work.sessions == 0)
        #expect(stub.watch.isOver)
    }

    @Test("ends its watches when it drains: their streams end, and no new one is opened")
    func drains() async throws {
        let storage = try tracked()
        let stream = try await storage.watch(everything, after: .zero)
        let reader = Task { try await stream.nextBatch() }
        registry.close([storage.gate])
        #expect(work.sessions == 1, "closing the gate alone ends no session")
        storage.endWatches()
        #expect(try await reader.value == nil)
        #expect(work.sessions == 0)
        await #expect { try await storage.watch(everything, after: .zero) } throws: {
            ($0 as? WorkRejected)?.reason == .draining
        }
        #expect(await registry.sessionsEnded(of: [storage.gate]) == .drained)
    }

    @Test("ends a watch that was being opened while the drain began")
    func opensDuringDrain() async throws {
        let gate = try registry.register("storage")
        let slow = SlowlyWatched { [registry] in registry.close([gate]) }
        let storage = TrackedStorage(slow, gate: gate)
        let stream = try await storage.watch(everything, after: .zero)
        #expect(try await stream.nextBatch() == nil)
        #expect(work.sessions == 0)
    }

    @Test("hands on why a watch ended, and its session ends with it")
    func failingWatch() async throws {
        let storage = try tracked()
        let stream = try await storage.watch(everything, after: .zero)
        let expired = ObjectError.expired(ResourceVersion(1), oldest: ResourceVersion(9))
        stub.watch.fail(expired)
        await #expect(throws: expired) { try await stream.nextBatch() }
        #expect(work.sessions == 0)
    }

    @Test("lists what runs, with its key, where the gate lists")
    func listed() async throws {
        let storage = TrackedStorage(
            SlowlyWatched { [registry] in
                let running = registry.snapshot().component(named: "storage")!.slowest
                #expect(running.map(\.name) == ["watch"])
                #expect(running.map(\.key) == ["ConfigMap"])
            }, gate: try registry.register("storage", GateOptions(slowOperations: .listed)))
        let selection = ObjectSelection(kind: ObjectKind(group: "", name: "ConfigMap"))
        _ = try await storage.watch(WatchQuery(selection), after: .zero)
        #expect(work.slowest.isEmpty)
    }

    /// Calls out while a watch is being opened.
    struct SlowlyWatched: Storage {
        let stub = StubStorage()
        let opening: @Sendable () -> Void

        func get(_ key: ObjectKey) async throws -> Object? { try await stub.get(key) }
        func list(_ query: ListQuery) async throws -> ObjectPage { try await stub.list(query) }
        func create(_ object: Object) async throws -> Object { try await stub.create(object) }
        func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
            try await stub.update(object, if: preconditions)
        }
        func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
            try await stub.delete(key, if: preconditions)
        }
        func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
            opening()
            return try await stub.watch(query, after: version)
        }
        func currentVersion() async throws -> ResourceVersion { try await stub.currentVersion() }
        func close() async throws {}
    }
}
