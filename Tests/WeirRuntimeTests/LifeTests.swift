import Testing
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

@Suite("A runtime's life", .timeLimit(.minutes(1)))
struct LifeTests {
    @Test("components start callees first, and end callers first, stage by stage")
    func order() async throws {
        let bench = Bench()
        try bench.add("kafka", on: ["topics"])
        try bench.add("log")
        try bench.add("topics", on: ["log"])
        try await bench.runtime.start()
        #expect(bench.journal.entries == ["log.start", "topics.start", "kafka.start"])
        let report = await bench.runtime.shutdown()
        #expect(Set(bench.journal.entries[3..<6]) == ["log.handOver", "topics.handOver", "kafka.handOver"])
        let rest = ["drain", "flush", "stop"].flatMap { verb in ["kafka", "topics", "log"].map { "\($0).\(verb)" } }
        #expect(Array(bench.journal.entries[6...]) == rest)
        #expect(report.verdict == .clean)
        #expect(report.exitCode == 0)
        #expect(report.stages.map(\.stage) == [.announce, .handOver, .drain, .flush, .stop])
        #expect(report.stages.allSatisfy { $0.outcome == .ok })
        #expect(report.components.map(\.name) == ["kafka", "log", "topics"])
        #expect(bench.runtime.snapshot().components.allSatisfy { $0.state == .stopped })
    }

    @Test("run starts, tells ready, waits for a signal and returns the report")
    func run() async throws {
        let bench = Bench()
        try bench.add("a")
        let journal = bench.journal
        async let ended = bench.runtime.run { journal.note("ready") }
        await journal.wait(for: "ready")
        #expect(bench.signals.isSubscribed)
        bench.signals.send(.interrupt)
        let report = try await ended
        #expect(report.signal == "SIGINT")
        #expect(report.exitCode == 0)
        // Still caught while the owner writes the report.
        #expect(bench.signals.isSubscribed)
        bench.runtime.releaseSignals()
        #expect(!bench.signals.isSubscribed)
    }

    @Test("a component that does not start takes down what had started, and names itself")
    func failingStart() async throws {
        let bench = Bench()
        try bench.add("log")
        try bench.add("kafka", on: ["log"], fails: [.start])
        try bench.add("http", on: ["kafka"])
        let error = await #expect(throws: ComponentStartFailed.self) { try await bench.runtime.run() }
        #expect(error?.component == "kafka")
        #expect(error?.reason is Broken)
        #expect(error?.report.exitCode == 70)
        #expect(error?.report.verdict == .failed)
        let entries = bench.journal.entries
        #expect(entries.contains("log.stop"))
        #expect(!entries.contains("kafka.stop"))
        #expect(!entries.contains("http.start"))
    }

    @Test("a signal while components start cancels the start, and takes down what had started")
    func signalDuringStart() async throws {
        let bench = Bench()
        try bench.add("log")
        let slow = try bench.add("slow", on: ["log"], hangs: [.start])
        try bench.add("http", on: ["slow"])
        async let ended = bench.runtime.run { Issue.record("never ready") }
        await bench.journal.wait(for: "slow.start")
        bench.signals.send(.terminate)
        await slow.cancelled.wait()
        slow.release()
        let report = try await ended
        #expect(report.exitCode == 0)
        #expect(bench.journal.entries.contains("log.stop"))
        #expect(!bench.journal.entries.contains("http.start"))
        #expect(!bench.journal.entries.contains("slow.stop"))
    }

    @Test("bad graphs and names are refused before anything starts, with exit code 78")
    func badGraphs() async throws {
        let bench = Bench()
        try bench.add("a", on: ["b"])
        let duplicate = #expect(throws: RuntimeError.self) { try bench.runtime.register(Probe("a")) }
        #expect(duplicate?.code == .duplicateName)
        let blank = #expect(throws: RuntimeError.self) { try bench.runtime.register(Probe("a b")) }
        #expect(blank?.code == .badName)
        let unknown = await #expect(throws: RuntimeError.self) { try await bench.runtime.run() }
        #expect(unknown?.code == .unknownDependency)
        try bench.add("b", on: ["a"])
        let cycle = await #expect(throws: RuntimeError.self) { try await bench.runtime.run() }
        #expect(cycle?.code == .dependencyCycle)
        #expect(cycle?.exitCode == 78)
        #expect(bench.journal.entries.isEmpty)
    }

