import ServiceLifecycle
import Synchronization
import Testing
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

@Suite("Hosting", .timeLimit(.minutes(1)))
struct HostingTests {
    @Test("a hosted loop runs, its sleep is cut short by the drain, and the report counts its work")
    func hostedLoop() async throws {
        let bench = Bench()
        let journal = bench.journal
        try bench.runtime.host("worker") { scope in
            repeat {
                try await scope.gate.track("tick") { journal.note("tick") }
            } while await scope.sleep(for: .seconds(60))
            journal.note("over")
        }
        try await bench.runtime.start()
        await journal.wait(for: "tick")
        #expect(bench.runtime.snapshot().components[0].counts.loops == 1)
        let report = await bench.runtime.shutdown()
        #expect(journal.entries == ["tick", "over"])
        #expect(report.exitCode == 0)
        #expect(report.duration == .zero)
        #expect(report.components[0].counts.succeeded == 1)
        #expect(report.components[0].counts.loops == 0)
    }

    @Test("a hosted loop that ignores the drain is cancelled at the deadline")
    func stubbornLoop() async throws {
        let bench = Bench()
        let clock = bench.clock
        try bench.runtime.host("worker") { _ in try await clock.sleep(for: .seconds(3_600)) }
        try await bench.runtime.start()
        async let ended = bench.runtime.shutdown()
        await clock.sleepers(atLeast: 2)
        clock.advance(by: .seconds(9))
        let report = await ended
        #expect(report.verdict == .cancelled)
        #expect(report.stages[2].outcome == .cancelled)
    }

    @Test("a hosted loop that throws is a failed component; the others go on")
    func failingLoop() async throws {
        let bench = Bench()
        try bench.runtime.host("worker") { _ in throw Broken() }
        try bench.add("other")
        try await bench.runtime.start()
        while bench.runtime.snapshot().components[1].state != .failed { await Task.yield() }
        #expect(bench.runtime.snapshot().components[0].state == .running)
        #expect(await bench.runtime.shutdown().exitCode == 70)
    }

    @Test("a hosted loop begins again when an operator resumes it")
    func resumedLoop() async throws {
        let bench = Bench()
        let journal = bench.journal
        try bench.runtime.host("worker") { scope in
            journal.note("run \(journal.entries.count)")
            await scope.stopRequested()
        }
        try await bench.runtime.start()
        try bench.runtime.drain("worker")
        try await bench.runtime.waitUntilDrained("worker")
        try await bench.runtime.resume("worker")
        await journal.wait(for: "run 1")
        _ = await bench.runtime.shutdown()
        #expect(journal.entries == ["run 0", "run 1"])
    }

    private struct Foreign: Service {
        let journal: Journal
        var fails = false

        func run() async throws {
            journal.note("run")
            if fails { throw Broken() }
            try await gracefulShutdown()
            journal.note("graceful")
        }
    }

    @Test("a foreign service begins before start returns, and is asked to shut down gracefully at drain")
    func foreignService() async throws {
        let bench = Bench()
        try bench.runtime.host(Foreign(journal: bench.journal), as: "foreign")
        try await bench.runtime.start()
        #expect(bench.runtime.snapshot().components[0].counts.loops == 1)
        let report = await bench.runtime.shutdown()
        #expect(bench.journal.entries == ["run", "graceful"])
        #expect(report.exitCode == 0)
    }

    @Test("a foreign service that is shut down as soon as it started still ends")
    func foreignServiceAtOnce() async throws {
        for _ in 0..<200 {
            let bench = Bench()
            try bench.runtime.host(Foreign(journal: bench.journal), as: "foreign")
            try await bench.runtime.start()
            #expect(await bench.runtime.shutdown().exitCode == 0)
        }
    }

    @Test("a foreign service that fails is a failed component")
    func failingService() async throws {
        let bench = Bench()
        try bench.runtime.host(Foreign(journal: bench.journal, fails: true), as: "foreign")
        try await bench.runtime.start()
        while bench.runtime.snapshot().components[0].state != .failed { await Task.yield() }
        #expect(await bench.runtime.shutdown().exitCode == 70)
    }

    @Test("a runtime is a service: its group's graceful shutdown drains it")
    func asService() async throws {
        let bench = Bench { $0.signals = nil }
        try bench.add("a")
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [bench.runtime], logger: bench.runtime.logger))
        async let ended: Void = group.run()
        await bench.journal.wait(for: "a.start")
        await group.triggerGracefulShutdown()
        try await ended
        #expect(bench.journal.entries.last == "a.stop")
    }

    @Test("cancelling the task of run is a request to shut down")
    func cancelledRun() async throws {
        let bench = Bench()
        try bench.add("a")
        let run = Task { try await bench.runtime.run() }
        await bench.journal.wait(for: "a.start")
        run.cancel()
        #expect(try await run.value.exitCode == 0)
        #expect(bench.journal.entries.last == "a.stop")
    }
}
