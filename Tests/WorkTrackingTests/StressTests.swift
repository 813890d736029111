import Glibc
import Synchronization
import Testing
import WorkTracking

/// Several threads that give way at moments a seed chooses.
@Suite("Under stress", .timeLimit(.minutes(2)), .serialized)
struct StressTests {
    @Test("the counts add up, whatever the threads did", arguments: UInt64(1)...3)
    func counts(seed: UInt64) async throws {
        let registry = WorkRegistry()
        let gate = try registry.register("store", GateOptions(slowOperations: .listed))
        let rounds = 4_000
        let ended = (0..<4).map { _ in Counter() }
        let stop = Flag()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await onThreads(3) { thread in
                    var random = Seeded(seed, thread: thread)
                    for _ in 0..<rounds {
                        guard let permit = try? gate.enter(as: "unit", key: "thread \(thread)") else { continue }
                        random.maybeYield()
                        let outcome = Int(random.next(below: 4))
                        ended[outcome].add()
                        permit.setPhase("ending")
                        permit.end([.succeeded, .failed, .cancelled, .abandoned][outcome])
                    }
                }
                stop.raise()
            }
            group.addTask {
                var succeeded: UInt64 = 0
                var started: UInt64 = 0
                while !stop.isRaised {
                    let work = registry.scrape().components[0]
                    #expect(work.succeeded >= succeeded && work.started >= started, "seed \(seed): a counter fell")
                    #expect(work.inFlight <= 3 && work.peak <= 3 && work.recentPeak <= work.peak)
                    for slow in work.slowest {
                        #expect(slow.name == "unit" && slow.key.hasPrefix("thread ") && slow.key.count == 8)
                        #expect(slow.phase == nil || slow.phase == "ending")
                    }
                    (succeeded, started) = (work.succeeded, work.started)
                    await Task.yield()
                }
            }
        }
        let work = registry.work(of: gate)
        #expect(work.inFlight == 0)
        #expect(work.started == UInt64(3 * rounds))
        #expect([work.succeeded, work.failed, work.cancelled, work.abandoned] == ended.map(\.value), "seed \(seed)")
        #expect(work.slowest.isEmpty)
    }

    @Test("the limit holds, everybody gets his turn, and cancelled waiters leave no hole", arguments: UInt64(1)...3)
    func limit(seed: UInt64) async throws {
        let registry = WorkRegistry()
        let gate = try registry.register("store", GateOptions(maxConcurrent: 3))
        let inside = Occupancy()
        let done = Counter()
        let cancelled = Counter()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                var random = Seeded(seed, thread: index)
                let (pauses, isCancelled) = (random.next(below: 5), random.next(below: 3) == 0)
                group.addTask {
                    let task = Task {
                        try await gate.track("put") {
                            inside.enter()
                            for _ in 0..<pauses { await Task.yield() }
                            inside.leave()
                        }
                    }
                    for _ in 0..<pauses { await Task.yield() }
                    if isCancelled { task.cancel() }
                    do {
                        try await task.value
                        done.add()
                    } catch is CancellationError {
                        cancelled.add()
                    } catch {
                        Issue.record("\(error), seed \(seed)")
                    }
                }
            }
        }
        #expect(inside.most <= 3, "seed \(seed)")
        #expect(done.value + cancelled.value == 400)
        let work = registry.work(of: gate)
        #expect([work.inFlight, work.queued] == [0, 0])
        #expect(work.succeeded == done.value)
        #expect(work.peak <= 3)
        #expect(refusal(gate) == nil, "a slot was lost: seed \(seed)")
    }

    @Test("closing and opening again lose no waiter and no count", arguments: UInt64(1)...3)
    func closeAndReopen(seed: UInt64) async throws {
        let registry = WorkRegistry()
        let gate = try registry.register("store", GateOptions(maxConcurrent: 2, queueCountMax: 8))
        let admitted = Counter()
        let answered = Counter()
        let rounds = 3_000
        let stop = Flag()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await onThreads(3) { thread in
                    var random = Seeded(seed, thread: thread)
                    for _ in 0..<rounds {
                        gate.enterWaiting { result in
                            answered.add()
                            guard case .success(let permit) = consume result else { return }
                            admitted.add()
                            permit.end()
                        }
                        random.maybeYield()
                    }
                }
                stop.raise()
            }
            group.addTask {
                var random = Seeded(seed, thread: 9)
                while !stop.isRaised {
                    #expect(await registry.drain(gates: [gate]) == .drained, "seed \(seed)")
                    for _ in 0..<random.next(below: 20) { await Task.yield() }
                    #expect(throws: Never.self) { try registry.reopen(gates: [gate]) }
                    for _ in 0..<random.next(below: 20) { await Task.yield() }
                }
            }
        }
        #expect(answered.value == UInt64(3 * rounds), "seed \(seed)")
        let work = registry.work(of: gate)
        #expect(work.started == admitted.value)
        #expect(work.succeeded == admitted.value)
        #expect(work.rejected.total == answered.value - admitted.value)
        #expect([work.inFlight, work.queued] == [0, 0])
    }

    @Test(
        "drains of trees of nested work end, one after the other and with a fork at each step", arguments: UInt64(1)...3
    )
    func trees(seed: UInt64) async throws {
        for round in 0..<60 {
            let registry = WorkRegistry()
            let gates = try (0..<3).map { try registry.register("gate/\($0)") }
            let broken = Counter()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await onThreads(3) { thread in
                        var random = Seeded(seed &* 1_000 + UInt64(round), thread: thread)
                        while let root = try? gates[Int(random.next(below: 3))].enter() {
                            random.maybeYield()
                            let fork = root.fork()
                            random.maybeYield()
                            root.end()
                            guard let nested = try? gates[Int(random.next(below: 3))].enter(under: fork) else {
                                broken.add()
                                break
                            }
                            fork.end()
                            random.maybeYield()
                            nested.end()
                        }
                    }
                }
                group.addTask {
                    await until { gates.allSatisfy { $0.snapshot().started > 0 } }
                    #expect(await registry.drain(gates: gates) == .drained)
                    #expect(gates.map { $0.snapshot().inFlight } == [0, 0, 0])
                }
            }
            let count = broken.value
            #expect(count == 0, "honest nested work was refused: seed \(seed), round \(round)")
        }
    }

    @Test("components come, work and go while others look", arguments: UInt64(1)...2)
    func register(seed: UInt64) async throws {
        let registry = WorkRegistry()
        let stop = Flag()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<3 {
                group.addTask {
                    var random = Seeded(seed, thread: worker)
                    for round in 0..<150 {
                        let name = "kafka/topic-\(worker)-\(round)"
                        guard let gate = try? registry.register(name) else {
                            Issue.record("\(name) is taken, seed \(seed)")
                            return
                        }
                        let held = (0..<3).compactMap { _ in try? Held(gate.enter()) }
                        for held in held { detachThread { held.end() } }
                        for _ in 0..<random.next(below: 3) { await Task.yield() }
                        await #expect(throws: Never.self) { try await registry.unregister(name) }
                    }
                }
            }
            group.addTask {
                await until {
                    registry.advanceClock(to: 1);
                    return registry.snapshot().components.isEmpty && stop.isRaised
                }
            }
            for _ in 0..<3 { await group.next() }
            stop.raise()
        }
        #expect(registry.gates.isEmpty)
    }
}
