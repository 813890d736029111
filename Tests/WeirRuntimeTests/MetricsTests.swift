import Testing
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

@Suite("Metrics", .timeLimit(.minutes(1)))
struct MetricsTests {
    private static func value(_ families: [MetricFamily], _ name: String, _ labels: String...) -> Double? {
        families.first { $0.name == name }?.samples.first { $0.labels.map(\.value) == labels }?.value
    }

    @Test("work is read from the gates when it is asked for")
    func work() async throws {
        let bench = Bench()
        let kafka = try bench.add("kafka")
        try await bench.runtime.start()
        let gate = kafka.context.gate
        try gate.enter().end()
        try gate.enter().end(.failed)
        let work = try HeldWork(gate)
        var families = await bench.runtime.metrics.collect()
        #expect(Self.value(families, "weir_work_in_flight", "kafka") == 1)
        #expect(Self.value(families, "weir_work_started_total", "kafka") == 3)
        #expect(Self.value(families, "weir_work_succeeded_total", "kafka") == 1)
        #expect(Self.value(families, "weir_work_failed_total", "kafka") == 1)
        #expect(Self.value(families, "weir_work_rejected_total", "kafka", "draining") == 0)
        #expect(Self.value(families, "weir_shutdown_state") == 0)
        #expect(Self.value(families, "weir_shutdown_initiated_total") == 0)
        #expect(Self.value(families, "weir_shutdown_in_flight_requests") == 1)
        async let ended = bench.runtime.shutdown()
        await bench.journal.wait(for: "kafka.drain")
        await bench.clock.sleepers(atLeast: 1)
        bench.clock.advance(by: .milliseconds(250))
        families = await bench.runtime.metrics.collect()
        #expect(Self.value(families, "weir_shutdown_state") == 3)
        #expect(Self.value(families, "weir_shutdown_initiated_total") == 1)
        #expect(Self.value(families, "weir_drain_seconds") == 0.25)
        #expect(Self.value(families, "weir_drain_remaining") == 1)
        work.end()
        _ = await ended
        families = await bench.runtime.metrics.collect()
        #expect(Self.value(families, "weir_shutdown_state") == 5)
        #expect(Self.value(families, "weir_shutdown_stage_duration_seconds", "drain") == 0.25)
    }

    @Test("the last exit is shown again, and a process that left no report was not clean")
    func lastExit() async {
        let registry = MetricRegistry()
        let first = registry.add(LastExit(duration: .milliseconds(12), exitCode: 0, verdict: "clean"))
        var families = await registry.collect()
        #expect(Self.value(families, "weir_last_shutdown_duration_seconds") == 0.012)
        #expect(Self.value(families, "weir_last_shutdown_clean") == 1)
        #expect(Self.value(families, "weir_last_exit_code") == 0)
        registry.remove(first)
        registry.add(LastExit(duration: nil, exitCode: nil, verdict: nil))
        families = await registry.collect()
        #expect(Self.value(families, "weir_last_shutdown_clean") == 0)
        #expect(Self.value(families, "weir_last_exit_code") == -1)
    }

    private struct Constant: MetricSource {
        var component: String

        func collectMetrics() async -> [MetricFamily] {
            [
                MetricFamily(
                    "weir_shared", .gauge, help: "Shared.",
                    samples: [MetricFamily.Sample(1, labels: [MetricFamily.Label("component", component)])])
            ]
        }
    }

    @Test("families of one name stand together once")
    func merged() async {
        let registry = MetricRegistry()
        registry.add(Constant(component: "a"))
        registry.add(Constant(component: "b"))
        let families = await registry.collect()
        #expect(families.count == 1)
        #expect(families[0].samples.map { $0.labels[0].value } == ["a", "b"])
    }
}
