import Synchronization
import Testing
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

@Suite("At run time", .timeLimit(.minutes(1)))
struct OperatorTests {
    @Test("draining one component refuses its new work, finishes the old, and resuming opens it again")
    func drainOne() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka")
        let http = try bench.add("http")
        try await bench.runtime.start()
        let work = try HeldWork(kafka.context.gate)
        try bench.runtime.drain("kafka")
        #expect(throws: WorkRejected.self) { try kafka.context.gate.enter().end() }
        try http.context.gate.enter().end()
        #expect(bench.runtime.currentState == .running)
        #expect(bench.runtime.snapshot().components.map(\.state) == [.running, .draining])
        work.end()
        try await bench.runtime.waitUntilDrained("kafka")
        #expect(bench.runtime.snapshot().components.map(\.state) == [.running, .drained])
        try await bench.runtime.resume("kafka")
        try kafka.context.gate.enter().end()
        #expect(bench.runtime.snapshot().components.map(\.state) == [.running, .running])
        let verbs = bench.journal.entries.filter { $0.hasPrefix("kafka.") }
        #expect(verbs == ["kafka.start", "kafka.drain", "kafka.resume"])
        #expect(await bench.runtime.shutdown().exitCode == 0)
    }

    @Test("a resume that comes while work is in flight waits for it, then opens")
    func resumeWhileDraining() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka")
        try await bench.runtime.start()
        let work = try HeldWork(kafka.context.gate)
        try bench.runtime.drain("kafka")
        async let resumed: Void = bench.runtime.resume("kafka")
        await bench.journal.wait(for: "kafka.drain")
        work.end()
        try await resumed
        try kafka.context.gate.enter().end()
        _ = await bench.runtime.shutdown()
    }

    @Test("read-only refuses writes, lets reads in, and ends with a resume")
    func readOnly() async throws {
        let bench = Bench()
        let store = try bench.add("store")
        try await bench.runtime.start()
        try bench.runtime.drain("store", mode: .readOnly)
        #expect(bench.runtime.snapshot().components.map(\.state) == [.readOnly])
        try store.context.gate.enter(.read).end()
        let refusal = #expect(throws: WorkRejected.self) { try store.context.gate.enter(.write).end() }
        #expect(refusal?.reason == .readOnly)
        try await bench.runtime.resume("store")
        try store.context.gate.enter(.write).end()
        #expect(bench.runtime.snapshot().components.map(\.state) == [.running])
        #expect(!bench.journal.entries.contains("store.drain"))
        _ = await bench.runtime.shutdown()
    }

    @Test("a name stands for all below it")
    func below() async throws {
        let bench = Bench()
        let partition = try bench.add("kafka/orders-0")
        let other = try bench.add("kafkaesque")
        try bench.add("kafka", on: ["kafka/orders-0"])
        try await bench.runtime.start()
        try bench.runtime.drain("kafka")
        try await bench.runtime.waitUntilDrained("kafka")
        #expect(partition.context.gate.isClosed)
        #expect(!other.context.gate.isClosed)
        let unknown = #expect(throws: RuntimeError.self) { try bench.runtime.drain("kaf") }
        #expect(unknown?.code == .unknownComponent)
        _ = await bench.runtime.shutdown()
    }

    @Test("draining everything goes level by level, spares what observes, and the process stays up")
    func drainAll() async throws {
        let bench = Bench()
        let http = try bench.add("http", on: ["log"], work: WorkSettings(observeGate: "observe"))
        let log = try bench.add("log")
        try await bench.runtime.start()
        let work = try HeldWork(http.context.gate)
        try bench.runtime.drain()
        await bench.journal.wait(for: "http.drain")
        #expect(bench.runtime.currentState == .draining)
        #expect(!log.context.gate.isClosed)
        work.end()
        try await bench.runtime.waitUntilDrained()
        #expect(log.context.gate.isClosed)
        #expect(try !#require(http.context.observeGate).isClosed)
        let snapshot = bench.runtime.snapshot()
        #expect(snapshot.components.map(\.state) == [.drained, .running, .drained])
        #expect(snapshot.draining != nil)
        try await bench.runtime.resume()
        #expect(bench.runtime.currentState == .running)
        try log.context.gate.enter().end()
        #expect(bench.journal.entries.suffix(2) == ["log.resume", "http.resume"])
        _ = await bench.runtime.shutdown()
    }

    @Test("a shutdown takes over where an operator has drained, and calls no verb twice")
    func shutdownWhileDrained() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka", on: ["log"])
        try bench.add("log")
        try await bench.runtime.start()
        let work = try HeldWork(kafka.context.gate)
        try bench.runtime.drain()
        await bench.journal.wait(for: "kafka.drain")
        async let ended = bench.runtime.shutdown()
        while bench.runtime.currentState != .draining || bench.runtime.state.withLock({ $0.phase == .running }) {
            await Task.yield()
        }
        work.end()
        #expect(await ended.exitCode == 0)
        for name in ["kafka", "log"] { #expect(bench.journal.entries.count { $0 == "\(name).drain" } == 1) }
        let refused = #expect(throws: RuntimeError.self) { try bench.runtime.drain() }
        #expect(refused?.code == .shuttingDown)
    }

    @Test("components come and go while everything runs")
    func addAndRemove() async throws {
        let bench = Bench()
        try bench.add("log")
        try await bench.runtime.start()
        let partition = Probe("kafka/orders-0", on: ["log"], journal: bench.journal)
        try await bench.runtime.add(partition)
        try partition.context.gate.enter().end()
        #expect(bench.runtime.snapshot().components.map(\.name) == ["kafka/orders-0", "log"])
        let needed = await #expect(throws: RuntimeError.self) { try await bench.runtime.remove("log") }
        #expect(needed?.code == .stillNeeded)
        let duplicate = await #expect(throws: RuntimeError.self) { try await bench.runtime.add(Probe("log")) }
        #expect(duplicate?.code == .duplicateName)
        let lost = await #expect(throws: RuntimeError.self) { try await bench.runtime.add(Probe("x", on: ["y"])) }
        #expect(lost?.code == .unknownDependency)
        #expect(try await bench.runtime.remove("kafka/orders-0") == .ok)
        #expect(
            bench.journal.entries == [
                "log.start", "kafka/orders-0.start", "kafka/orders-0.drain", "kafka/orders-0.flush",
                "kafka/orders-0.stop",
            ])
        // The name is free again, and nothing depends on the log any more.
        try await bench.runtime.add(Probe("kafka/orders-0", on: [], journal: bench.journal))
        try await bench.runtime.remove("log")
        #expect(bench.runtime.snapshot().components.map(\.name) == ["kafka/orders-0"])
        #expect(await bench.runtime.shutdown().exitCode == 0)
    }

    @Test("an added component that does not start leaves no trace")
    func addFails() async throws {
        let bench = Bench()
        try await bench.runtime.start()
        await #expect(throws: Broken.self) { try await bench.runtime.add(Probe("a", fails: [.start])) }
        #expect(bench.runtime.snapshot().components.isEmpty)
        try await bench.runtime.add(Probe("a"))
        #expect(await bench.runtime.shutdown().exitCode == 0)
    }

    @Test("a component added while the process drains is taken along, and later ones are refused")
    func addWhileDraining() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka", on: ["log"])
        try bench.add("log")
        try await bench.runtime.start()
        let work = try HeldWork(kafka.context.gate)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "kafka.drain")
        try await bench.runtime.add(Probe("kafka/new-0", on: ["log"], journal: bench.journal))
        work.end()
        let report = await ended
        #expect(report.components.map(\.name) == ["kafka", "kafka/new-0", "log"])
        let entries = bench.journal.entries
        let drained = try #require(entries.firstIndex(of: "kafka/new-0.drain"))
        #expect(try drained < #require(entries.firstIndex(of: "log.drain")))
        #expect(entries.contains("kafka/new-0.stop"))
        let late = await #expect(throws: RuntimeError.self) { try await bench.runtime.add(Probe("late")) }
        #expect(late?.code == .shuttingDown)
    }

    @Test("five thousand partitions come, drain and go")
    func many() async throws {
        let bench = Bench()
        try bench.add("log")
        try await bench.runtime.start()
        for index in 0..<5_000 {
            try await bench.runtime.add(Probe("kafka/t-\(index)", on: ["log"], verbs: .flush))
        }
        for index in 0..<1_000 { try await bench.runtime.remove("kafka/t-\(index)") }
        let report = await bench.runtime.shutdown()
        #expect(report.exitCode == 0)
        #expect(report.components.count == 4_001)
    }
}
