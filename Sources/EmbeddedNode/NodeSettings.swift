public import AdminHTTP
public import Kafka
public import WeirRuntime

/// What a node in a process of one's own is told.
public struct NodeSettings: Sendable {
    /// The folder of everything that the node keeps; made where it is missing.
    public var dataDirectory: String
    /// Kafka's settings: `listeners`, `auto.create.topics.enable`, …
    public var broker: BrokerSettings
    /// Where health, metrics, work, drains and objects are served over HTTP; nil: nowhere.
    public var http: AdminServer.Address?
    /// How the process ends.
    public var shutdown: ShutdownPlan
    /// A file that the exit report is written to, beside `last-exit.json` in the data folder; nil: none.
    public var exitReport: String?

    /// A node with Kafka's defaults, and HTTP on a free port of this machine, unless said otherwise.
    public init(
        dataDirectory: String, broker: BrokerSettings = .standard,
        http: AdminServer.Address? = AdminServer.Address(host: "127.0.0.1", port: 0),
        shutdown: ShutdownPlan = ShutdownPlan(), exitReport: String? = nil
    ) {
        self.dataDirectory = dataDirectory
        self.broker = broker
        self.http = http
        self.shutdown = shutdown
        self.exitReport = exitReport
    }
}

/// Where a node serves, as `HOST:PORT`.
public struct NodeEndpoints: Sendable, Hashable {
    /// For Kafka clients.
    public var kafka: String
    /// For HTTP; nil where it is not served.
    public var http: String?
}
