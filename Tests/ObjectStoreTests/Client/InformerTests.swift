import Logging
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import ObjectStore

/// Gives way until `condition` holds; the test's time limit is its bound.
func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}

/// What a handler was told.
final class Notes: Sendable {
    private let believer = Mutex(Believer())
    private let texts = Mutex<[String]>([])

    func take(_ change: ResourceChange<Gadget>) {
        believer.withLock { $0.take(change) }
        let text =
            switch change.change {
            case .added(let gadget): "+\(gadget.metadata.name)\(gadget.spec.size)"
            case .updated(let old, let new): "\(old.metadata.name)\(old.spec.size)>\(new.spec.size)"
            case .deleted(let gadget): "-\(gadget.metadata.name)\(gadget.spec.size)"
            }
        texts.withLock { $0.append(text) }
    }

    var all: [String] { texts.withLock { $0 } }
    var known: [Gadget] {
        believer.withLock { $0.known }.values.sorted {
            ($0.metadata.namespace, $0.metadata.name) < ($1.metadata.namespace, $1.metadata.name)
        }
    }
    var contradictions: [String] { believer.withLock { $0.contradictions } }
}

@Suite("An informer", .timeLimit(.minutes(1)))
struct InformerTests {
    let store = anyStore()
    let clock = SimulatedClock()
    let registry = WorkRegistry()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var client: Client { Client(store) }

    /// Runs an informer while `body` does.
    func running<R: Resource>(
        _ informer: Informer<R>, on gate: Gate? = nil, _ body: () async throws -> Void
    ) async throws {
        let gate = try gate ?? registry.register("informer")
        let loop = Task { [clock, logger] in await informer.run(gate: gate, clock: clock, logger: logger) }
        do {
            try await body()
        } catch {
            loop.cancel()
            throw error
        }
        loop.cancel()
        await loop.value
    }

    @Test("knows what is there, and follows what changes")
    func follows() async throws {
        for name in ["b", "a", "c"] { try await client.create(Gadget(name)) }
        let informer = Informer(store, Gadget.self)
        #expect(!informer.hasSynced)
        #expect(informer.get("a", in: "default") == nil)
        try await running(informer) {
            try await informer.synced()
            #expect(informer.list().map(\.metadata.name) == ["a", "b", "c"])
            let updated = try await client.update(Gadget.self, "b") { $0.spec.size = 9 }
            await until { informer.get("b", in: "default") == updated }
            try await client.delete(Gadget.self, "a")
            try await client.create(Gadget("d", in: "other"))
            await until { informer.list().map(\.metadata.name) == ["b", "c", "d"] }
            #expect(informer.list(in: "default").map(\.metadata.name) == ["b", "c"])
            #expect(informer.get(client.key(Gadget.self, "d", in: "other"))?.metadata.namespace == "other")
            #expect(informer.count == 3)
        }
        #expect(informer.count == 3, "what it knew stays readable")
    }

    @Test("asks for big lists page by page")
    func pages() async throws {
        for index in 0..<25 { try await client.create(Gadget("w\(index)")) }
        let tokens = Mutex(0)
        let counting = HookedAccess(wrapped: store) { call in
            if case .list = call { tokens.withLock { $0 += 1 } }
        }
        let informer = Informer(counting, Gadget.self, pageMax: 10)
        try await running(informer) {
            try await informer.synced()
            #expect(informer.count == 25)
            #expect(tokens.withLock { $0 } == 3)
        }
    }

    @Test("tells handlers of changes in order, and new ones of what is there first")
    func handlers() async throws {
        try await client.create(Gadget("a", size: 1))
        let (early, late) = (Notes(), Notes())
        let informer = Informer(store, Gadget.self)
        informer.addHandler(early.take)
        try await running(informer) {
            try await informer.synced()
            try await client.update(Gadget.self, "a") { $0.spec.size = 2 }
            try await client.create(Gadget("b", size: 3))
            await until { early.all.count == 3 }
            let id = informer.addHandler(late.take)
            try await informer.synced()
            #expect(late.all == ["+a2", "+b3"])
            try await client.delete(Gadget.self, "a")
            await until { late.all.count == 3 && early.all.count == 4 }
            #expect(early.all == ["+a1", "a1>2", "+b3", "-a2"])
            #expect(late.all == ["+a2", "+b3", "-a2"])
            informer.removeHandler(id)
            try await client.delete(Gadget.self, "b")
            await until { early.all.count == 5 }
            #expect(late.all.count == 3)
        }
    }

