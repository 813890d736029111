import Synchronization
import Testing
import WorkTracking

@Suite("At the limit", .timeLimit(.minutes(1)))
struct AdmissionQueueTests {
    let registry = WorkRegistry()

    /// What callbacks were told, in order.
    final class Answers: Sendable {
        private let answers = Mutex<[String]>([])
        var told: [String] { answers.withLock { $0 } }

        func note(_ id: Int, _ result: consuming Result<Permit, WorkRejected>) {
            switch consume result {
            case .success(let permit):
                answers.withLock { $0.append("\(id)") }
                permit.end()
            case .failure(let error):
                answers.withLock { $0.append("\(id) \(error.reason.label)") }
            }
        }
    }

    @Test("a caller that does not wait is refused")
    func refused() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 2))
        let first = try gate.enter()
        let second = try gate.enter()
        #expect(refusal(gate) == .overLimit)
        first.end()
        #expect(refusal(gate) == nil)
        second.end()
    }

    @Test("slots are handed over first come, first served, and nobody overtakes")
    func order() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let answers = Answers()
        for id in 1...3 {
            #expect(gate.enterWaiting { answers.note(id, $0) } != nil)
        }
        #expect(registry.work(of: gate).queued == 3)
        #expect(refusal(gate) == .overLimit)
        running.end()
        #expect(answers.told == ["1", "2", "3"])
        let work = registry.work(of: gate)
        #expect([work.inFlight, work.queued, work.peak] == [0, 0, 1])
        #expect(work.started == 4)
        #expect(refusal(gate) == nil, "nobody waits any more")
    }

    @Test("while somebody waits, the slot that is handed over is never free for a newcomer")
    func handOver() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let seen = Mutex<WorkRejected.Reason?>(nil)
        let taken = Mutex<Int>(0)
        gate.enterWaiting { result in
            let now = gate.snapshot()
            seen.withLock { $0 = refusal(gate) }
            taken.withLock { $0 = now.inFlight }
            if case .success(let permit) = consume result { permit.end() }
        }
        running.end()
        #expect(seen.withLock { $0 } == .overLimit)
        #expect(taken.withLock { $0 } == 1)
    }

    @Test("a long queue of answers that end at once is handed through without piling up")
    func longQueue() throws {
        let count = 50_000
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1, queueCountMax: count))
        let running = try gate.enter()
        let answers = Answers()
        for id in 0..<count { gate.enterWaiting { answers.note(id, $0) } }
        running.end()
        #expect(answers.told == (0..<count).map(String.init))
        #expect(registry.work(of: gate).peak == 1)
    }

    @Test("a nested unit is let in beyond the limit, and its end does not let in a root beyond it")
    func nested() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let parent = try gate.enter()
        let child = try gate.enter(under: parent)
        let answers = Answers()
        gate.enterWaiting { answers.note(1, $0) }
        #expect(refusal(gate, under: parent) == nil, "nested work does not queue behind roots")
        child.end()
        #expect(answers.told.isEmpty, "the parent holds the only slot")
        parent.end()
        #expect(answers.told == ["1"])
        #expect(registry.work(of: gate).peak == 3)
    }

    @Test("a task waits for its turn")
    func task() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        async let tracked = gate.track("put") { 7 }
        await until { registry.work(of: gate).queued == 1 }
        running.end()
        #expect(try await tracked == 7)
        #expect(registry.work(of: gate).succeeded == 2)
    }

    @Test("a full queue refuses the next one, and only that")
    func full() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1, queueCountMax: 2))
        let running = try gate.enter()
        let answers = Answers()
        for id in 1...3 { gate.enterWaiting { answers.note(id, $0) } }
        #expect(answers.told == ["3 overLimit"])
        await #expect(throws: WorkRejected(component: "store", reason: .overLimit)) {
            _ = try await gate.enterWaiting()
        }
        running.end()
        #expect(answers.told == ["3 overLimit", "1", "2"])
        #expect(registry.work(of: gate).rejected.overLimit == 2)
    }

    @Test("without a limit there is no queue")
    func unlimited() async throws {
        let gate = try registry.register("store")
        let permit = try await gate.enterWaiting()
        registry.close([gate])
        await #expect(throws: WorkRejected(component: "store", reason: .draining)) {
            _ = try await gate.enterWaiting()
        }
        permit.end()
    }

    @Test("closing refuses all who wait at once, while the one that runs goes on")
    func closing() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let answers = Answers()
        for id in 1...3 { gate.enterWaiting { answers.note(id, $0) } }
        registry.close([gate])
        #expect(answers.told == ["1 draining", "2 draining", "3 draining"])
        let work = registry.work(of: gate)
        #expect([work.inFlight, work.queued] == [1, 0])
        #expect(work.rejected.draining == 3)
        running.end()
        try registry.reopen(gates: [gate])
        #expect(refusal(gate) == nil, "the queue left nothing behind")
    }

    @Test("making read-only refuses the writers who wait, and keeps the readers in their order")
    func readOnly() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let answers = Answers()
        gate.enterWaiting(.read) { answers.note(1, $0) }
        gate.enterWaiting(.write) { answers.note(2, $0) }
        gate.enterWaiting(.read) { answers.note(3, $0) }
        registry.setReadOnly([gate])
        #expect(answers.told == ["2 readOnly"])
        running.end()
        #expect(answers.told == ["2 readOnly", "1", "3"])
    }

    @Test("a task that is cancelled while it waits leaves the queue, and was never counted as started")
    func cancelled() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let waiting = Task { try await gate.track("put") {} }
        await until { registry.work(of: gate).queued == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(registry.work(of: gate).queued == 0)
        running.end()
        let work = registry.work(of: gate)
        #expect(work.started == 1)
        #expect(refusal(gate) == nil, "an empty queue holds nobody up")
    }

    @Test("a task that was cancelled before does not stay in the queue")
    func cancelledBefore() async throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: CancellationError.self) { try await gate.track("put") {} }
            }
        }
        #expect(registry.work(of: gate).queued == 0)
        running.end()
    }

    @Test("a place given up is not called, and the next one moves up")
    func place() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        let running = try gate.enter()
        let answers = Answers()
        let place = gate.enterWaiting { answers.note(1, $0) }
        gate.enterWaiting { answers.note(2, $0) }
        #expect(place?.leave() == true)
        #expect(place?.leave() == false)
        running.end()
        #expect(answers.told == ["2"])
    }
}
