import Glibc
import Testing
import WorkTracking

@Suite("The registry", .timeLimit(.minutes(1)))
struct WorkRegistryTests {
    let registry = WorkRegistry()

    @Test("a name is taken once, and free again after unregistering")
    func names() async throws {
        let first = try registry.register("kafka/orders-0")
        let error = #expect(throws: WorkRegistryError.self) { try registry.register("kafka/orders-0") }
        #expect(error?.code == .duplicateName)
        #expect("\(error!)" == "two components want the name kafka/orders-0; rename one of them")
        #expect(registry.gate(named: "kafka/orders-0") === first)
        try await registry.unregister("kafka/orders-0")
        #expect(registry.gate(named: "kafka/orders-0") == nil)
        let second = try registry.register("kafka/orders-0")
        #expect(second !== first)
        #expect(refusal(first) == .draining, "the old gate stays closed")
        #expect(throws: WorkRegistryError.self) { try registry.reopen(gates: [first]) }
        await #expect(throws: WorkRegistryError.self) { try await registry.unregister("nobody") }
    }

    @Test("components are listed by name, in whatever order they came")
    func order() throws {
        for name in ["raft", "http", "kafka/b-1", "kafka", "kafka/b-0"] { try registry.register(name) }
        #expect(registry.snapshot().components.map(\.name) == ["http", "kafka", "kafka/b-0", "kafka/b-1", "raft"])
        #expect(registry.gates.map(\.name) == registry.snapshot().components.map(\.name))
        #expect(registry.gate(named: "kafk") == nil)
    }

    @Test("unregistering waits for operations, loops and sessions")
    func unregisterWaits() async throws {
        let gate = try registry.register("store")
        let permit = try gate.enter()
        let loop = HeldLoop(try gate.startLoop())
        let session = HeldSession(try gate.openSession())
        async let done: Void = registry.unregister("store")
        await until { gate.isClosed }
        permit.end()
        await until { gate.snapshot().isSealed }
        loop.end()
        #expect(registry.gate(named: "store") === gate)
        session.close()
        try await done
        #expect(registry.gate(named: "store") == nil)
    }

    @Test("unregistering that is cancelled leaves the component registered and closed")
    func unregisterCancelled() async throws {
        let gate = try registry.register("store")
        let session = try gate.openSession()
        let task = Task { try await registry.unregister("store") }
        await until { gate.snapshot().isSealed }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(registry.gate(named: "store") === gate)
        session.close()
        try await registry.unregister("store")
    }

    @Test("two who unregister the same component both return")
    func unregisterTwice() async throws {
        let gate = try registry.register("store")
        let permit = try gate.enter()
        async let first: Void = registry.unregister("store")
        async let second: Void = registry.unregister("store")
        await until { gate.isClosed }
        permit.end()
        _ = try await (first, second)
        #expect(registry.gates.isEmpty)
    }

    @Test("a component costs less than 256 bytes")
    func memory() async throws {
        typealias UsableSize = @convention(c) (UnsafeRawPointer?) -> Int
        let symbol = try #require(dlsym(nil, "malloc_usable_size"))
        let usableSize = unsafeBitCast(symbol, to: UsableSize.self)
        let gate = try registry.register("kafka/orders-0", GateOptions())
        let object = usableSize(Unmanaged.passUnretained(gate).toOpaque())
        #expect(object >= 128, "two gates do not share a cache line, nor its neighbour: \(object)")
        // The allocator's header, and a place in an array that may have grown just now.
        #expect(object + 8 + 16 < 256)
    }
}

@Suite("Snapshots", .timeLimit(.minutes(1)))
struct SnapshotTests {
    let registry = WorkRegistry()

    @Test("the first comes at once, the next when its time came, or when a component changes")
    func sequence() async throws {
        let gate = try registry.register("store")
        registry.advanceClock(to: 1_000)
        var iterator = registry.snapshots(everyNanoseconds: 100).makeAsyncIterator()
        #expect(await iterator.next()?.takenAtNanoseconds == 1_000)

        registry.advanceClock(to: 1_050)
        registry.setReadOnly([gate])
        #expect(await iterator.next()?.components[0].isReadOnly == true)

        registry.advanceClock(to: 1_149)
        async let ticking: Void = {
            for time: Int64 in 1_150...1_160 { registry.advanceClock(to: time) }
        }()
        let next = await iterator.next()
        await ticking
        #expect((1_150...1_160).contains(try #require(next).takenAtNanoseconds))
    }

