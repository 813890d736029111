/// What every object has beside its content: Kubernetes' `ObjectMeta`.
public struct ObjectMetadata: Sendable, Hashable {
    /// Unique among the objects of its kind and namespace.
    public var name: String
    /// Where a name is to be made at creation: this, and random letters. Empty otherwise.
    public var generateName: String
    /// The namespace; empty where the kind has none.
    public var namespace: String
    /// A random UUID, given at creation: tells an object from a later one of the same name.
    public var uid: String
    /// The change that gave the object its present form; nil where it is not stored yet.
    public var resourceVersion: ResourceVersion?
    /// How often what is wanted (`spec`) changed; 1 at creation.
    public var generation: Int64
    /// When it was created.
    public var creationTimestamp: Timestamp?
    /// Since when it is to go: its finalizers keep it until they are done.
    public var deletionTimestamp: Timestamp?
    /// For selection.
    public var labels: [String: String]
    /// For notes of tools and people.
    public var annotations: [String: String]
    /// Who still has something to do before the object may go.
    public var finalizers: [String]
    /// The objects that this one goes with.
    public var ownerReferences: [OwnerReference]
    /// Members that are not known here, kept as they are.
    public var other: [String: JSONValue]

    /// Metadata of an object that is not stored yet.
    public init(
        name: String = "", namespace: String = "", labels: [String: String] = [:],
        annotations: [String: String] = [:], finalizers: [String] = [], ownerReferences: [OwnerReference] = []
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
        self.finalizers = finalizers
        self.ownerReferences = ownerReferences
        generateName = ""
        uid = ""
        generation = 0
        other = [:]
    }

    /// Whether somebody asked for the deletion.
    public var isBeingDeleted: Bool { deletionTimestamp != nil }
}

/// An object that another one goes with.
public struct OwnerReference: Sendable, Hashable, Codable {
    /// The owner's `apiVersion`.
    public var apiVersion: String
    /// The owner's kind.
    public var kind: String
    /// The owner's name, in the same namespace, or of a kind without namespaces.
    public var name: String
    /// The owner's uid.
    public var uid: String
    /// Whether the owner is the one that manages this object; at most one is.
    public var controller: Bool?
    /// Whether the owner may not go before this object does, where it is deleted in the foreground.
    public var blockOwnerDeletion: Bool?

    /// A reference to an owner.
    public init(
        apiVersion: String, kind: String, name: String, uid: String, controller: Bool? = nil,
        blockOwnerDeletion: Bool? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.controller = controller
        self.blockOwnerDeletion = blockOwnerDeletion
    }
}
