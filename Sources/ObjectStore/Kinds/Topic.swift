/// A Kafka topic: what is wanted of it, and what became of it.
public struct Topic: Resource {
    /// Topics live in the namespace `default`, and have Kafka's names.
    public static let definition = KindDefinition(
        "weir/v1", "Topic", shortNames: ["to"], nameRule: .pathSegment, schema: CoreKinds.schema(schema),
        columns: [
            KindDefinition.Column("Partitions", type: "integer", jsonPath: ".spec.partitions"),
            KindDefinition.Column("Replication", type: "integer", jsonPath: ".spec.replicationFactor"),
            KindDefinition.Column("Phase", jsonPath: ".status.phase"),
            KindDefinition.Column("Message", jsonPath: ".status.message", priority: 1),
        ])

    private static let schema: JSONValue = [
        "type": "object",
        "properties": [
            "spec": [
                "type": "object",
                "properties": [
                    "partitions": ["type": "integer", "format": "int32"],
                    "replicationFactor": ["type": "integer", "minimum": -1, "maximum": 32_767],
                    "config": ["type": "object", "additionalProperties": ["type": "string"]],
                ],
            ],
            "status": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
        ],
    ]

    /// What is wanted.
    public struct Spec: Codable, Sendable, Hashable {
        /// How many partitions; -1: as many as the node gives a topic that does not say.
        public var partitions: Int32
        /// How many replicas each has; -1: as many as the node gives a topic that does not say.
        public var replicationFactor: Int16
        /// Kafka's topic configuration, as far as it differs from the node's: `retention.ms`, …
        public var config: [String: String]

        /// What is wanted, unless said otherwise as the node has it.
        public init(partitions: Int32 = -1, replicationFactor: Int16 = -1, config: [String: String] = [:]) {
            self.partitions = partitions
            self.replicationFactor = replicationFactor
            self.config = config
        }

        /// Reads the JSON form; what is missing is as the node has it.
        public init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            partitions = try members.decode(.partitions, or: -1)
            replicationFactor = try members.decode(.replicationFactor, or: -1)
            config = try members.decode(.config, or: [:])
        }

        /// Writes the JSON form; what is left to the node is left out.
        public func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            if partitions != -1 { try members.encode(partitions, forKey: .partitions) }
            if replicationFactor != -1 { try members.encode(replicationFactor, forKey: .replicationFactor) }
            if !config.isEmpty { try members.encode(config, forKey: .config) }
        }

        private enum CodingKeys: CodingKey {
            case partitions
            case replicationFactor
            case config
        }
    }

    /// What became of it.
    public struct Status: Codable, Sendable, Hashable {
        /// `Pending`, `Ready`, `Failed` or `Terminating`.
        public var phase: String
        /// How many partitions there are.
        public var partitions: Int32
        /// What stands in the way; nil: nothing.
        public var message: String?
        /// The generation that this is about.
        public var observedGeneration: Int64

        /// What became of a generation.
        public init(phase: String, partitions: Int32 = 0, message: String? = nil, observedGeneration: Int64 = 0) {
            self.phase = phase
            self.partitions = partitions
            self.message = message
            self.observedGeneration = observedGeneration
        }

        /// Reads the JSON form, of which all may be missing.
        public init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            phase = try members.decode(.phase, or: "Pending")
            partitions = try members.decode(.partitions, or: 0)
            message = try members.decodeIfPresent(String.self, forKey: .message)
            observedGeneration = try members.decode(.observedGeneration, or: 0)
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What is wanted.
    public var spec: Spec
    /// What became of it; nil before anybody looked.
    public var status: Status?

    /// A topic that is not stored yet.
    public init(metadata: ObjectMetadata, spec: Spec = Spec(), status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// A topic of the namespace `default` that is not stored yet.
    public init(_ name: String, _ spec: Spec = Spec()) {
        self.init(metadata: ObjectMetadata(name: name, namespace: "default"), spec: spec)
    }

    /// Reads the JSON form; without a spec all is as the node has it.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try members.decode(ObjectMetadata.self, forKey: .metadata)
        spec = try members.decode(.spec, or: Spec())
        status = try members.decodeIfPresent(Status.self, forKey: .status)
    }
}
