/// Where objects are kept: in memory, in SQLite, in a log, in somebody's own database.
///
/// A storage keeps what it is given and orders all changes in one line of resource versions. It knows no rule of
/// Kubernetes: those are `ObjectStore`'s, on top of it. Each call is one atomic step; all may come from any thread,
/// at once. A backend proves itself with the contract suite in `Tests/Conformance`.
public protocol Storage: Sendable {
    /// The object with that key; nil where there is none.
    func get(_ key: ObjectKey) async throws -> Object?

    /// The objects that a query selects, in the order of their keys, at one point of the order of changes.
    ///
    /// A page that ends early has a token with which the next one is asked for. Later pages show the objects as they
    /// are by then, but carry the resource version of the first: a watch from it misses nothing.
    func list(_ query: ListQuery) async throws -> ObjectPage

    /// Stores an object that is not there yet, and returns it with its resource version.
    ///
    /// - Throws: `ObjectError.alreadyExists`.
    func create(_ object: Object) async throws -> Object

    /// Replaces an object, and returns the new one with its resource version.
    ///
    /// - Throws: `ObjectError.notFound`, and `.conflict` where it is not what the preconditions say.
    func update(_ object: Object, if preconditions: Preconditions) async throws -> Object

    /// Removes an object, and returns it as it was, with the resource version of its removal.
    ///
    /// - Throws: `ObjectError.notFound`, and `.conflict` where it is not what the preconditions say.
    func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object

    /// Every change after `version` to objects that the query selects: each once, in order, without a gap.
    ///
    /// Watching never holds up a write: a watcher that falls too far behind is ended with `.expired`, and lists again.
    /// - Throws: `ObjectError.expired` where changes after `version` are not known any more.
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream

    /// The resource version of the last change.
    func currentVersion() async throws -> ResourceVersion

    /// Makes what was accepted durable, ends all watches and lets go of files. Later calls throw `.unavailable`.
    func close() async throws
}

/// What must hold of a stored object for a change to happen.
public struct Preconditions: Sendable, Hashable {
    /// It was not changed since.
    public var resourceVersion: ResourceVersion?
    /// It is still this object, not a later one of the same name.
    public var uid: String?

    /// No condition, unless said otherwise.
    public init(resourceVersion: ResourceVersion? = nil, uid: String? = nil) {
        self.resourceVersion = resourceVersion
        self.uid = uid
    }

    /// None.
    public static let none = Preconditions()

    /// Checks a stored object.
    ///
    /// - Throws: `ObjectError.conflict`, which names what differs.
    public func check(_ object: Object) throws(ObjectError) {
        if let uid, uid != object.metadata.uid {
            throw .conflict(object.key, "its uid is \(object.metadata.uid), not \(uid): it was deleted and made again")
        }
        if let resourceVersion, resourceVersion != object.metadata.resourceVersion {
            let stored = object.metadata.resourceVersion ?? .zero
            throw .conflict(
                object.key,
                "it was changed since it was read (resource version \(stored), not \(resourceVersion)); read it again")
        }
    }
}

/// Which objects somebody means.
public struct ObjectSelection: Sendable, Hashable {
    /// Only of this kind; nil: of all.
    public var kind: ObjectKind?
    /// Only in this namespace; nil: in all.
    public var namespace: String?
    /// Only those whose name begins so; empty: all.
    public var namePrefix: String
    /// Only those with such labels.
    public var labels: LabelSelector
    /// Only those with such fields.
    public var fields: FieldSelector

    /// All objects, unless said otherwise.
    public init(
        kind: ObjectKind? = nil, namespace: String? = nil, namePrefix: String = "",
        labels: LabelSelector = .everything, fields: FieldSelector = .everything
    ) {
        self.kind = kind
        self.namespace = namespace
        self.namePrefix = namePrefix
        self.labels = labels
        self.fields = fields
    }

    /// Whether an object is meant.
    public func matches(_ object: Object) -> Bool {
        if let kind, object.kind != kind.name || object.objectKind != kind { return false }
        if let namespace, object.metadata.namespace != namespace { return false }
        if !namePrefix.isEmpty, !object.metadata.name.hasPrefix(namePrefix) { return false }
        return labels.matches(object.metadata.labels) && fields.matches(object)
    }
}

/// Which objects to list, and how many at a time.
public struct ListQuery: Sendable, Hashable {
    /// The objects.
    public var selection: ObjectSelection
    /// How many at most; nil: all.
    public var limit: Int?
    /// Where the page before ended.
    public var continueToken: String?

    /// All of a selection, unless said otherwise.
    public init(_ selection: ObjectSelection, limit: Int? = nil, continueToken: String? = nil) {
        self.selection = selection
        self.limit = limit
        self.continueToken = continueToken
    }
}

/// Objects of a list.
public struct ObjectPage: Sendable, Hashable {
    /// The objects, in the order of their keys.
    public var objects: [Object]
    /// The point of the order of changes that the list began at: a watch from here misses nothing.
    public var resourceVersion: ResourceVersion
    /// What to ask for the next page with; nil: this was the last.
    public var continueToken: String?

    /// A page.
    public init(objects: [Object], resourceVersion: ResourceVersion, continueToken: String? = nil) {
        self.objects = objects
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }
}