    @Test("a reader that is behind gets the latest, once")
    func latest() async throws {
        var iterator = registry.snapshots(everyNanoseconds: 10).makeAsyncIterator()
        _ = await iterator.next()
        for time: Int64 in 1...100 { registry.advanceClock(to: time) }
        try registry.register("a")
        try registry.register("b")
        let snapshot = await iterator.next()
        #expect(snapshot?.takenAtNanoseconds == 100)
        #expect(snapshot?.components.count == 2)
    }

    @Test("it ends when the reading task is cancelled")
    func cancelled() async throws {
        let reader = Task {
            var count = 0
            for await _ in registry.snapshots { count += 1 }
            return count
        }
        reader.cancel()
        #expect(await reader.value <= 1)
    }
}

@Suite("Slow operations", .timeLimit(.minutes(1)))
struct SlowOperationTests {
    let registry = WorkRegistry()

    @Test("running operations are listed by age, with key and phase, and gone when ended")
    func listed() throws {
        let gate = try registry.register("store", GateOptions(slowOperations: .listed))
        registry.advanceClock(to: 5_000)
        let put = try gate.enter(as: "put", key: "orders/1")
        registry.advanceClock(to: 7_000)
        let get = try gate.enter(.read, as: "get", under: put)
        put.setPhase("syncing")
        registry.advanceClock(to: 9_000)
        let work = registry.work(of: gate)
        #expect(work.slowest.map(\.name) == ["put", "get"])
        #expect(work.slowest.map(\.key) == ["orders/1", ""])
        #expect(work.slowest.map(\.ageNanoseconds) == [4_000, 2_000])
        #expect(work.slowest.map(\.phase) == ["syncing", nil])
        put.end()
        #expect(registry.work(of: gate).oldest?.name == "get")
        get.end()
        #expect(registry.work(of: gate).oldest == nil)
    }

    @Test(
        "a key is cut at 48 bytes, between characters",
        arguments: [
            (String(repeating: "k", count: 48), 48), (String(repeating: "k", count: 60), 48),
            (String(repeating: "k", count: 47) + "ü", 47), ("", 0), ("12345678", 8),
            (String(repeating: "€", count: 20), 48),
        ])
    func keys(key: String, byteCount: Int) throws {
        let gate = try registry.register("store", GateOptions(slowOperations: .listed))
        let permit = try gate.enter(as: "put", key: key)
        #expect(registry.work(of: gate).oldest?.key == String(decoding: key.utf8.prefix(byteCount), as: UTF8.self))
        permit.end()
    }

    @Test("the 65th is counted, not listed; a free slot is used again")
    func full() throws {
        let gate = try registry.register("store", GateOptions(slowOperations: .listed))
        let held = try (0..<64).map { Held(try gate.enter(as: "put", key: "\($0)")) }
        let more = try gate.enter(as: "put", key: "more")
        more.setPhase("nowhere")
        #expect(registry.work(of: gate).slowest.count == 64)
        #expect(registry.work(of: gate).inFlight == 65)
        held[17].end()
        let last = try gate.enter(as: "put", key: "last")
        #expect(registry.work(of: gate).slowest.contains { $0.key == "last" })
        more.end()
        last.end()
        for held in held { held.end() }
        #expect(registry.work(of: gate).slowest.isEmpty)
    }

    @Test("where they are only counted, nothing is listed and no key is computed")
    func counted() async throws {
        let gate = try registry.register("store")
        func key() -> String {
            Issue.record("computed")
            return ""
        }
        let permit = try gate.enter(as: "put", key: key())
        permit.setPhase("syncing")
        try await gate.track("put", key: key()) {}
        #expect(registry.work(of: gate).oldest == nil)
        permit.end()
    }

    @Test("tracked work is listed while it runs")
    func tracked() async throws {
        let gate = try registry.register("store", GateOptions(slowOperations: .listed))
        try await gate.track("put", key: "a") {
            #expect(registry.work(of: gate).oldest?.key == "a")
        }
        #expect(registry.work(of: gate).oldest == nil)
    }
}
