import EmbeddedNode
import Kafka
import Testing
import WeirRuntime

@testable import WeirCommand

@Suite("The configuration of a node")
struct NodeConfigurationTests {
    private func configuration(_ settings: [String: String]) throws -> NodeConfiguration {
        var sources = SettingSources()
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) { try sources.set(key, to: value, from: "--set") }
        return try NodeConfiguration(sources)
    }

    @Test("the defaults are a configuration, and the ones that are documented")
    func defaults() throws {
        let node = try configuration([:])
        #expect(node.dataDirectory == "./weir-data")
        #expect(node.httpHost == "127.0.0.1")
        #expect(node.httpPort == 8080)
        #expect(node.exitReport == nil)
        #expect(node.broker.listeners.map(\.port) == [9092])
        // What docs/configuration.md says of the plan is what the runtime does without a word.
        var plan = node.shutdown
        plan.terminationGrace = ShutdownPlan().terminationGrace
        #expect(plan.drain == ShutdownPlan().drain)
        #expect(plan.handOver == ShutdownPlan().handOver)
        #expect(plan.flush == ShutdownPlan().flush)
        #expect(plan.stop == ShutdownPlan().stop)
        #expect(plan.total == ShutdownPlan().total)
        #expect(plan.order == ShutdownPlan().order)
    }

    @Test(
        "what is wrong is told with the setting, its value, its place and what it must be",
        arguments: [
            (["http.port": "x"], "http.port is 'x' (from --set); it must be a whole number from 0 to 65535"),
            (["http.port": "65536"], "http.port is '65536' (from --set); it must be a whole number"),
            (["http.port": "-1"], "http.port is '-1'"), (["http.port": ""], "http.port is empty; give it a value"),
            (["data-dir": ""], "data-dir is empty"),
            (["log.level": "loud"], "log.level is 'loud' (from --set); it must be one of trace, debug, info, notice,"),
            (
                ["shutdown.drain": "10"],
                "shutdown.drain is '10' (from --set); it must be a time such as 500ms, 10s or 2m"
            ),
            (["shutdown.drain": "-1s"], "shutdown.drain is '-1s'"),
            (
                ["shutdown.drain.soft": "11s"],
                "shutdown.drain.soft is '11s' (from --set); it must be at most shutdown.drain, which is 10s"
            ),
            (["shutdown.order": "x"], "it must be one of hand-over-first, drain-first"),
            (["kafka.num.partitions": "x"], "kafka.num.partitions (from --set): "),
            (["kafka.listeners": "nonsense"], "kafka.listeners (from --set): "),
            (["kafka.log.cleanup.policy": "x"], "kafka.log.cleanup.policy (from --set): "),
        ] as [([String: String], String)])
    func errors(_ settings: [String: String], _ sentence: String) {
        let error = #expect(throws: UsageError.self) { try configuration(settings) }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test("deadlines that do not fit into the total are refused")
    func total() {
        let error = #expect(throws: UsageError.self) { try configuration(["shutdown.total": "1s"]) }
        #expect(error?.code == .configuration)
        #expect(error?.description.isEmpty == false)
    }

    @Test(
        "times have a number and a unit",
        arguments: [
            ("0s", .zero), ("250ms", .milliseconds(250)), ("10s", .seconds(10)), ("2m", .seconds(120)),
            ("1h", .seconds(3600)), ("1000000000ms", .seconds(1_000_000)), ("007s", .seconds(7)),
            ("", nil), ("10", nil), ("s", nil), ("1.5s", nil), ("-1s", nil), ("1 s", nil), (" 1s", nil), ("1S", nil),
            ("1d", nil), ("1000000001s", nil), ("99999999999999999999s", nil), ("٣s", nil), ("1s ", nil), ("½s", nil),
        ] as [(String, Duration?)])
    func durations(_ text: String, _ duration: Duration?) {
        #expect(Duration(settingText: text) == duration)
    }

    @Test("the page of settings is what the program has")
    func page() throws {
        let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try TextFile.read("/\(here)/docs/configuration.md")
        #expect(page == ConfigurationPage.text, "run `weir settings --markdown > docs/configuration.md`")
        for setting in Setting.all { #expect(page.contains("`\(setting.key)`")) }
    }
}
