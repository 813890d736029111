import ArgumentParser
import Glibc
import Kafka
import WeirIO
import WeirRuntime

/// `weir serve`: runs a node until a signal.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs a node: a Kafka-compatible broker and an HTTP server, until SIGTERM or Ctrl-C.",
        discussion: """
            Prints one line when it serves: ready kafka=HOST:PORT http=HOST:PORT
            A second signal cancels what still runs, a third ends at once. docs/operating.md lists the exit codes.
            """)

    @Option(help: "Folder of everything that the node keeps (default ./weir-data).")
    var dataDir: String?

    @Option(help: "Port for Kafka clients; 0 takes a free one (default 9092).")
    var kafkaPort: UInt16?

    @Option(help: "Port for HTTP; 0 takes a free one (default 8080).")
    var httpPort: UInt16?

    @Option(help: "TOML file with settings.")
    var config: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("One setting; may be repeated.", valueName: "KEY=VALUE"))
    var settings: [String] = []

    @Option(help: "File that the exit report is written to, too.")
    var exitReport: String?

    @OptionGroup var plugins: PluginOptions

    func run() async throws {
        var configuration = try NodeConfiguration(try sources())
        configuration.plugins.paths = plugins.paths
        let node = Node(configuration)
        Glibc.exit(try await node.run())
    }

    /// File, environment, flags: the later one wins.
    private func sources() throws(UsageError) -> SettingSources {
        var sources = SettingSources()
        if let config { try sources.read(file: config) }
        try sources.read(environment: ProcessEnvironment.all())
        for assignment in settings { try sources.set(assignment, from: "--set") }
        if let dataDir { try sources.set("data-dir", to: dataDir, from: "--data-dir") }
        if let httpPort { try sources.set("http.port", to: "\(httpPort)", from: "--http-port") }
        if let kafkaPort { try setKafkaPort(kafkaPort, in: &sources) }
        if let directory = plugins.pluginsDirectory {
            try sources.set("plugins-directory", to: directory, from: "--plugins-directory")
        }
        if let exitReport { try sources.set("exit-report", to: exitReport, from: "--exit-report") }
        return sources
    }

    /// `--kafka-port` changes the port of the first listener, whoever named it.
    private func setKafkaPort(_ port: UInt16, in sources: inout SettingSources) throws(UsageError) {
        let key = "kafka.listeners"
        let listed = (sources.value(key)?.value ?? "").split(separator: ",").map(String.init)
        guard let first = listed.first, var listener = Listener(first.filter { !$0.isWhitespace }) else {
            throw UsageError.configuration(
                "\(key) is '\(listed.joined(separator: ","))'; write PLAINTEXT://127.0.0.1:9092")
        }
        listener.port = port
        let all = [listener.description] + listed.dropFirst()
        try sources.set(key, to: all.joined(separator: ","), from: "--kafka-port")
    }
}
