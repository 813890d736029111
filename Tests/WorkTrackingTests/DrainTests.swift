import Synchronization
import Testing
import WorkTracking

@Suite("Draining and opening again", .timeLimit(.minutes(1)))
struct DrainTests {
    let registry = WorkRegistry()

    @Test("an idle component is drained and sealed at once")
    func idle() async throws {
        let gate = try registry.register("store")
        #expect(await registry.drain(gates: [gate]) == .drained)
        let work = registry.work(of: gate)
        #expect(work.isClosed && work.isSealed)
        #expect(await registry.drain(gates: [gate]) == .drained, "again")
    }

    @Test("nothing to drain is drained")
    func none() async {
        #expect(await registry.drain(gates: []) == .drained)
    }

    @Test("drain waits for the last operation of all gates, whoever is last", arguments: [[0, 1, 2], [2, 0, 1]])
    func waits(order: [Int]) async throws {
        let gates = try (0..<3).map { try registry.register("store/\($0)") }
        let ends = try gates.map { gate in
            let permit = try gate.enter()
            return Held(permit)
        }
        let isDrained = Flag()
        async let verdict = {
            let verdict = await registry.drain(gates: gates)
            isDrained.raise()
            return verdict
        }()
        await until { gates.allSatisfy(\.isClosed) }
        for index in order {
            let isEarly = isDrained.isRaised
            #expect(!isEarly)
            #expect(gates.allSatisfy { !$0.snapshot().isSealed })
            ends[index].end()
        }
        #expect(await verdict == .drained)
        #expect(gates.allSatisfy { $0.snapshot().isSealed })
    }

    @Test("reaching zero before the seal is only a hint: nested work goes 1, 0, 1 and is waited for")
    func hint() async throws {
        let caller = try registry.register("caller")
        let store = try registry.register("store")
        let parent = try caller.enter()
        async let verdict = registry.drain(gates: [caller, store])
        await until { store.isClosed }
        for _ in 0..<100 {
            let nested = try store.enter(under: parent)
            await Task.yield()
            nested.end()
            await Task.yield()
            #expect(!store.snapshot().isSealed)
        }
        parent.end()
        #expect(await verdict == .drained)
    }

    @Test("drain waits for loops, by their own flag")
    func loops() async throws {
        let gate = try registry.register("ticker")
        let loop = HeldLoop(try gate.startLoop())
        async let verdict = registry.drain(gates: [gate])
        await until { gate.snapshot().isSealed }
        #expect(registry.work(of: gate).loops == 1)
        #expect(refusal(gate) == .draining, "the next iteration is refused, and the loop returns")
        loop.end()
        #expect(await verdict == .drained)
    }

    @Test("sessions do not hold drain up; who waits for them is woken by the last one")
    func sessions() async throws {
        let gate = try registry.register("http")
        let first = try gate.openSession()
        let second = HeldSession(try gate.openSession())
        #expect(await registry.drain(gates: [gate]) == .drained)
        async let ended = registry.sessionsEnded(of: [gate])
        first.close()
        #expect(registry.work(of: gate).sessions == 1)
        second.close()
        #expect(await ended == .drained)
    }

    @Test("cancelling the wait returns at once, keeps the work, and leaves the gates closed")
    func cancelled() async throws {
        let gate = try registry.register("store")
        let permit = try gate.enter()
        let drain = Task { await registry.drain(gates: [gate]) }
        await until { gate.isClosed }
        drain.cancel()
        #expect(await drain.value == .interrupted)
        let work = registry.work(of: gate)
        #expect(work.isClosed && !work.isSealed)
        #expect(work.inFlight == 1)
        #expect(refusal(gate, under: permit) == nil)
        permit.end()
        #expect(await registry.drain(gates: [gate]) == .drained)
    }

    @Test("a drained component is opened again, and counts on")
    func reopen() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let before = try gate.enter()
        before.end()
        #expect(await registry.drain(gates: [gate]) == .drained)
        try registry.reopen(gates: [gate])
        #expect(!gate.isClosed)
        let permit = try gate.enter()
        let session = try gate.openSession()
        session.close()
        permit.end()
        #expect(registry.work(of: gate).started == 2)
        #expect(await registry.drain(gates: [gate]) == .drained)
    }

    @Test("what still works is not opened again, what is idle is")
    func reopenBusy() async throws {
        let busy = try registry.register("busy")
        let idle = try registry.register("idle")
        let permit = try busy.enter()
        registry.close([busy, idle])
        let error = #expect(throws: WorkRegistryError.self) { try registry.reopen(gates: [busy, idle]) }
        #expect(error?.code == .busy)
        #expect(error?.names == ["busy"])
        #expect(busy.isClosed && !idle.isClosed)
        permit.end()
        try registry.reopen(gates: [busy, idle])
        #expect(!busy.isClosed)
    }

    @Test("opening one again interrupts who drains it together with another")
    func reopenWhileDraining() async throws {
        let busy = try registry.register("busy")
        let idle = try registry.register("idle")
        let permit = try busy.enter()
        async let verdict = registry.drain(gates: [busy, idle])
        await until { idle.isClosed }
        try registry.reopen(gates: [idle])
        #expect(await verdict == .interrupted)
        #expect(busy.isClosed && !busy.snapshot().isSealed)
        permit.end()
    }

    @Test("once the process shuts down nothing is opened again, and what registers begins closed")
    func shutdown() async throws {
        let gate = try registry.register("store")
        let parent = try gate.enter()
        registry.beginShutdown()
        #expect(refusal(gate) == nil, "announcing closes nothing")
        registry.close([gate])
        let error = #expect(throws: WorkRegistryError.self) { try registry.reopen(gates: [gate]) }
        #expect(error?.code == .shuttingDown)
        let late = try registry.register("store/late")
        #expect(refusal(late) == .draining)
        #expect(refusal(late, under: parent) == nil)
        parent.end()
        #expect(registry.snapshot().isShuttingDown)
    }
}

/// Things that can be ended from a closure; each is used by one thread at a time.
final class Held: Sendable {
    private let permit: Mutex<Permit?>
    init(_ permit: consuming Permit) { self.permit = Mutex(permit) }
    func end(_ outcome: Outcome = .succeeded) { permit.withLock { $0.take() }?.end(outcome) }
    func take() -> Permit { permit.withLock { $0.take() }! }
}

final class HeldLoop: Sendable {
    private let loop: Mutex<LoopHandle?>
    init(_ loop: consuming LoopHandle) { self.loop = Mutex(loop) }
    func end() { loop.withLock { $0.take() }?.end() }
}

final class HeldSession: Sendable {
    private let session: Mutex<Session?>
    init(_ session: consuming Session) { self.session = Mutex(session) }
    func close() { session.withLock { $0.take() }?.close() }
}
