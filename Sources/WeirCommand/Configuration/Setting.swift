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
            key: "log.level", standard: "notice",
            help: "Least severe line that is logged: trace, debug, info, notice, warning, error or critical."),
        Setting(
            key: "exit-report", standard: nil,
            help: "File that the exit report is written to, beside last-exit.json in the data folder."),
        Setting(
            key: "plugins-directory", standard: nil,
            help: "Folder whose .so files are loaded as plugins; [[plugins]] of that name say what they may do."),
        Setting(
            key: "shutdown.propagation", standard: "0s",
            help: "After SIGTERM: how long the node serves on with readiness at 503, so that load balancers notice."),
        Setting(
            key: "shutdown.hand-over", standard: "6s",
            help: "How long moving leadership may take before what still runs is abandoned."),
        Setting(
            key: "shutdown.hand-over.soft", standard: "5s",
            help:
                "How long moving leadership may take before what still runs is logged; half-way to shutdown.hand-over it is cancelled."
        ),
        Setting(
            key: "shutdown.drain", standard: "10s",
            help: "How long finishing admitted work may take before what still runs is abandoned."),
        Setting(
            key: "shutdown.drain.soft", standard: "8s",
            help:
                "How long finishing admitted work may take before what still runs is logged; half-way to shutdown.drain it is cancelled."
        ),
        Setting(
            key: "shutdown.flush", standard: "5s",
            help: "How long making logs durable may take before what still runs is abandoned."),
        Setting(
            key: "shutdown.flush.soft", standard: "4s",
            help:
                "How long making logs durable may take before what still runs is logged; half-way to shutdown.flush it is cancelled."
        ),
        Setting(
            key: "shutdown.stop", standard: "3s",
            help: "How long closing sockets and files may take before what still runs is abandoned."),
        Setting(
            key: "shutdown.stop.soft", standard: "2s",
            help:
                "How long closing sockets and files may take before what still runs is logged; half-way to shutdown.stop it is cancelled."
        ),
        Setting(
            key: "shutdown.total", standard: "25s",
            help: "How long all stages may take together, beside the propagation; a watchdog ends the process after it."
        ),
        Setting(
            key: "shutdown.order", standard: "hand-over-first",
            help: "hand-over-first serves while leadership moves; drain-first refuses first, as older brokers do."),
        Setting(
            key: "shutdown.termination-grace", standard: nil,
            help: "What the supervisor grants before it kills; a warning at start says where the plan is longer."),
    ]

    /// Kafka's broker settings, under `kafka.`.
    static let kafka: [Setting] = BrokerSettings.definitions.map { definition in
        Setting(key: "kafka.\(definition.name)", standard: definition.defaultValue, help: definition.documentation)
    }

    /// Every setting there is.
    static let all = own + kafka
}
