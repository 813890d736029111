/// Something that happened to an object, told to people.
public struct Event: Resource {
    /// Events live in the namespace of what they are about, and are named after it.
    public static let definition = KindDefinition(
        "v1", "Event", shortNames: ["ev"], nameRule: .pathSegment,
        columns: [
            KindDefinition.Column("Last seen", type: "date", jsonPath: ".lastTimestamp"),
            KindDefinition.Column("Type", jsonPath: ".type"),
            KindDefinition.Column("Reason", jsonPath: ".reason"),
            KindDefinition.Column("Kind", jsonPath: ".involvedObject.kind"),
            KindDefinition.Column("Object", jsonPath: ".involvedObject.name"),
            KindDefinition.Column("Message", jsonPath: ".message"),
            KindDefinition.Column("Count", type: "integer", jsonPath: ".count", priority: 1),
        ])

    /// Who tells it.
    public struct Source: Codable, Sendable, Hashable {
        /// The component.
        public var component: String?
        /// The node.
        public var host: String?

        /// Who tells it.
        public init(component: String? = nil, host: String? = nil) {
            self.component = component
            self.host = host
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What it is about.
    public var involvedObject: ObjectReference
    /// `Normal` or `Warning`.
    public var type: String?
    /// Why, in one word for programs.
    public var reason: String?
    /// What happened, for people.
    public var message: String?
    /// Who tells it.
    public var source: Source?
    /// When it happened first.
    public var firstTimestamp: Timestamp?
    /// When it happened last.
    public var lastTimestamp: Timestamp?
    /// How often it happened.
    public var count: Int32?

    /// An event that is not stored yet.
    public init(metadata: ObjectMetadata, involvedObject: ObjectReference) {
        self.metadata = metadata
        self.involvedObject = involvedObject
    }
}

/// Which object somebody speaks of; what is nil is not said.
public struct ObjectReference: Codable, Sendable, Hashable {
    /// `group/version`, or only the version for a core kind.
    public var apiVersion: String?
    /// The kind's name.
    public var kind: String?
    /// The namespace.
    public var namespace: String?
    /// The name.
    public var name: String?
    /// The uid: tells it from another one of the same name.
    public var uid: String?
    /// The version that is spoken of.
    public var resourceVersion: String?
    /// The part that is spoken of: `spec.rules[2]`.
    public var fieldPath: String?

    /// A reference.
    public init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil,
        uid: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }

    /// A reference to an object in the version that it has.
    public init(_ object: Object) {
        self.init(
            apiVersion: object.apiVersion, kind: object.kind,
            namespace: object.metadata.namespace.isEmpty ? nil : object.metadata.namespace,
            name: object.metadata.name, uid: object.metadata.uid.isEmpty ? nil : object.metadata.uid)
        resourceVersion = object.metadata.resourceVersion?.description
    }
}

/// One thing that is so or not, of a status (Kubernetes' `Condition`).
public struct Condition: Codable, Sendable, Hashable {
    /// What: `Ready`, `Established`.
    public var type: String
    /// `True`, `False` or `Unknown`.
    public var status: String
    /// Why, in one word for programs.
    public var reason: String?
    /// Why, for people.
    public var message: String?
    /// Since when.
    public var lastTransitionTime: Timestamp?
    /// The generation that it is about.
    public var observedGeneration: Int64?

    /// A condition.
    public init(
        type: String, status: String, reason: String? = nil, message: String? = nil,
        lastTransitionTime: Timestamp? = nil, observedGeneration: Int64? = nil
    ) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.lastTransitionTime = lastTransitionTime
        self.observedGeneration = observedGeneration
    }
}
