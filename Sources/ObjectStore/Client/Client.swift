/// Objects as Swift types: reads, writes and watches, each a call of the store that it is made on.
///
/// ```swift
/// let client = Client(store)
/// var topic = try await client.get(Topic.self, "orders")
/// topic.spec.partitions = 12
/// topic = try await client.update(topic)
/// ```
///
/// Names are looked up in the client's namespace unless another one is given; kinds without namespaces have none.
/// Calls throw what the store throws: mostly `ObjectError`, and `WorkRejected` while it drains. Objects of kinds that
/// have no type are used through `objects`.
public struct Client: Sendable {
    /// The store, for objects of any kind.
    public let objects: any ObjectAccess
    /// Where names are looked up unless said otherwise.
    public let namespace: String

    /// A client of a store.
    public init(_ objects: any ObjectAccess, namespace: String = "default") {
        self.objects = objects
        self.namespace = namespace
    }

    /// The same store, with names looked up in another namespace.
    public func inNamespace(_ namespace: String) -> Client {
        Client(objects, namespace: namespace)
    }

    /// What tells an object of a type from all others.
    public func key<R: Resource>(_ type: R.Type, _ name: String, in namespace: String? = nil) -> ObjectKey {
        switch R.definition.scope {
        case .cluster: ObjectKey(R.definition.kind, namespace: "", name: name)
        case .namespaced: ObjectKey(R.definition.kind, namespace: namespace ?? self.namespace, name: name)
        }
    }

    /// The object of that name. Throws `.notFound`.
    public func get<R: Resource>(_ type: R.Type, _ name: String, in namespace: String? = nil) async throws -> R {
        try await objects.get(key(type, name, in: namespace)).decoded(as: type)
    }

    /// The objects of a type, in the order of namespace and name.
    ///
    /// - Parameters:
    ///   - namespace: Only in this one; nil: in all.
    ///   - limit: How many at most; nil: all.
    ///   - continueToken: Where the page before ended.
    public func list<R: Resource>(
        _ type: R.Type, in namespace: String? = nil, labels: LabelSelector = .everything,
        fields: FieldSelector = .everything, limit: Int? = nil, continueToken: String? = nil
    ) async throws -> ResourceList<R> {
        let selection = selection(type, in: namespace, labels, fields)
        let page = try await objects.list(ListQuery(selection, limit: limit, continueToken: continueToken))
        return ResourceList(
            items: try page.objects.map { try $0.decoded(as: type) }, resourceVersion: page.resourceVersion,
            continueToken: page.continueToken)
    }

    /// Stores a new object; returns it with uid, version and defaults. Throws `.alreadyExists`.
    ///
    /// Without a namespace it is made in the client's.
    @discardableResult
    public func create<R: Resource>(_ resource: R) async throws -> R {
        try await objects.create(object(resource)).decoded(as: R.self)
    }

    /// Replaces all but the status of an object; returns it as it became. Throws `.conflict` where it was changed
    /// since it was read.
    ///
    /// Members that the type does not know are removed; `update(_:_:in:_:)` keeps them.
    @discardableResult
    public func update<R: Resource>(_ resource: R) async throws -> R {
        try await objects.update(object(resource), .main).decoded(as: R.self)
    }

    /// Replaces the status of an object, and nothing else; returns it as it became. Throws `.conflict` where it was
    /// changed since it was read.
    @discardableResult
    public func updateStatus<R: Resource>(_ resource: R) async throws -> R {
        try await objects.update(object(resource), .status).decoded(as: R.self)
    }

    /// Changes an object as the patch says, in one atomic step; returns it as it became.
    @discardableResult
    public func patch<R: Resource>(
        _ type: R.Type, _ name: String, in namespace: String? = nil, _ patch: ObjectPatch, _ part: ObjectPart = .main
    ) async throws -> R {
        try await objects.patch(key(type, name, in: namespace), patch, part).decoded(as: type)
    }

    /// Makes an object as it is wanted: created, or changed in what this caller wants or wanted the last time.
    ///
    /// What others set, and this caller never did, stays. What the type leaves out when it is encoded is not wanted.
    @discardableResult
    public func apply<R: Resource>(_ resource: R) async throws -> R {
        let object = try object(resource)
        return try await objects.patch(object.key, .apply(object), .main).decoded(as: R.self)
    }

    /// Asks for an object to go; returns it as it is now. Finalizers may hold it back. Throws `.notFound`.
    ///
    /// - Returns: The object untyped, so that one that is not as its type wants it can be deleted too.
    @discardableResult
    public func delete<R: Resource>(
        _ type: R.Type, _ name: String, in namespace: String? = nil, _ options: DeleteOptions = DeleteOptions()
    ) async throws -> Object {
        try await objects.delete(key(type, name, in: namespace), options)
    }

    /// Asks for this object to go, and not for a later one of its name. Throws `.conflict` where it is another one.
    @discardableResult
    public func delete<R: Resource>(
        _ resource: R, propagation: DeleteOptions.Propagation = .background
    ) async throws -> Object {
        let uid = resource.metadata.uid
        let options = DeleteOptions(
            preconditions: Preconditions(uid: uid.isEmpty ? nil : uid), propagation: propagation)
        return try await objects.delete(try object(resource).key, options)
    }

    /// Every change to the objects of a type: each once, in order.
    ///
    /// It is open when this returns: no change from here on is missed. Throws `.expired` where changes after `version`
    /// are not known any more.
    ///
    /// - Parameters:
    ///   - namespace: Only in this one; nil: in all.
    ///   - version: Changes after this one; nil: first what is there as `.added`, then what changes.
    public func watch<R: Resource>(
        _ type: R.Type, in namespace: String? = nil, labels: LabelSelector = .everything,
        fields: FieldSelector = .everything, after version: ResourceVersion? = nil
    ) async throws -> ResourceWatch<R> {
        let selection = selection(type, in: namespace, labels, fields)
        var present: [Object] = []
        var start = version
        if start == nil {
            // One page, so that it shows one moment: pages of several would repeat what the watch tells.
            let page = try await objects.list(ListQuery(selection))
            present = page.objects
            start = page.resourceVersion
        }
        let stream = try await objects.watch(WatchQuery(selection, sendsBookmarks: true), after: start ?? .zero)
        return ResourceWatch(present: present, stream: stream)
    }

    /// What an object of a type is in the store: in the client's namespace where it names none.
    func object<R: Resource>(_ resource: R) throws -> Object {
        var object = try Object(resource)
        if R.definition.scope == .namespaced, object.metadata.namespace.isEmpty {
            object.metadata.namespace = namespace
        }
        return object
    }

    func selection<R: Resource>(
        _ type: R.Type, in namespace: String?, _ labels: LabelSelector, _ fields: FieldSelector
    ) -> ObjectSelection {
        ObjectSelection(kind: R.definition.kind, namespace: namespace, labels: labels, fields: fields)
    }
}
