import Glibc
import Synchronization
import Testing
import WorkTracking

/// What goes wrong in the obvious design, and not here. Threads, seeds and times at which a thread gives way.
@Suite("Unlike the obvious design", .timeLimit(.minutes(2)), .serialized)
struct ObviousDesignTests {
    let registry = WorkRegistry()

    @Test("no operation enters after drain saw zero", arguments: UInt64(1)...4)
    func checkThenIncrement(seed: UInt64) async throws {
        for round in 0..<40 {
            let registry = WorkRegistry()
            let gate = try registry.register("store")
            let started = Counter()
            let isDrained = Flag()
            let late = Counter()
            let stop = Flag()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await onThreads(2) { thread in
                        var random = Seeded(seed &* 1_000 + UInt64(round), thread: thread)
                        while !stop.isRaised {
                            let wasDrained = isDrained.isRaised
                            guard let permit = try? gate.enter() else {
                                sched_yield()
                                continue
                            }
                            if wasDrained || isDrained.isRaised {
                                late.add()
                            }
                            started.add()
                            random.maybeYield()
                            if isDrained.isRaised { late.add() }
                            permit.end()
                        }
                    }
                }
                group.addTask {
                    var random = Seeded(seed, thread: 9)
                    let before = random.next(below: 200)
                    while started.value < before { await Task.yield() }
                    #expect(await registry.drain(gates: [gate]) == .drained)
                }
                group.addTask {
                    await until { gate.snapshot().isSealed && gate.snapshot().inFlight == 0 }
                    isDrained.raise()
                    let counted = gate.snapshot().started
                    for _ in 0..<20 { await Task.yield() }
                    #expect(gate.snapshot().started == counted, "seed \(seed)")
                    stop.raise()
                }
            }
            let lateCount = late.value
            #expect(lateCount == 0, "seed \(seed), round \(round)")
            #expect(gate.snapshot().started == started.value)
        }
    }

    @Test("an admitted reconcile finishes its own writes while every layer refuses new work")
    func everyLayerRefuses() async throws {
        let reconciler = try registry.register("reconciler")
        let store = try registry.register("store")
        let disk = try registry.register("disk")
        let written = Counter()
        let began = Flag()
        let goOn = Flag()
        let work = Task {
            try await reconciler.track("reconcile") {
                began.raise()
                await until { goOn.isRaised }
                for _ in 0..<10 {
                    try await store.track("put", lineage: .leaf) {
                        try await disk.track("write", lineage: .leaf) {
                            written.add()
                        }
                    }
                }
            }
        }
        await until { began.isRaised }
        async let verdict = registry.drain(gates: [reconciler, store, disk])
        await until { [reconciler, store, disk].allSatisfy(\.isClosed) }
        #expect([reconciler, store, disk].map { refusal($0) } == [.draining, .draining, .draining])
        goOn.raise()
        try await work.value
        #expect(await verdict == .drained)
        let writes = written.value
        #expect(writes == 10)
        #expect(registry.snapshot().components.map(\.failed) == [0, 0, 0])
    }

    @Test("draining cancels nothing of what it waits for")
    func drainIsNotCancellation() async throws {
        let gate = try registry.register("store")
        let work = Task {
            try await gate.track("put") {
                await until { gate.isClosed }
                for _ in 0..<50 { await Task.yield() }
                return Task.isCancelled
            }
        }
        await until { gate.snapshot().inFlight == 1 }
        #expect(await registry.drain(gates: [gate]) == .drained)
        #expect(try await work.value == false)
        let counts = registry.work(of: gate)
        #expect([counts.succeeded, counts.cancelled] == [1, 0])
    }

    @Test("work that wanders from gate to gate is never overlooked, nor refused", arguments: UInt64(1)...4)
    func scanIsNoSnapshot(seed: UInt64) async throws {
        for round in 0..<100 {
            let registry = WorkRegistry()
            let gates = try (0..<4).map { try registry.register("gate/\($0)") }
            let first = Held(try gates[0].enter())
            let isOver = Flag()
            let isRefused = Flag()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await onThreads(1) { thread in
                        var random = Seeded(seed &* 1_000 + UInt64(round), thread: thread)
                        var current = first.take()
                        for _ in 0..<random.next(below: 300) {
                            let next = gates[Int(random.next(below: 4))]
                            guard let permit = try? next.enter(under: current) else {
                                isRefused.raise()
                                break
                            }
                            random.maybeYield()
                            let old = consume current
                            old.end()
                            current = permit
                        }
                        isOver.raise()
                        current.end()
                    }
                }
                group.addTask {
                    #expect(await registry.drain(gates: gates) == .drained)
                    let wasOver = isOver.isRaised
                    #expect(wasOver, "drained before the work was over: seed \(seed), round \(round)")
                }
            }
            let wasRefused = isRefused.isRaised
            #expect(!wasRefused, "seed \(seed), round \(round)")
        }
    }

    @Test("refused callers never make the count blip, and nothing is in flight twice", arguments: UInt64(1)...2)
    func addThenUndo(seed: UInt64) async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let permit = Held(try gate.enter())
        registry.close([gate])
        let stop = Flag()
        let blips = Counter()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await onThreads(2) { thread in
                    var random = Seeded(seed, thread: thread)
                    while !stop.isRaised {
                        if refusal(gate, random.next(below: 2) == 0 ? .read : .write) == nil {
                            blips.add()
                        }
                        random.maybeYield()
                    }
                }
            }
            group.addTask {
                for _ in 0..<20_000 where gate.snapshot().inFlight != 1 { blips.add() }
                permit.end()
                #expect(await registry.drain(gates: [gate]) == .drained)
                for _ in 0..<20_000 where gate.snapshot().inFlight != 0 { blips.add() }
                stop.raise()
            }
        }
        let count = blips.value
        #expect(count == 0)
        #expect(gate.snapshot().peak == 1)
        #expect(gate.snapshot().started == 1)
    }

    @Test("every way out of a permit counts one end: the number in flight never wraps")
    func endTwice() async throws {
        let gate = try registry.register("store")
        struct Broken: Error {}
        func give(_ permit: consuming Permit) throws {
            throw Broken()
        }
        for round in 0..<100 {
            switch round % 4 {
            case 0:
                let permit = try gate.enter()
                permit.end(.failed)
            case 1:
                let permit = try gate.enter()
                #expect(throws: Broken.self) { try give(gate.enter()) }
                _ = consume permit
            case 2: try? await gate.track("put") { throw Broken() }
            default:
                var kept: Permit? = try gate.enter()
                kept = nil
                kept.take()?.end()
            }
            #expect(gate.snapshot().inFlight == 0)
        }
        let work = gate.snapshot()
        #expect(work.started == 125)
        #expect([work.failed, work.abandoned, work.succeeded] == [50, 75, 0])
        #expect(await registry.drain(gates: [gate]) == .drained)
    }

    @Test("watchers are counted, and do not hold the drain of operations up")
    func watchers() async throws {
        let gate = try registry.register("http")
        let watcher = try gate.openSession()
        let message = try gate.enter()
        async let verdict = registry.drain(gates: [gate])
        await until { gate.isClosed }
        message.end()
        #expect(await verdict == .drained)
        #expect(registry.work(of: gate).sessions == 1, "not forgotten")
        watcher.close()
    }

    @Test("the last end wakes the drain: no poll adds its period")
    func noPolling() async throws {
        var fastest = Int64.max
        for _ in 0..<20 {
            let registry = WorkRegistry()
            let gate = try registry.register("store")
            let permit = try gate.enter()
            let drain = Task {
                await registry.drain(gates: [gate])
                return monotonicNanoseconds()
            }
            await until { gate.isClosed }
            for _ in 0..<10 { await Task.yield() }
            let ended = monotonicNanoseconds()
            permit.end()
            fastest = min(fastest, await drain.value - ended)
        }
        #expect(fastest < 20_000_000, "\(fastest) ns")
    }

    @Test("a stuck component does not keep the others: its wait ends when its deadline cancels it")
    func stuck() async throws {
        let stuck = try registry.register("stuck")
        let other = try registry.register("other")
        let permit = try stuck.enter()
        let waiting = Task { await registry.drain(gates: [stuck]) }
        await until { stuck.isClosed }
        #expect(await registry.drain(gates: [other]) == .drained)
        waiting.cancel()
        #expect(await waiting.value == .interrupted)
        #expect(registry.work(of: stuck).inFlight == 1, "reported as still running")
        permit.end()
    }

    @Test("until its gate closes a component serves, whatever was announced: who hands over still leads")
    func handOverWhileServing() async throws {
        let gate = try registry.register("kafka/orders-0")
        registry.beginShutdown()
        let permit = try gate.enter()
        permit.end()
        let session = try gate.openSession()
        session.close()
        #expect(!gate.isClosed)
    }
}
