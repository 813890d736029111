import Synchronization
import Testing
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

@Suite("Deadlines and signals", .timeLimit(.minutes(1)))
struct DeadlineTests {
    @Test("work that outlasts its deadlines is cancelled, then left behind and reported")
    func stuckWork() async throws {
        let bench = Bench()
        let options = GateOptions(slowOperations: .listed)
        let stuck = try bench.add("stuck", on: ["log"], work: WorkSettings(gate: options))
        try bench.add("log")
        try await bench.runtime.start()
        let gate = stuck.context.gate
        let permit = try gate.enter(.write, as: "produce", key: "orders-0")
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "stuck.drain")
        // One level follows and keeps a second: soft, cancel and hard are 7.2, 8.1 and 9 s.
        await bench.advance(by: .milliseconds(8_100))
        await bench.journal.wait(for: "stuck.cancel")
        #expect(bench.runtime.snapshot().inFlight == 1)
        await bench.advance(by: .milliseconds(900))
        let report = await ended
        permit.end()
        #expect(report.verdict == .abandoned)
        #expect(report.exitCode == 75)
        #expect(report.stages.map(\.outcome) == [.ok, .ok, .abandoned, .ok, .ok])
        let component = try #require(report.components.first { $0.name == "stuck" })
        #expect(component.counts.abandoned == 1 && component.counts.inFlight == 0)
        #expect(component.slowest.first?.name == "produce")
        #expect(component.slowest.first?.key == "orders-0")
        #expect(component.drain >= .seconds(9))
        #expect(bench.journal.entries.suffix(4) == ["stuck.flush", "log.flush", "stuck.stop", "log.stop"])
    }

    @Test("work that heeds the cancellation is reported as cancelled, with 75")
    func cancelledWork() async throws {
        let bench = Bench()
        let slow = try bench.add("slow")
        try await bench.runtime.start()
        let work = try HeldWork(slow.context.gate)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "slow.drain")
        await bench.advance(by: .seconds(9))
        await bench.journal.wait(for: "slow.cancel")
        work.end(.cancelled)
        let report = await ended
        #expect(report.verdict == .cancelled)
        #expect(report.exitCode == 75)
        #expect(report.components[0].counts.cancelled == 1)
        #expect(report.stages[2].outcome == .cancelled)
    }

    @Test("one stuck component of a level does not keep the others of it, nor the levels below, from draining")
    func stuckNeighbour() async throws {
        let bench = Bench()
        let own = Deadlines(soft: .seconds(1), cancel: .seconds(2), hard: .seconds(3))
        let stuck = try bench.add("stuck", own: [.drain: own])
        let slow = try bench.add("slow", on: ["log"])
        try bench.add("log")
        try await bench.runtime.start()
        let never = try HeldWork(stuck.context.gate)
        let long = try HeldWork(slow.context.gate)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "stuck.drain")
        await bench.advance(by: .seconds(2))
        await bench.journal.wait(for: "stuck.cancel")
        await bench.advance(by: .seconds(1))
        while bench.runtime.state.withLock({ $0.entries["stuck"]?.leftBehind }) == 0 { await Task.yield() }
        #expect(!bench.journal.entries.contains("slow.cancel"))
        long.end()
        let report = await ended
        never.end()
        #expect(report.components.first { $0.name == "slow" }?.counts.succeeded == 1)
        #expect(report.components.first { $0.name == "stuck" }?.counts.abandoned == 1)
        #expect(bench.journal.entries.contains("log.stop"))
    }

    @Test("verbs that never return are left behind at the stage's hard deadline", arguments: [Probe.Verb.flush, .stop])
    func stuckVerb(_ verb: Probe.Verb) async throws {
        let bench = Bench()
        let stuck = try bench.add("stuck", hangs: [verb])
        try await bench.runtime.start()
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "stuck.\(verb.rawValue)")
        await bench.advance(by: .seconds(10))
        let report = await ended
        stuck.release()
        #expect(report.verdict == .abandoned)
        #expect(report.stages.count { $0.outcome == .abandoned } == 1)
        #expect(bench.journal.entries.contains("stuck.stop"))
    }

    @Test("a hook that hangs is left behind like a component")
    func stuckHook() async throws {
        let bench = Bench()
        try bench.add("a")
        let journal = bench.journal
        let held = StopSignal()
        bench.runtime.addHook(
            .beforeDrain {
                journal.note("hook")
                await Task { await held.wait() }.value
            })
        try await bench.runtime.start()
        async let ended = bench.runtime.shutdown()
        await journal.wait(for: "hook")
        await bench.advance(by: .seconds(10))
        let report = await ended
        held.raise()
        #expect(report.exitCode == 75)
        #expect(journal.entries.contains("a.stop"))
    }

    @Test("the hook before cancelling gets the names, and runs before the component's cancel")
    func beforeCancel() async throws {
        let bench = Bench()
        let journal = bench.journal
        let slow = try bench.add("slow")
        bench.runtime.addHook(.beforeCancel { journal.note("beforeCancel \($0.joined())") })
        try await bench.runtime.start()
        let work = try HeldWork(slow.context.gate)
        async let ended = bench.runtime.shutdown()
        await journal.wait(for: "slow.drain")
        await bench.advance(by: .seconds(9))
        await journal.wait(for: "slow.cancel")
        work.end()
        _ = await ended
        let hook = try #require(journal.index(of: "beforeCancel slow"))
        #expect(try hook < #require(journal.index(of: "slow.cancel")))
    }

    @Test("sessions get their grace, are cancelled after it, and neither hold the drain up nor spoil the verdict")
    func sessions() async throws {
        let bench = Bench()
        let sockets = try bench.add("sockets")
        let polite = try bench.add("polite")
        try await bench.runtime.start()
        let rude = try HeldSession(sockets.context.gate)
        let goes = try HeldSession(polite.context.gate)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "polite.drain")
        goes.close()
        await bench.clock.sleepers(atLeast: 2)
        bench.clock.advance(by: .milliseconds(500))
        let report = await ended
        #expect(bench.journal.entries.contains("sockets.cancel"))
        #expect(!bench.journal.entries.contains("polite.cancel"))
        #expect(report.exitCode == 0)
        #expect(report.components.map(\.counts.sessions) == [0, 1])
        rude.close()
    }

    @Test(
        "SIGTERM keeps serving for the propagation delay, SIGINT does not",
        arguments: [ProcessSignal.terminate, .interrupt])
    func propagation(_ signal: ProcessSignal) async throws {
        let bench = Bench { $0.shutdown.propagation = .seconds(5) }
        let kafka = try bench.add("kafka")
        try await bench.runtime.start()
        bench.signals.send(signal)
        if signal == .terminate {
            #expect(bench.runtime.currentState == .announcing)
            try kafka.context.gate.enter().end()
            await bench.advance(by: .milliseconds(4_999))
            #expect(bench.runtime.currentState == .announcing)
            await bench.advance(by: .milliseconds(1))
        }
        let report = await bench.runtime.exitReport()
        #expect(report.exitCode == 0)
        #expect(report.signal == signal.rawValue)
        #expect(report.duration == (signal == .terminate ? .seconds(5) : .zero))
    }

    @Test("the second signal cancels at once, the third ends the process with 130 and writes the report")
    func threeSignals() async throws {
        let journal = Journal()
        let bench = Bench { configuration in
            configuration.forcedReport = { report in
                journal.note("\(report.verdict.rawValue) \(report.exitCode) \(report.stages.map(\.outcome.rawValue))")
            }
        }
        let stuck = try bench.add("stuck")
        try await bench.runtime.start()
        let work = try HeldWork(stuck.context.gate)
        bench.signals.send(.terminate)
        await bench.journal.wait(for: "stuck.drain")
        bench.signals.send(.interrupt)
        await bench.journal.wait(for: "stuck.cancel")
        bench.signals.send(.interrupt)
        await bench.journal.wait(for: "exit 130")
        #expect(journal.entries == ["forced 130 [\"ok\", \"ok\", \"abandoned\", \"skipped\", \"skipped\"]"])
        // The test's process goes on: what was cancelled by the second signal ends with 75.
        work.end(.cancelled)
        let report = await bench.runtime.exitReport()
        #expect(report.exitCode == 75)
        #expect(report.verdict == .cancelled)
        #expect(report.signal == "SIGTERM")
    }

    @Test("SIGQUIT prints the work table and changes nothing")
    func dump() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka", work: WorkSettings(gate: GateOptions(slowOperations: .listed)))
        try await bench.runtime.start()
        let permit = try kafka.context.gate.enter(.write, as: "produce", key: "orders-0")
        bench.clock.advance(by: .seconds(3))
        bench.signals.send(.quit)
        await bench.journal.wait(for: "dump")
        let table = try #require(bench.journal.entries.last)
        #expect(table.hasPrefix("weir: running, 1 in flight\n"))
        #expect(table.contains("kafka"))
        #expect(table.contains("oldest: produce orders-0 3.000 s"))
        #expect(bench.runtime.currentState == .running)
        permit.end()
        _ = await bench.runtime.shutdown()
    }

    @Test("the ladder counts SIGTERM and SIGINT together, and SIGQUIT not at all")
    func ladder() {
        var ladder = SignalLadder()
        let signals: [ProcessSignal] = [.quit, .interrupt, .quit, .terminate, .interrupt, .terminate]
        #expect(
            signals.map { ladder.step($0) }
                == [.dump, .begin(.interrupt), .dump, .escalate, .endProcess, .endProcess])
    }

    @Test("a component that starts too slowly is cancelled and named")
    func startLimit() async throws {
        let bench = Bench { $0.startLimit = .seconds(30) }
        let slow = try bench.add("slow", hangs: [.start])
        async let ended = bench.runtime.run()
        await bench.journal.wait(for: "slow.start")
        await bench.advance(by: .seconds(30))
        await slow.cancelled.wait()
        slow.release()
        do {
            _ = try await ended
            Issue.record("it must not start")
        } catch let error as ComponentStartFailed {
            #expect(error.component == "slow")
        }
    }
}
