import Kafka

/// One setting of a node: its key, default and meaning, as docs/configuration.md lists it.
struct Setting: Sendable {
    /// The key in dotted form: `http.port`.
    let key: String
    /// The default as text; nil where there is none.
    let standard: String?
    /// One sentence.
    let help: String

    /// The environment variable that sets it: `WEIR_HTTP_PORT`.
    var environmentName: String { Self.environmentName(for: key) }

    /// `WEIR_` and the key upper-cased, with `.` and `-` as `_`.
    static func environmentName(for key: String) -> String {
        "WEIR_" + key.uppercased().replacing(".", with: "_").replacing("-", with: "_")
    }
}

extension Setting {
    /// The node's own settings; Kafka's follow under `kafka.`.
    static let own: [Setting] = [
        Setting(
            key: "data-dir", standard: "./weir-data",
            help: "Folder of everything that the node keeps. One process at a time."),
        Setting(
            key: "http.host", standard: "127.0.0.1",
            help: "Address that the HTTP server listens on."),
        Setting(
            key: "http.port", standard: "8080",
            help: "Port of the HTTP server; 0 takes a free one."),
        Setting(
            key: "loops", standard: "0",
            help: "Event loops that serve connections and partitions; 0: one a core."),
        Setting(
            key: "log.level", standard: "notice",
            help: "Least severe line that is logged: trace, debug, info, notice, warning, error or critical."),
        Setting(
            key: "exit-report", standard: nil,
            help: "File that the exit report is written to, beside last-exit.json in the data folder."),
        Setting(
            key: "shutdown.propagation", standard: "0s",
            help: "After SIGTERM: how long the node serves on with readiness at 503, so that load balancers notice."),
        Setting(
            key: "shutdown.soft", standard: "10s",
            help: "How long a component may drain before its running work is logged and then cancelled."),
        Setting(
            key: "shutdown.hard", standard: "15s",
            help: "How long a component may drain before its running work is abandoned."),
        Setting(
            key: "shutdown.flush", standard: "5s",
            help: "How long flushing may take."),
        Setting(
            key: "shutdown.stop", standard: "2s",
            help: "How long closing sockets and files may take."),
        Setting(
            key: "shutdown.total", standard: "30s",
            help: "How long the whole shutdown may take; a watchdog ends the process after it."),
        Setting(
            key: "shutdown.order", standard: "hand-over-first",
            help: "hand-over-first serves while leadership moves; drain-first refuses first, as older brokers do."),
        Setting(
            key: "shutdown.termination-grace", standard: nil,
            help: "What the supervisor grants before it kills; a warning at start says where the plan is longer."),
    ]

    /// Kafka's broker settings, under `kafka.`.
    static let kafka: [Setting] = BrokerSettings.definitions.map { definition in
        Setting(key: "kafka.\(definition.name)", standard: definition.defaultText, help: definition.help)
    }

    /// Every setting there is.
    static let all = own + kafka
}
