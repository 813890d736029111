/// An object of any kind: metadata, and whatever else it has.
///
/// Kubernetes' shape: `apiVersion`, `kind`, `metadata`, and as content mostly `spec` (what is wanted) and `status`
/// (what was found). Content that is not known is kept.
public struct Object: Sendable, Hashable {
    /// `group/version`, or only the version for core kinds.
    public var apiVersion: String
    /// The kind's name.
    public var kind: String
    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// Everything else by member: `spec`, `status`, `data`, …
    public var content: [String: JSONValue]

    /// An object that is not stored yet.
    public init(apiVersion: String, kind: String, metadata: ObjectMetadata, content: [String: JSONValue] = [:]) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.metadata = metadata
        self.content = content
    }

    /// What is wanted.
    public var spec: JSONValue? {
        get { content["spec"] }
        set { content["spec"] = newValue }
    }

    /// What was found.
    public var status: JSONValue? {
        get { content["status"] }
        set { content["status"] = newValue }
    }

    /// Group and name of the kind.
    public var objectKind: ObjectKind { ObjectKind(apiVersion: apiVersion, kind: kind) }

    /// What tells it from all others.
    public var key: ObjectKey { ObjectKey(objectKind, namespace: metadata.namespace, name: metadata.name) }
}
