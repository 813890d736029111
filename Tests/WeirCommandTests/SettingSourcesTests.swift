import Testing

@testable import WeirCommand

@Suite("Where settings come from")
struct SettingSourcesTests {
    @Test("a file is overruled by the environment, and that by flags")
    func precedence() throws {
        var sources = SettingSources()
        #expect(sources.value("http.port")?.value == "8080")
        #expect(sources.value("http.port")?.place == "the default")
        try sources.read(toml: "[http]\nport = 1\nhost = \"h\"\n", from: "f.toml")
        #expect(sources.value("http.port") == SettingSources.Given(value: "1", place: "f.toml"))
        try sources.read(environment: ["WEIR_HTTP_PORT": "2"])
        #expect(sources.value("http.port") == SettingSources.Given(value: "2", place: "WEIR_HTTP_PORT"))
        try sources.set("http.port=3", from: "--set")
        #expect(sources.value("http.port") == SettingSources.Given(value: "3", place: "--set"))
        #expect(sources.value("http.host")?.value == "h", "what nobody overrules stays")
        #expect(sources.value("exit-report") == nil, "no default")
    }

    @Test(
        "a file may write a Kafka setting quoted, dotted, or as a table",
        arguments: [
            "[kafka]\n\"num.partitions\" = 3\n", "[kafka]\nnum.partitions = 3\n", "[kafka.num]\npartitions = 3\n",
            "kafka.num.partitions = 3\n", "kafka = { \"num.partitions\" = \"3\" }\n",
        ])
    func kafkaKeys(_ text: String) throws {
        var sources = SettingSources()
        try sources.read(toml: text, from: "f.toml")
        #expect(sources.values(under: "kafka.") == ["num.partitions": "3"])
    }

    @Test("quoted keys stand beside longer ones that begin alike")
    func nestedKafkaKeys() throws {
        var sources = SettingSources()
        let text = "[kafka]\n\"log.retention.ms\" = 1\n\"max.connections\" = 2\n\"advertised.listeners\" = \"\"\n"
        try sources.read(toml: text, from: "f.toml")
        #expect(sources.values(under: "kafka.").count == 3)
    }

    @Test(
        "values of TOML become the text that flags would give",
        arguments: [
            ("\"x\"", "x"), ("5", "5"), ("-1", "-1"), ("true", "true"), ("false", "false"), ("0.5", "0.5"),
            ("[\"a\", \"b\"]", "a,b"), ("[1, 2]", "1,2"), ("[]", ""), ("'''a'''", "a"),
        ])
    func values(_ toml: String, _ text: String) throws {
        var sources = SettingSources()
        try sources.read(toml: "data-dir = \(toml)\n", from: "f.toml")
        #expect(sources.value("data-dir")?.value == text)
    }

    @Test(
        "what a file may not say is an error with its place",
        arguments: [
            ("a = [\n", "f.toml:1:7: "), ("\n\nhttp = = 1", "f.toml:3:8: "),
            ("data-dir = 1979-05-27\n", "f.toml: 'data-dir' must be a string, a number, a boolean or a list"),
            ("data-dir = [[1], 1979-05-27]\n", "f.toml: 'data-dir' must be"),
            ("[http]\nprot = 1\n", "f.toml: unknown setting 'http.prot'; did you mean 'http.port'?"),
            ("[kafka]\n\"num.partitons\" = 1\n", "did you mean 'kafka.num.partitions'?"),
            ("zzzzzzzzzzzzzzzz = 1\n", "unknown setting 'zzzzzzzzzzzzzzzz'; see docs/configuration.md"),
            ("[kafka]\nlog.retention = 1\nlog.retention.ms = 2\n", "quote the keys of [kafka]"),
        ])
    func fileErrors(_ toml: String, _ sentence: String) {
        let error = #expect(throws: UsageError.self) {
            var sources = SettingSources()
            try sources.read(toml: toml, from: "f.toml")
        }
        #expect(error?.code == .configuration)
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test("names of environment variables are the keys', upper-cased, with underscores")
    func environmentNames() {
        #expect(Setting.environmentName(for: "http.port") == "WEIR_HTTP_PORT")
        #expect(Setting.environmentName(for: "data-dir") == "WEIR_DATA_DIR")
        #expect(Setting.environmentName(for: "shutdown.hand-over.soft") == "WEIR_SHUTDOWN_HAND_OVER_SOFT")
        #expect(Setting.environmentName(for: "kafka.num.partitions") == "WEIR_KAFKA_NUM_PARTITIONS")
    }

    @Test("no two settings share a variable, and none is one of the commands' or Kubernetes'")
    func environmentNamesAreUnique() throws {
        let names = Setting.all.map(\.environmentName)
        #expect(Set(names).count == names.count)
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        // Each one arrives.
        var sources = SettingSources()
        try sources.read(environment: Dictionary(uniqueKeysWithValues: names.map { ($0, "v") }))
        #expect(sources.given.count == names.count)
    }

    @Test(
        "variables of the commands, of tests, of others and of Kubernetes are no settings",
        arguments: [
            ("WEIR_SERVER", "http://x"), ("WEIR_BOOTSTRAP", "x:1"), ("WEIR_BINARY", "/x"), ("WEIR_TEST_SEED", "1"),
            ("PATH", "/bin"), ("WEIRD", "1"), ("WEIR_SERVICE_HOST", "10.0.0.1"), ("WEIR_SERVICE_PORT", "9092"),
            ("WEIR_SERVICE_PORT_KAFKA", "9092"), ("WEIR_PORT", "tcp://10.0.0.1:9092"),
            ("WEIR_PORT_9092_TCP", "tcp://10.0.0.1:9092"), ("WEIR_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("WEIR_KAFKA_SERVICE_HOST", "10.0.0.1"), ("WEIR_HTTP_PORT", "tcp://10.0.0.1:8080"),
            ("WEIR_HTTP_PORT_8080_TCP_PROTO", "tcp"),
        ])
    func foreignVariables(_ name: String, _ value: String) throws {
        var sources = SettingSources()
        try sources.read(environment: [name: value])
        #expect(sources.given.isEmpty)
    }

    @Test("an unknown variable is an error that names the nearest one")
    func unknownVariable() {
        let error = #expect(throws: UsageError.self) {
            var sources = SettingSources()
            try sources.read(environment: ["WEIR_HTTP_PRT": "1"])
        }
        #expect(error?.description == "environment: unknown variable 'WEIR_HTTP_PRT'; did you mean 'WEIR_HTTP_PORT'?")
        #expect(error?.code == .configuration)
    }

    @Test(
        "--set takes KEY=VALUE; the value may have any sign in it",
        arguments: [
            ("data-dir=/a=b", "/a=b"), ("data-dir=", ""), ("data-dir= x ", " x "),
        ])
    func assignment(_ text: String, _ value: String) throws {
        var sources = SettingSources()
        try sources.set(text, from: "--set")
        #expect(sources.value("data-dir")?.value == value)
    }

    @Test("--set without = is wrong usage, an unknown key wrong configuration")
    func assignmentErrors() {
        var sources = SettingSources()
        let usage = #expect(throws: UsageError.self) { try sources.set("data-dir", from: "--set") }
        #expect(usage?.code == .usage)
        let unknown = #expect(throws: UsageError.self) { try sources.set("data.dir=1", from: "--set") }
        #expect(unknown?.code == .configuration)
        #expect(unknown?.description == "--set: unknown setting 'data.dir'; did you mean 'data-dir'?")
    }
}
