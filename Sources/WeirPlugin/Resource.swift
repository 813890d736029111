/// An object with a spec and a status as types: for kinds that are simple enough.
public struct Resource<Spec: Codable & Sendable, Status: Codable & Sendable>: Codable, Sendable {
    /// `group/version`, or only the version for core kinds.
    public var apiVersion: String
    /// The kind's name.
    public var kind: String
    /// Name, labels, versions.
    public var metadata: Metadata
    /// What is wanted.
    public var spec: Spec?
    /// What was found.
    public var status: Status?

    /// An object that is not stored yet.
    public init(apiVersion: String, kind: String, metadata: Metadata, spec: Spec? = nil, status: Status? = nil) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

/// What most plugins want to know of an object's metadata.
public struct Metadata: Codable, Sendable {
    /// Unique among the objects of its kind and namespace.
    public var name: String
    /// The namespace; nil where the kind has none.
    public var namespace: String?
    /// Tells an object from a later one of the same name.
    public var uid: String?
    /// Which change gave it its present form.
    public var resourceVersion: String?
    /// How often its spec changed.
    public var generation: Int64?
    /// For selection.
    public var labels: [String: String]?
    /// For notes of tools and people.
    public var annotations: [String: String]?
    /// Who has something to do before it may go.
    public var finalizers: [String]?
    /// Since when it is to go.
    public var deletionTimestamp: String?

    /// Metadata of an object that is not stored yet.
    public init(
        name: String, namespace: String? = "default", labels: [String: String]? = nil,
        annotations: [String: String]? = nil
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
    }
}
