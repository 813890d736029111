/// A place for objects of other kinds: what is in it goes with it.
public struct Namespace: Resource {
    /// Namespaces live in none, and have names that fit one part of a DNS name.
    public static let definition = KindDefinition(
        "v1", "Namespace", shortNames: ["ns"], scope: .cluster, nameRule: .dnsLabel,
        columns: [KindDefinition.Column("Phase", jsonPath: ".status.phase")])

    /// What was found.
    public struct Status: Codable, Sendable, Hashable {
        /// `Active` or `Terminating`.
        public var phase: String?

        /// A phase.
        public init(phase: String? = nil) { self.phase = phase }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What was found.
    public var status: Status?

    /// A namespace that is not stored yet.
    public init(metadata: ObjectMetadata, status: Status? = nil) {
        self.metadata = metadata
        self.status = status
    }
}

/// Settings for somebody to read.
public struct ConfigMap: Resource {
    /// Config maps live in namespaces.
    public static let definition = KindDefinition(
        "v1", "ConfigMap", shortNames: ["cm"], schema: CoreKinds.schema(CoreSchemas.configMap))

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// Texts by name.
    public var data: [String: String]?
    /// Bytes by name, in base 64.
    public var binaryData: [String: String]?
    /// Whether it is to stay as it is.
    public var immutable: Bool?

    /// A config map that is not stored yet.
    public init(
        metadata: ObjectMetadata, data: [String: String]? = nil, binaryData: [String: String]? = nil,
        immutable: Bool? = nil
    ) {
        self.metadata = metadata
        self.data = data
        self.binaryData = binaryData
        self.immutable = immutable
    }
}

/// Settings that not everybody may read.
public struct Secret: Resource {
    /// Secrets live in namespaces.
    public static let definition = KindDefinition(
        "v1", "Secret", schema: CoreKinds.schema(CoreSchemas.secret),
        columns: [KindDefinition.Column("Type", jsonPath: ".type")])

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What is in it: `Opaque`, `kubernetes.io/tls`, …
    public var type: String?
    /// Bytes by name, in base 64.
    public var data: [String: String]?
    /// Texts by name.
    public var stringData: [String: String]?
    /// Whether it is to stay as it is.
    public var immutable: Bool?

    /// A secret that is not stored yet.
    public init(
        metadata: ObjectMetadata, type: String? = nil, data: [String: String]? = nil,
        stringData: [String: String]? = nil, immutable: Bool? = nil
    ) {
        self.metadata = metadata
        self.type = type
        self.data = data
        self.stringData = stringData
        self.immutable = immutable
    }
}

/// Who somebody is that is no person.
public struct ServiceAccount: Resource {
    /// Service accounts live in namespaces.
    public static let definition = KindDefinition("v1", "ServiceAccount", shortNames: ["sa"])

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// The secrets that it may use.
    public var secrets: [ObjectReference]?

    /// A service account that is not stored yet.
    public init(metadata: ObjectMetadata, secrets: [ObjectReference]? = nil) {
        self.metadata = metadata
        self.secrets = secrets
    }
}

/// The schemas of core kinds.
private enum CoreSchemas {
    static let strings: JSONValue = ["type": "object", "additionalProperties": ["type": "string"]]

    static let configMap: JSONValue = [
        "type": "object",
        "properties": ["data": strings, "binaryData": strings, "immutable": ["type": "boolean"]],
    ]

    static let secret: JSONValue = [
        "type": "object",
        "properties": [
            "type": ["type": "string"], "data": strings, "stringData": strings, "immutable": ["type": "boolean"],
        ],
    ]
}
