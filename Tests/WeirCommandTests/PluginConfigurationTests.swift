import ObjectStore
import PluginHost
import Testing

@testable import WeirCommand

@Suite("The plugins of a configuration")
struct PluginConfigurationTests {
    private func entries(_ toml: String) throws -> [PluginEntry] {
        var sources = SettingSources()
        try sources.read(toml: toml, from: "weir.toml")
        return sources.plugins
    }

    @Test("are read with what they are told and granted")
    func whole() throws {
        let read = try entries(
            """
            log.level = "info"
            [[plugins]]
            path = "a.so"
            name = "a"
            enabled = false
            required = true
            timeout = "2s"
            start-timeout = "500ms"
            max-concurrent = 8
            [plugins.config]
            topic = "audit"
            deep = { list = [1, 2.5, true] }
            [[plugins.grants]]
            kinds = ["ConfigMap"]
            namespaces = ["default"]
            verbs = ["get", "create"]
            [[plugins.grants]]
            topics = ["audit-*"]
            verbs = ["produce"]
            [[plugins]]
            name = "found-in-the-folder"
            grants = "needs"
            """)
        #expect(read.count == 2)
        let settings = read[0].settings
        #expect(read[0].path == "a.so" && !read[0].isEnabled)
        #expect(settings.name == "a" && settings.isRequired && settings.maxConcurrent == 8)
        #expect(settings.timeout == .seconds(2) && settings.startTimeout == .milliseconds(500))
        #expect(settings.configuration == ["topic": "audit", "deep": ["list": [1, 2.5, true]]])
        #expect(
            settings.grants
                == .listed([
                    Grant(kinds: ["ConfigMap"], namespaces: ["default"], verbs: [.get, .create]),
                    Grant(topics: ["audit-*"], verbs: [.produce]),
                ]))
        #expect(read[1].path == nil && read[1].name == "found-in-the-folder" && read[1].settings.grants == .asNeeded)
    }

    @Test(
        "are told what is wrong, and where",
        arguments: [
            ("plugins = 3", "weir.toml: 'plugins' must be a list of tables: write [[plugins]]"),
            ("[[plugins]]", "weir.toml: plugins[0] names no plugin; give path"),
            ("[[plugins]]\npath = 3", "weir.toml: plugins[0]: 'path' must be a string"),
            ("[[plugins]]\npath = \"a\"\ntimeot = 3", "unknown key 'timeot'; did you mean 'timeout'?"),
            ("[[plugins]]\npath = \"a\"\ntimeout = \"0s\"", "'timeout' must be a time such as"),
            ("[[plugins]]\npath = \"a\"\nmax-concurrent = 0", "'max-concurrent' must be a whole number from 1"),
            ("[[plugins]]\npath = \"a\"\nconfig = 3", "'config' must be a table"),
            ("[[plugins]]\npath = \"a\"\ngrants = \"all\"", "'grants' must be a list of tables, or \"needs\""),
            (
                "[[plugins]]\npath = \"a\"\n[[plugins.grants]]\nkinds = [\"Topic\"]\nverbs = [\"eat\"]",
                "grants[0].verbs: 'eat' is not one of get"
            ),
        ])
    func wrong(_ toml: String, _ problem: String) throws {
        let error = try #require(throws: UsageError.self) { try entries(toml) }
        #expect(error.code == .configuration)
        #expect(error.description.contains(problem), "\(error)")
    }

    @Test("that cannot be loaded are among the candidates, with the reason")
    func candidates() throws {
        let plan = PluginPlan(paths: ["/nowhere/a.so"])
        let found = try plan.candidates()
        #expect(found.map(\.path) == ["/nowhere/a.so"])
        #expect(throws: PluginError.self) { try found[0].result.get() }
        #expect(throws: UsageError.self) { try plan.load() }
        #expect(throws: UsageError.self) { try PluginPlan(directory: "/nowhere").candidates() }
        #expect(throws: UsageError.self) { try PluginPlan(entries: [PluginEntry(name: "x")]).candidates() }
    }
}