    @Test("is synced only when each handler was told of everything, the first ones and later ones")
    func syncedAfterTelling() async throws {
        for name in ["a", "b"] { try await client.create(Gadget(name)) }
        let informer = Informer(store, Gadget.self)
        let seen = Mutex<[String]>([])
        func handler(_ called: String) -> @Sendable (ResourceChange<Gadget>) -> Void {
            { change in
                let text = "\(called) \(change.resource.metadata.name) \(informer.hasSynced)"
                seen.withLock { $0.append(text) }
            }
        }
        informer.addHandler(handler("early"))
        try await running(informer) {
            try await informer.synced()
            #expect(seen.withLock { $0 } == ["early a false", "early b false"])
            informer.addHandler(handler("late"))
            try await informer.synced()
            #expect(seen.withLock { $0.dropFirst(2) } == ["late a false", "late b false"])
            try await client.create(Gadget("c"))
            await until { seen.withLock { $0.count } == 6 }
            #expect(seen.withLock { $0.dropFirst(4) } == ["early c true", "late c true"])
        }
    }

    @Test("finds objects by its indexes, also by those that come later")
    func indexes() async throws {
        try await client.create(Gadget("a", labels: ["team": "red"]))
        try await client.create(Gadget("b", labels: ["team": "blue"]))
        let informer = Informer(store, Gadget.self, indexes: [.label("team")])
        try await running(informer) {
            try await informer.synced()
            #expect(informer.list("team", "red").map(\.metadata.name) == ["a"])
            informer.add(InformerIndex("size") { ["\($0.spec.size)"] })
            #expect(informer.list("size", "1").map(\.metadata.name) == ["a", "b"])
            try await client.update(Gadget.self, "b") { gadget in
                gadget.spec.size = 2
                gadget.metadata.labels = ["team": "red"]
            }
            await until { informer.list("team", "red").count == 2 }
            #expect(informer.list("team", "blue").isEmpty)
            #expect(informer.list("size", "2").map(\.metadata.name) == ["b"])
            try await client.delete(Gadget.self, "b")
            await until { informer.list("size", "2").isEmpty }
        }
    }

    @Test("waits after an error and goes on, and longer after the next")
    func errors() async throws {
        try await client.create(Gadget("a"))
        let failures = Mutex(3)
        let failing = HookedAccess(wrapped: store) { call in
            guard case .list = call else { return }
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { throw ObjectError(.unavailable, "not now") }
        }
        let informer = Informer(failing, Gadget.self)
        try await running(informer) {
            for wait: Duration in [.milliseconds(100), .milliseconds(200), .milliseconds(400)] {
                await clock.sleepers(atLeast: 1)
                #expect(clock.nextDeadline == clock.now + wait)
                clock.advance(by: wait)
            }
            try await informer.synced()
            #expect(informer.count == 1)
        }
    }

    @Test("lists again where its version is forgotten, and tells what it missed")
    func expires() async throws {
        try await client.create(Gadget("a", size: 1))
        try await client.create(Gadget("b", size: 2))
        let notes = Notes()
        let isHeld = Mutex(true)
        let client = client
        let forgetting = HookedAccess(wrapped: store) { call in
            guard case .watch(let version) = call else { return }
            let holds = isHeld.withLock { isHeld in
                defer { isHeld = false }
                return isHeld
            }
            guard holds else { return }
            try await client.delete(Gadget.self, "a")
            try await client.update(Gadget.self, "b") { $0.spec.size = 3 }
            try await client.create(Gadget("c", size: 4))
            throw ObjectError.expired(version, oldest: ResourceVersion(99))
        }
        let informer = Informer(forgetting, Gadget.self)
        informer.addHandler(notes.take)
        try await running(informer) {
            await until { notes.all.count == 5 }
            await until { notes.all == ["+a1", "+b2", "-a1", "b2>3", "+c4"] }
            #expect(clock.sleeperCount == 0, "an expiry is not waited for")
        }
    }

    @Test("leaves out what its type cannot read, until it can")
    func malformed() async throws {
        try await client.create(Gadget("good"))
        let bad = Object(
            apiVersion: "example.com/v1", kind: "Gadget", metadata: ObjectMetadata(name: "bad", namespace: "default"),
            content: ["spec": ["size": "big"]])
        _ = try await store.create(bad)
        let informer = Informer(store, Gadget.self)
        let notes = Notes()
        informer.addHandler(notes.take)
        try await running(informer) {
            try await informer.synced()
            #expect(informer.list().map(\.metadata.name) == ["good"])
            _ = try await store.patch(bad.key, .merge(["spec": ["size": 5]]), .main)
            await until { informer.count == 2 }
            _ = try await store.patch(bad.key, .merge(["spec": ["size": "small"]]), .main)
            await until { informer.count == 1 }
            await until { notes.all == ["+good1", "+bad5", "-bad5"] }
        }
    }

