/// The verbs that objects are used with, by whoever has a right to: client, commands, reconcilers, plugins.
///
/// `ObjectStore` answers them; what counts, limits or forwards calls wraps another one. From any thread.
public protocol ObjectAccess: Sendable {
    /// The object. Throws `.notFound`.
    func get(_ key: ObjectKey) async throws -> Object

    /// The objects that a query selects, in the order of their keys.
    func list(_ query: ListQuery) async throws -> ObjectPage

    /// Stores a new object; returns it with uid, version and defaults.
    func create(_ object: Object) async throws -> Object

    /// Replaces an object, or one part of it; returns it as it became.
    ///
    /// With a resource version in its metadata the object must still be that one; without, the last write wins. With a
    /// uid it must still be that object. Where nothing changes, nothing is written and the version stays.
    func update(_ object: Object, _ part: ObjectPart) async throws -> Object

    /// Changes an object as the patch says, in one atomic step; returns it as it became.
    func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object

    /// Asks for an object to go; returns it as it is now. Finalizers may hold it back.
    func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object

    /// Every change after a version to objects that the query selects: each once, in order.
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream

    /// What is known of kinds.
    func kinds() async throws -> [KindDefinition]
}

/// Which part of an object a write is about.
public enum ObjectPart: Sendable, Hashable {
    /// All but the status, which stays as it is.
    case main
    /// The status only; everything else stays as it is.
    case status
}

/// How to change an object without sending it whole.
public enum ObjectPatch: Sendable, Hashable {
    /// JSON Merge Patch (RFC 7396): members replace, null removes.
    case merge(JSONValue)
    /// JSON Patch (RFC 6902): a list of operations, all or none.
    case json(JSONValue)
    /// What a writer wants of the object, as a whole (`weir apply`): made where it is not there, otherwise changed in
    /// what it wants now or wanted the last time. The last wish is kept in the annotation
    /// `weir/last-applied-configuration`.
    case apply(Object)
}

/// How an object is to go.
public struct DeleteOptions: Sendable, Hashable {
    /// What becomes of the objects that it owns (Kubernetes' propagation policy).
    public enum Propagation: String, Sendable, Hashable {
        /// It goes at once, and they after it.
        case background = "Background"
        /// It goes when they are gone.
        case foreground = "Foreground"
        /// They stay, without owner.
        case orphan = "Orphan"
    }

    /// What must hold of it.
    public var preconditions: Preconditions
    /// What becomes of the objects that it owns.
    public var propagation: Propagation

    /// At once and without a condition, unless said otherwise.
    public init(preconditions: Preconditions = .none, propagation: Propagation = .background) {
        self.preconditions = preconditions
        self.propagation = propagation
    }
}
