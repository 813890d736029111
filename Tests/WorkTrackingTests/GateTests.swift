import Testing
import WorkTracking

@Suite("A gate counts what it admits", .timeLimit(.minutes(1)))
struct GateTests {
    let registry = WorkRegistry()

    @Test("each outcome has its counter, and success is what is left")
    func outcomes() throws {
        let gate = try registry.register("store")
        for outcome: Outcome in [.succeeded, .succeeded, .succeeded, .failed, .failed, .cancelled, .abandoned] {
            let permit = try gate.enter()
            permit.end(outcome)
        }
        let running = try gate.enter(.read)
        let work = registry.work(of: gate)
        #expect(work.started == 8)
        #expect(work.inFlight == 1)
        #expect(work.succeeded == 3)
        #expect(work.failed == 2)
        #expect(work.cancelled == 1)
        #expect(work.abandoned == 1)
        running.end()
        #expect(registry.work(of: gate).succeeded == 4)
    }

    @Test("a permit that is dropped has ended, as abandoned")
    func dropped() throws {
        let gate = try registry.register("store")
        do {
            let permit = try gate.enter()
            _ = consume permit
        }
        let work = registry.work(of: gate)
        #expect(work.inFlight == 0)
        #expect(work.abandoned == 1)
        #expect(work.succeeded == 0)
    }

    @Test("a permit kept for a callback is taken and ended once")
    func taken() throws {
        let gate = try registry.register("store")
        var kept: Permit? = try gate.enter()
        kept.take()?.end()
        kept.take()?.end()
        let work = registry.work(of: gate)
        #expect(work.inFlight == 0)
        #expect(work.started == 1)
        #expect(work.succeeded == 1)
    }

    @Test("a gate without a registry counts for itself, and its permits outlive their scope")
    func standalone() throws {
        func begin() throws -> Permit { try Gate(name: "alone").enter() }
        let permit = try begin()
        let fork = permit.fork()
        permit.end()
        fork.end()
    }

    @Test("the peak is that since the start; the recent one begins anew with each scrape")
    func peaks() throws {
        let gate = try registry.register("store")
        let first = try gate.enter()
        let second = try gate.enter()
        let third = try gate.enter()
        second.end()
        third.end()
        #expect(registry.scrape().components[0].recentPeak == 3)
        #expect(registry.work(of: gate).recentPeak == 1, "one is still in flight")
        let fourth = try gate.enter()
        fourth.end()
        first.end()
        let work = registry.scrape().components[0]
        #expect(work.peak == 3)
        #expect(work.recentPeak == 2)
        #expect(registry.work(of: gate).recentPeak == 0)
    }

    @Test("a fork counts at its parent's gate, also while that is closed")
    func forks() async throws {
        let gate = try registry.register("store")
        let parent = try gate.enter()
        registry.close([gate])
        let fork = parent.fork()
        #expect(registry.work(of: gate).inFlight == 2)
        async let verdict = registry.drain(gates: [gate])
        parent.end()
        #expect(registry.work(of: gate).inFlight == 1)
        #expect(!registry.work(of: gate).isSealed, "a parent does not end before its forks")
        fork.end()
        #expect(await verdict == .drained)
        #expect(registry.work(of: gate).succeeded == 2)
    }

    @Test("a read-only component admits reads, and refuses writes that nobody admitted")
    func readOnly() throws {
        let gate = try registry.register("store")
        let admitted = try gate.enter(.write)
        registry.setReadOnly([gate])
        #expect(gate.isReadOnly)
        #expect(refusal(gate, .write) == .readOnly)
        #expect(refusal(gate, .read) == nil)
        #expect(refusal(gate, under: admitted) == nil, "a write begun by an admitted one")
        admitted.end()
        registry.setWritable([gate])
        #expect(refusal(gate, .write) == nil)
        #expect(registry.work(of: gate).rejected.readOnly == 1)
    }

    @Test("refusals are counted by reason and say who refused, and why")
    func refusals() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        #expect(refusal(gate) == .overLimit)
        registry.setReadOnly([gate])
        #expect(refusal(gate) == .readOnly)
        registry.close([gate])
        #expect(refusal(gate) == .draining)
        #expect(refusal(gate, .read) == .draining)
        running.end()
        let rejected = registry.work(of: gate).rejected
        #expect(rejected.byReason.map(\.count) == [2, 1, 1])
        #expect(rejected.total == 4)
        #expect(throws: WorkRejected(component: "store", reason: .draining)) { _ = try gate.enter() }
        #expect("\(WorkRejected(component: "store", reason: .overLimit))" == "store refuses work: overLimit")
    }

    @Test("sessions and loops are counted apart, until closed, ended or dropped")
    func presence() throws {
        let gate = try registry.register("http")
        let session = try gate.openSession()
        do { _ = try gate.openSession() }
        let loop = try gate.startLoop()
        let work = registry.work(of: gate)
        #expect([work.sessions, work.loops, work.inFlight] == [1, 1, 0])
        registry.close([gate])
        #expect(session.isDraining && loop.isDraining)
        #expect(throws: WorkRejected(component: "http", reason: .draining)) { _ = try gate.openSession() }
        #expect(throws: WorkRejected(component: "http", reason: .draining)) { _ = try gate.startLoop() }
        session.close()
        loop.end()
        let after = registry.work(of: gate)
        #expect([after.sessions, after.loops] == [0, 0])
    }
}

@Suite("The word")
struct GateWordTests {
    @Test(
        "the number of units goes on where its 28 bits wrap, and touches nothing else",
        arguments: [(1 << 27) - 2, (1 << 28) - 2, 3 << 27, (1 << 28) * 7 - 1, 1 << 40])
    func wrap(start: Int) throws {
        let gate = try WorkRegistry().register("busy", GateOptions(), started: UInt64(start))
        let running = try gate.enter()
        for count in 1...4 {
            let permit = try gate.enter()
            #expect(gate.snapshot().started == UInt64(start + 1 + count))
            #expect(gate.snapshot().inFlight == 2)
            permit.end()
        }
        let work = gate.snapshot()
        #expect(work.succeeded == UInt64(start + 4))
        #expect(!work.isClosed && !work.isSealed && !work.isReadOnly)
        running.end()
    }

    @Test("who reads between a crossing and its count is not set back by a turn")
    func lateCount() {
        let before = GateWord(started: (1 << 28) - 1)
        #expect(before.startedTotal(halfTurns: 1) == (1 << 28) - 1)
        let crossed = GateWord(bits: before.bits &+ GateWord.oneEntry)
        #expect(before.crossesHalfTurn(to: crossed))
        #expect(crossed.started == 0)
        #expect(crossed.startedTotal(halfTurns: 1) == 1 << 28, "not counted yet")
        #expect(crossed.startedTotal(halfTurns: 2) == 1 << 28, "counted")
    }

    @Test("a component is drained across the wrap")
    func drainAcrossWrap() async throws {
        let registry = WorkRegistry()
        let gate = try registry.register("busy", GateOptions(), started: (1 << 28) - 1)
        let permit = try gate.enter()
        registry.close([gate])
        let nested = try gate.enter(under: permit)
        permit.end()
        nested.end(.failed)
        #expect(await registry.drain(gates: [gate]) == .drained)
        #expect(gate.snapshot().started == (1 << 28) + 1)
        #expect(gate.snapshot().succeeded == 1 << 28)
    }
}