    @Test("outlives its store's drain: its watch ends, and begins again when the store is open")
    func storeDrains() async throws {
        let gate = try registry.register("objects")
        let tracked = TrackedAccess(store, gate: gate)
        let informer = Informer(tracked, Gadget.self)
        try await running(informer) {
            try await informer.synced()
            await until { registry.snapshot().component(named: "objects")!.sessions == 1 }
            registry.close([gate])
            tracked.endWatches()
            #expect(await registry.sessionsEnded(of: [gate]) == .drained)
            await clock.sleepers(atLeast: 1)
            clock.advanceToNextDeadline()
            await until { clock.nextDeadline.map { $0 > clock.now } == true }
            _ = await registry.drain(gates: [gate])
            try registry.reopen(gates: [gate])
            try await client.create(Gadget("a"))
            clock.advanceToNextDeadline()
            await until { informer.count == 1 }
        }
    }

    @Test("ends when its own gate closes, and counts what it takes in")
    func ownDrain() async throws {
        let gate = try registry.register("informer")
        let informer = Informer(store, Gadget.self)
        let loop = Task { [clock, logger] in await informer.run(gate: gate, clock: clock, logger: logger) }
        try await informer.synced()
        #expect(registry.snapshot().component(named: "informer")!.succeeded >= 1)
        registry.close([gate])
        try await client.create(Gadget("a"))
        await loop.value
        #expect(informer.count == 0)
    }

    @Test("stopped, it ends at once, and nobody waits for it any longer")
    func stops() async throws {
        let never = HookedAccess(wrapped: store) { _ in throw ObjectError(.unavailable, "never") }
        let informer = Informer(never, Gadget.self)
        let waiter = Task { try await informer.synced() }
        informer.stop()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        let following = Informer(store, Gadget.self)
        try await running(following) {
            try await following.synced()
            following.stop()
        }
    }

    @Test("under many writers, and watches that break off, knows in the end what the store has", arguments: 1...8)
    func property(seed: UInt64) async throws {
        let store = anyStore(historyMax: seed % 2 == 0 ? 64 : 16_384, seed: seed)
        let random = Mutex(SeededRandom(seed: seed))
        let unsteady = UnsteadyAccess(wrapped: store, random: random.withLock { $0.split() })
        let informer = Informer(unsteady, Gadget.self, indexes: [.label("team")], pageMax: 5)
        let notes = Notes()
        informer.addHandler(notes.take)
        let late = Notes()
        // Sleeps end at once: what is waited for is not what is tested here.
        let ticker = Task { [clock] in
            while !Task.isCancelled {
                clock.advanceToNextDeadline()
                await Task.yield()
            }
        }
        try await running(informer) {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    var mine = random.withLock { $0.split() }
                    group.addTask {
                        for step in 0..<150 { await change(store, step, &mine) }
                    }
                }
                group.addTask {
                    for _ in 0..<20 {
                        for _ in 0..<50 { await Task.yield() }
                        unsteady.breakOff()
                    }
                    informer.addHandler(late.take)
                }
            }
            unsteady.becomeSteady()
            let expected = try await Client(store).list(Gadget.self).items
            await until { informer.list() == expected && notes.known == expected && late.known == expected }
            for team in ["red", "blue"] {
                #expect(
                    informer.list("team", team) == expected.filter { $0.metadata.labels["team"] == team },
                    "seed \(seed)")
            }
            #expect(notes.contradictions == [], "seed \(seed)")
            #expect(late.contradictions == [], "seed \(seed)")
        }
        ticker.cancel()
    }

    private func change(_ store: ObjectStore, _ step: Int, _ random: inout SeededRandom) async {
        let client = Client(store)
        let name = "w\(Int.random(in: 0..<15, using: &random))"
        let labels = ["team": random.chance(0.5) ? "red" : "blue"]
        do {
            if random.chance(0.4) {
                try await client.delete(Gadget.self, name)
            } else {
                try await client.createOrUpdate(Gadget(name)) { gadget in
                    gadget.spec.size = step
                    gadget.metadata.labels = labels
                }
            }
        } catch {
            // Somebody else was faster, or it was not there.
        }
        await Task.yield()
    }
}

/// An access whose lists fail and whose watches end, under a seed.
final class UnsteadyAccess: ObjectAccess {
    private struct State {
        var random: SeededRandom
        var watches: [WatchStream] = []
        var isSteady = false
    }

