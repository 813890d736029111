import ObjectStore
import PluginHost
import Testing
import WeirPluginABI
import WeirRuntime

@Suite("The life of a plugin", .timeLimit(.minutes(2)))
struct PluginLifeTests {
    @Test("is start, hand over, drain, flush and stop, each once and in this order")
    func order() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        #expect(node.library.calls == ["start"])
        let report = await node.runtime.shutdown()
        #expect(node.library.calls == ["start", "hand_over", "drain", "flush", "stop"])
        #expect(report.exitCode == 0)
    }

    @Test("goes on after an operator's drain was taken back")
    func resumed() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        try node.runtime.drain("plugin/behaving")
        try await node.runtime.waitUntilDrained("plugin/behaving")
        try await node.runtime.resume("plugin/behaving")
        #expect(node.library.calls == ["start", "drain", "resume"])
        try await node.addWidget("after")
        try await eventually("the reconciler works again") { node.library.calls.contains("reconcile") }
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("ends at a start that fails, and the node serves on without it")
    func startFails() async throws {
        let node = try PluginNode(["start": "fail"])
        try await node.runtime.start()
        #expect(node.log.count(containing: "plugin behaving failed to start: the fixture was told to fail") == 1)
        try await node.addConfigMap("served")
        let report = await node.runtime.shutdown()
        #expect(node.library.calls == ["start"], "nothing is called after a start that failed")
        #expect(report.exitCode == ExitCode.failed)
    }

    @Test("ends at a start that misses its deadline, and the node serves on without it")
    func startHangs() async throws {
        let node = try PluginNode(["start": "hang"], startTimeout: .milliseconds(20))
        try await node.runtime.start()
        #expect(node.log.count(containing: "plugin behaving missed its deadline: start did not return") > 0)
        try await node.addConfigMap("served")
        let code = try await node.call { $0.log($0.host, 1, weir_bytes()) }
        #expect(code == WEIR_STOPPED, "host functions answer no more")
        #expect(await node.runtime.shutdown().exitCode == ExitCode.failed)
        #expect(node.library.calls == ["start"])
        node.library.release()
    }

    @Test(
        "is given up at a deadline missed on the way down, and the report says what was left behind",
        arguments: ["hand_over", "flush", "stop"])
    func verbHangs(_ verb: String) async throws {
        let node = try PluginNode(JSONValue.object([verb: "hang"]), timeout: .milliseconds(40))
        try await node.runtime.start()
        let report = await node.runtime.shutdown()
        #expect(report.exitCode == ExitCode.incomplete)
        #expect(report.stages.contains { $0.outcome == .abandoned })
        #expect(!node.library.calls.contains("stop") || verb == "stop", "nothing is called in a plugin given up")
        try await eventually("host functions answer no more") {
            try await node.call { $0.log($0.host, 1, weir_bytes()) } == WEIR_STOPPED
        }
        node.library.release()
    }

    @Test("is given up where its drain hangs: the drain's own deadline ends it")
    func drainHangs() async throws {
        let node = try PluginNode(["drain": "hang"], timeout: .milliseconds(20)) { plan in
            plan.drain = Deadlines(soft: .milliseconds(60), hard: .milliseconds(120))
        }
        try await node.runtime.start()
        let report = await node.runtime.shutdown()
        #expect(report.exitCode == ExitCode.incomplete)
        #expect(node.log.count(containing: "missed its deadline: drain did not return") == 1)
        #expect(!node.library.calls.contains("flush") && !node.library.calls.contains("stop"))
        node.library.release()
    }

    @Test("shows its failures in its own words", arguments: ["hand_over", "flush", "stop"])
    func verbFails(_ verb: String) async throws {
        let node = try PluginNode(JSONValue.object([verb: "fail"]))
        try await node.runtime.start()
        #expect(await node.runtime.shutdown().exitCode == ExitCode.failed)
        #expect(node.log.count(containing: "the fixture was told to fail") == 1)
    }

    @Test(
        "stands garbage: an unknown code and an impossible length are failures", arguments: ["flush", "stop", "drain"])
    func verbReturnsGarbage(_ verb: String) async throws {
        let node = try PluginNode(JSONValue.object([verb: "garbage"]))
        try await node.runtime.start()
        #expect(await node.runtime.shutdown().exitCode == ExitCode.failed)
        #expect(node.log.count(containing: "plugin behaving failed to \(verb)") == 1)
    }

    @Test("ends its calls too: after stop every host function says stopped, whatever it is given")
    func afterStop() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        _ = await node.runtime.shutdown()
        let codes = try await node.call { host -> [Int32] in
            var result = weir_result()
            var number: UInt64 = 7
            var record = weir_record()
            return [
                host.release(host.host, 1), host.log(host.host, 0, weir_bytes()), host.config(host.host, &result),
                host.object_get(host.host, 0, weir_bytes(), weir_bytes(), weir_bytes(), &result),
                host.object_list(host.host, 0, weir_bytes(), nil),
                host.object_create(host.host, 9, weir_bytes(), nil),
                host.object_update(host.host, 9, weir_bytes(), 99, nil),
                host.object_patch(
                    host.host, 9, weir_bytes(), weir_bytes(), weir_bytes(), 7, weir_bytes(), 8, nil),
                host.object_delete(host.host, 0, weir_bytes(), weir_bytes(), weir_bytes(), weir_bytes(), nil),
                host.object_watch(host.host, weir_bytes(), 0, nil, nil, nil, nil), host.watch_end(host.host, 3),
                host.record_produce(host.host, 0, weir_bytes(), 0, &record, nil, nil, nil),
                host.record_consume(host.host, 0, weir_bytes(), 0, 0, 1, nil, nil, nil, nil),
                host.work_begin(host.host, weir_bytes(), &number), host.work_fork(host.host, 1, weir_bytes(), &number),
                host.work_end(host.host, 1, 0), host.work_check(host.host, 1),
                host.reconcile_complete(host.host, 1, 0, 0, weir_bytes()),
            ]
        }
        #expect(codes.allSatisfy { $0 == WEIR_STOPPED }, "\(codes)")
    }

    @Test("can be ended in a running node, its reconciler first")
    func removed() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        #expect(node.plugin.reconcilerNames == ["reconcile/behaving/widget.example.com"])
        #expect(try await node.plugin.remove(from: node.runtime) == .ok)
        #expect(node.library.calls == ["start", "drain", "flush", "stop"])
        try await node.addWidget("nobody-looks")
        #expect(await node.runtime.shutdown().exitCode == 0)
        #expect(!node.library.calls.contains("reconcile"))
    }
}
