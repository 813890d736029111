import ObjectStore
import Reconciling
import Testing
import WeirRuntime
import WeirSimulation

@Suite("The metrics of a reconciler", .timeLimit(.minutes(1)))
struct ReconcilerMetricsTests {
    @Test("have controller-runtime's names and labels, and count what happened")
    func names() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self, .maxConcurrent(2)) { request -> ReconcileResult in
            defer { journal.note(request.name) }
            switch request.name {
            case "fails": throw Broken()
            case "terminal": throw TerminalError("for good")
            case "again": return .requeue
            case "later": return .requeue(after: .seconds(3_600))
            case "stays": await door.passStubbornly()
            default: break
            }
            return .done
        }
        try await fixture.runtime.start()
        for name in ["stays", "fails", "terminal", "again", "later", "well"] {
            try await fixture.client.create(Widget(name))
        }
        for name in ["fails", "terminal", "again", "later", "well"] { await journal.wait(for: name) }
        while await fixture.metric("controller_runtime_active_workers") != [["widget", ""]: 1] { await Task.yield() }
        fixture.clock.advance(by: .milliseconds(4))

        #expect(
            await fixture.metric("controller_runtime_reconcile_total") == [
                ["widget", "success", ""]: 1, ["widget", "error", ""]: 2, ["widget", "requeue", ""]: 1,
                ["widget", "requeue_after", ""]: 1, ["widget", "cancelled", ""]: 0,
            ])
        let values = [
            "controller_runtime_reconcile_errors_total": 2.0, "controller_runtime_terminal_reconcile_errors_total": 1,
            "controller_runtime_reconcile_timeouts_total": 0, "controller_runtime_max_concurrent_reconciles": 2,
        ]
        for (name, value) in values { #expect(await fixture.metric(name) == [["widget", ""]: value], "\(name)") }
        let queue = [
            "workqueue_adds_total": 6.0, "workqueue_retries_total": 3, "workqueue_unfinished_work_seconds": 0.004,
            "workqueue_longest_running_processor_seconds": 0.004,
        ]
        for (name, value) in queue {
            #expect(await fixture.metric(name) == [["widget", "widget", ""]: value], "\(name)")
        }
        #expect(await fixture.metric("workqueue_depth") == [["widget", "widget", "0", ""]: 0])
        #expect(await fixture.metric("workqueue_queue_duration_seconds")[["widget", "widget", "_count"]] == 6)
        #expect(await fixture.metric("workqueue_work_duration_seconds")[["widget", "widget", "_count"]] == 5)
        let times = await fixture.metric("controller_runtime_reconcile_time_seconds")
        #expect(times[["widget", "_count"]] == 5 && times[["widget", "+Inf", "_bucket"]] == 5)
        #expect(times[["widget", "0.005", "_bucket"]] == 5 && times[["widget", "60.0", "_bucket"]] == 5)
        #expect(await fixture.metric("leader_election_master_status") == [:])
        door.open()
        _ = await fixture.runtime.shutdown()
    }
}