    @Test(
        "a component that fails a stage is recorded, and the others go on",
        arguments: [Probe.Verb.handOver, .flush, .stop])
    func failingStage(_ verb: Probe.Verb) async throws {
        let bench = Bench()
        try bench.add("bad", on: ["good"], fails: [verb])
        try bench.add("good")
        try await bench.runtime.start()
        let report = await bench.runtime.shutdown()
        #expect(report.verdict == .failed)
        #expect(report.exitCode == 70)
        #expect(report.stages.count { $0.outcome == .failed } == 1)
        for verb in ["handOver", "drain", "flush", "stop"] {
            #expect(bench.journal.entries.contains("good.\(verb)"))
            #expect(bench.journal.entries.contains("bad.\(verb)"))
        }
        let states = bench.runtime.snapshot().components.map(\.state)
        #expect(states == [.failed, .stopped])
    }

    @Test("a component that reports its own failure is shown, the others serve, and the process ends with 70")
    func ownFailure() async throws {
        let bench = Bench()
        let bad = try bench.add("bad")
        try bench.add("good")
        try await bench.runtime.start()
        bad.context.fail(Broken())
        #expect(bench.runtime.snapshot().components.map(\.state) == [.failed, .running])
        #expect(bench.runtime.currentState == .running)
        #expect(await bench.runtime.shutdown().exitCode == 70)
    }

    @Test("hooks run at their moments")
    func hooks() async throws {
        let bench = Bench()
        let journal = bench.journal
        try bench.add("a", on: ["b"])
        try bench.add("b")
        bench.runtime.addHook(.beforeDrain { journal.note("beforeDrain") })
        bench.runtime.addHook(.levelDrained { journal.note("drained \($0.joined(separator: ","))") })
        bench.runtime.addHook(.afterStop { journal.note("afterStop") })
        try await bench.runtime.start()
        _ = await bench.runtime.shutdown()
        let moments = journal.entries.filter {
            $0.contains("drain") || $0.contains("Drain") || $0.contains("Stop") || $0 == "b.stop"
        }
        #expect(
            moments == ["beforeDrain", "a.drain", "drained a", "b.drain", "drained b", "b.stop", "afterStop"])
    }

    @Test("work admitted before the drain finishes, and the report counts it")
    func admittedWork() async throws {
        let bench = Bench()
        let caller = try bench.add("caller", on: ["store"])
        let store = try bench.add("store")
        try await bench.runtime.start()
        let work = try HeldWork(caller.context.gate)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "caller.drain")
        #expect(throws: WorkRejected.self) { try caller.context.gate.enter().end() }
        // The callee serves until its callers are drained.
        try store.context.gate.enter().end(.failed)
        #expect(!bench.journal.entries.contains("store.drain"))
        work.end()
        let report = await ended
        #expect(report.exitCode == 0)
        let counts = report.components.map(\.counts)
        #expect(counts[0].started == 1 && counts[0].succeeded == 1 && counts[0].rejected["draining"] == 1)
        #expect(counts[1].failed == 1 && counts[1].inFlight == 0)
    }

    @Test("verbs that a component does not declare are not called")
    func undeclaredVerbs() async throws {
        let bench = Bench()
        try bench.add("partition", verbs: .flush)
        try await bench.runtime.start()
        let report = await bench.runtime.shutdown()
        #expect(bench.journal.entries == ["partition.start", "partition.flush"])
        #expect(report.exitCode == 0)
        #expect(bench.runtime.snapshot().components.map(\.state) == [.stopped])
    }

    @Test("snapshots come at once, at changes of state, and end with the process")
    func snapshots() async throws {
        let bench = Bench()
        try bench.add("a")
        try await bench.runtime.start()
        var states: [RuntimeState] = []
        for await snapshot in bench.runtime.snapshots() {
            if states.isEmpty { bench.runtime.beginShutdown() }
            states.append(snapshot.state)
        }
        #expect(states.first == .running)
        #expect(states.last == .stopping)
    }

    @Test("the observing gate is open until the end, is not waited for, and its component stops last")
    func observing() async throws {
        let bench = Bench()
        let http = try bench.add("http", on: ["log"], work: WorkSettings(observeGate: "observe"))
        try bench.add("log")
        try await bench.runtime.start()
        let observe = try #require(http.context.observeGate)
        #expect(observe.name == "http/observe")
        let scrape = try HeldWork(observe)
        bench.runtime.addHook(.afterStop { #expect(!observe.isClosed) })
        let report = await bench.runtime.shutdown()
        scrape.end()
        #expect(report.exitCode == 0)
        #expect(bench.journal.entries.last == "http.stop")
        #expect(report.components.map(\.name) == ["http", "http/observe", "log"])
    }
}
