/// A node: one process of Weir, as it tells of itself.
public struct Node: Resource {
    /// Nodes live in no namespace.
    public static let definition = KindDefinition(
        "weir/v1", "Node", shortNames: ["no"], scope: .cluster,
        columns: [
            KindDefinition.Column("Id", type: "integer", jsonPath: ".spec.id"),
            KindDefinition.Column("Phase", jsonPath: ".status.phase"),
            KindDefinition.Column("Version", jsonPath: ".status.version"),
            KindDefinition.Column("Started", type: "date", jsonPath: ".status.startedAt", priority: 1),
        ])

    /// What it is.
    public struct Spec: Codable, Sendable, Hashable {
        /// Its number among the nodes.
        public var id: Int32

        /// The node with a number.
        public init(id: Int32) { self.id = id }
    }

    /// Where a node is reached.
    public struct Address: Codable, Sendable, Hashable {
        /// What is spoken there: `kafka`, `admin`.
        public var name: String
        /// The host's name or address.
        public var host: String
        /// The port.
        public var port: Int32

        /// An address.
        public init(name: String, host: String, port: Int32) {
            self.name = name
            self.host = host
            self.port = port
        }
    }

    /// What is known of it.
    public struct Status: Codable, Sendable, Hashable {
        /// `Ready` or `Draining`.
        public var phase: String
        /// The version of Weir that it runs.
        public var version: String?
        /// When it was started.
        public var startedAt: Timestamp?
        /// Where it is reached.
        public var addresses: [Address]?

        /// What is known of it.
        public init(
            phase: String, version: String? = nil, startedAt: Timestamp? = nil, addresses: [Address]? = nil
        ) {
            self.phase = phase
            self.version = version
            self.startedAt = startedAt
            self.addresses = addresses
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What it is.
    public var spec: Spec
    /// What is known of it; nil before it told.
    public var status: Status?

    /// A node that is not stored yet.
    public init(metadata: ObjectMetadata, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}