    private let wrapped: ObjectStore
    private let state: Mutex<State>

    init(wrapped: ObjectStore, random: SeededRandom) {
        self.wrapped = wrapped
        state = Mutex(State(random: random))
    }

    func breakOff() {
        let watches = state.withLock { state in
            defer { state.watches = [] }
            return state.watches
        }
        for watch in watches { watch.cancel() }
    }

    func becomeSteady() { state.withLock { $0.isSteady = true } }

    private func maybeFail() throws {
        let failure = state.withLock { state -> ObjectError? in
            guard !state.isSteady, state.random.chance(0.2) else { return nil }
            return state.random.chance(0.5)
                ? ObjectError.expired(.zero, oldest: .zero) : ObjectError(.internalError, "a fault")
        }
        if let failure { throw failure }
    }

    func get(_ key: ObjectKey) async throws -> Object { try await wrapped.get(key) }
    func list(_ query: ListQuery) async throws -> ObjectPage {
        try maybeFail()
        return try await wrapped.list(query)
    }
    func create(_ object: Object) async throws -> Object { try await wrapped.create(object) }
    func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        try await wrapped.update(object, part)
    }
    func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        try await wrapped.patch(key, patch, part)
    }
    func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        try await wrapped.delete(key, options)
    }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try maybeFail()
        let stream = try await wrapped.watch(query, after: version)
        state.withLock { $0.watches.append(stream) }
        return stream
    }
    func kinds() async throws -> [KindDefinition] { try await wrapped.kinds() }
}

@Suite("Shared informers", .timeLimit(.minutes(1)))
struct InformersTests {
    let clock = SimulatedClock()
    let objects = ObjectsComponent(
        MemoryStorage(), configuration: ObjectStore.Configuration(kinds: .any), collection: .off,
        clock: SimulatedClock())

    func runtime() -> Runtime {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        return Runtime(configuration, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test("are one for each type and selection, and end with their last user")
    func shared() async throws {
        let runtime = runtime()
        let informers = Informers(objects.access)
        try runtime.addObjects(objects)
        try runtime.register(informers)
        let early = informers.informer(Gadget.self)
        let report = try await runtime.run {
            try await early.synced()
            let again = informers.informer(Gadget.self, indexes: [.label("team")])
            #expect(again === early)
            let other = informers.informer(Gadget.self, in: "blue")
            #expect(other !== early)
            try await other.synced()
            try await Client(objects.access).create(Gadget("a", labels: ["team": "red"]))
            await until { again.list("team", "red").count == 1 }
            #expect(other.count == 0)
            func sessions() -> Int { runtime.workRegistry.snapshot().component(named: "objects")!.sessions }
            await until { sessions() == 2 }
            informers.release(early)
            informers.release(other)
            await until { sessions() == 1 }
            informers.release(again)
            await until { sessions() == 0 }
            #expect(informers.informer(Gadget.self) !== early, "a new user gets a new one")
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
    }

    @Test("stay readable while those who read them drain, and end before the store does")
    func drains() async throws {
        let runtime = runtime()
        let informers = Informers(objects.access)
        try runtime.addObjects(objects)
        try runtime.register(informers)
        let gadgets = informers.informer(Gadget.self)
        let seen = Mutex(0)
        try runtime.host("reader", dependsOn: ["informers", "objects"]) { scope in
            await scope.stopRequested()
            seen.withLock { $0 = gadgets.count }
        }
        let report = try await runtime.run {
            try await gadgets.synced()
            try await Client(objects.access).create(Gadget("a"))
            await until { gadgets.count == 1 }
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
        #expect(seen.withLock { $0 } == 1)
    }

    @Test("go on where they were when an operator resumes what he drained")
    func resumes() async throws {
        let runtime = runtime()
        let informers = Informers(objects.access)
        try runtime.addObjects(objects)
        try runtime.register(informers)
        let gadgets = informers.informer(Gadget.self)
        let notes = Notes()
        gadgets.addHandler(notes.take)
        let report = try await runtime.run {
            try await gadgets.synced()
            try runtime.drain("informers")
            await until { runtime.workRegistry.snapshot().component(named: "informers")?.loops == 0 }
            try await Client(objects.access).create(Gadget("a"))
            #expect(gadgets.count == 0)
            await until { runtime.workRegistry.snapshot().component(named: "informers")?.isSealed == true }
            try await runtime.resume("informers")
            await until { gadgets.count == 1 }
            await until { notes.all == ["+a1"] }
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
    }
}
