import ObjectStore
import PluginHost
import Testing
import WeirPluginABI
import WeirRuntime
import WorkTracking

@Suite("The reconciles of a plugin", .timeLimit(.minutes(2)))
struct PluginReconcileTests {
    @Test("see each object, and write under their own operation")
    func writes() async throws {
        let node = try PluginNode(["reconcile": "write"])
        try await node.runtime.start()
        try await node.addWidget("a")
        try await eventually("the status is written") { try await node.widget("a").status?["seen"] == true }
        let work = node.runtime.workRegistry.snapshot().component(named: "plugin/behaving")
        #expect((work?.started ?? 0) > 0, "each is an operation of the plugin's gate")
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("may be answered later, from any thread, but once")
    func later() async throws {
        let node = try PluginNode(["reconcile": "later"])
        try await node.runtime.start()
        try await node.addWidget("a")
        try await eventually("the thread has answered") { node.library.calls.contains("answered-once") }
        #expect(await node.runtime.shutdown().exitCode == 0)
        #expect(!node.library.calls.contains("answered-wrongly"))
    }

    @Test("that run when a drain begins finish, and their writes are there")
    func drained() async throws {
        let node = try PluginNode(["reconcile": "wait"])
        try await node.runtime.start()
        for name in ["a", "b", "c"] { try await node.addWidget(name) }
        try await eventually("three wait in the plugin") {
            node.library.calls.count { $0 == "reconcile-waits" } == 3
        }
        let shutdown = Task { await node.runtime.shutdown() }
        try await eventually("the plugin's reconciler drains") {
            node.runtime.workRegistry.snapshot().component(named: "reconcile/behaving/widget.example.com")?.isClosed
                ?? false
        }
        node.library.release()
        let report = await shutdown.value
        #expect(report.exitCode == 0)
        #expect(node.library.calls.count { $0 == "reconcile-wrote" } == 3)
        #expect(!node.library.calls.contains("reconcile-refused"))
    }

    @Test("that never end are left behind at the drain's deadline, and the report says so")
    func never() async throws {
        let node = try PluginNode(["reconcile": "never"]) { plan in
            plan.drain = Deadlines(soft: .milliseconds(40), hard: .milliseconds(120))
        }
        try await node.runtime.start()
        try await node.addWidget("a")
        try await eventually("the plugin has it") { node.library.calls.contains("reconcile") }
        let operation = node.library.handle("last_operation")
        #expect(try await node.call { $0.work_check($0.host, operation) } == WEIR_OK)
        let report = await node.runtime.shutdown()
        #expect(report.exitCode == ExitCode.incomplete)
    }

    @Test("are tried again after a failure, and not after a terminal one", arguments: [true, false])
    func failures(_ isTerminal: Bool) async throws {
        let node = try PluginNode(["reconcile": isTerminal ? "terminal" : "fail"])
        try await node.runtime.start()
        try await node.addWidget("a")
        let wanted = isTerminal ? 1 : 3
        try await eventually("it was tried") { node.library.calls.count { $0 == "reconcile" } >= wanted }
        try await eventually("it is told in the plugin's words") {
            node.log.count(containing: isTerminal ? "not this one" : "the fixture was told to fail") >= 1
        }
        _ = await node.runtime.shutdown()
        if isTerminal { #expect(node.library.calls.count { $0 == "reconcile" } == 1) }
    }

    @Test("that return garbage are failures like others")
    func garbage() async throws {
        let node = try PluginNode(["reconcile": "garbage"])
        try await node.runtime.start()
        try await node.addWidget("a")
        try await eventually("it was tried again") { node.library.calls.count { $0 == "reconcile" } >= 2 }
        #expect(await node.runtime.shutdown().exitCode == 0)
    }
}
