/// How resources of an informer are found by something other than their name.
public struct InformerIndex<R: Resource>: Sendable {
    /// What it is called where it is asked: `node`.
    public let name: String
    /// What a resource is found by: none, one, or several texts.
    public let values: @Sendable (R) -> [String]

    /// An index that finds each resource by the texts that `values` gives for it.
    public init(_ name: String, _ values: @escaping @Sendable (R) -> [String]) {
        self.name = name
        self.values = values
    }

    /// Finds resources by the uid of each of their owners; the index is called `owner`.
    public static var owner: InformerIndex<R> {
        InformerIndex("owner") { $0.metadata.ownerReferences.map(\.uid) }
    }

    /// Finds resources by the value of a label.
    public static func label(_ key: String, as name: String? = nil) -> InformerIndex<R> {
        InformerIndex(name ?? key) { $0.metadata.labels[key].map { [$0] } ?? [] }
    }
}

/// One change of an informer's resources, as its handlers see it.
///
/// Of each object: added, then updated any number of times, then deleted; and so on. What was missed while there was
/// no watch is made up for: an object that went is deleted, one that was made again under its name is deleted and added.
public struct ResourceChange<R: Resource>: Sendable {
    /// What happened.
    public enum Change: Sendable {
        /// It is there.
        case added(R)
        /// It was changed.
        case updated(old: R, new: R)
        /// It went, or does not match the selection any more; as it last was seen.
        case deleted(R)
    }

    /// How it was seen.
    public enum Source: Sendable, Hashable {
        /// In a list: it was so before, since when is not known.
        case list
        /// By the watch: it just happened.
        case watch
    }

    /// What happened.
    public var change: Change
    /// How it was seen.
    public var source: Source

    /// A change.
    public init(_ change: Change, _ source: Source) {
        self.change = change
        self.source = source
    }

    /// The object as it is now, of a deletion as it last was seen.
    public var resource: R {
        switch change {
        case .added(let resource), .deleted(let resource), .updated(_, let resource): resource
        }
    }
}

/// The resources that an informer knows, in order and by its indexes: a value, changed by its loop alone.
struct InformerCache<R: Resource>: Sendable {
    private struct Index: Sendable {
        let index: InformerIndex<R>
        var byValue: [String: OrderedResources<R>] = [:]
        /// What each resource was put under: an index's function need not give the same twice.
        var valuesByKey: [ObjectKey: [String]] = [:]

        mutating func put(_ element: CachedResource<R>) {
            remove(element.key)
            let values = index.values(element.resource)
            guard !values.isEmpty else { return }
            valuesByKey[element.key] = values
            for value in values { byValue[value, default: OrderedResources()].put(element) }
        }

        mutating func remove(_ key: ObjectKey) {
            guard let values = valuesByKey.removeValue(forKey: key) else { return }
            for value in values {
                byValue[value]?.remove(key)
                if byValue[value]?.isEmpty == true { byValue[value] = nil }
            }
        }
    }

    private(set) var resources = OrderedResources<R>()
    private var indexes: [String: Index] = [:]

    /// Adds an index, over what is there too; one of its name stays as it is.
    mutating func add(_ index: InformerIndex<R>) {
        guard indexes[index.name] == nil else { return }
        var filled = Index(index: index)
        for element in resources.elements { filled.put(element) }
        indexes[index.name] = filled
    }

    func hasIndex(_ name: String) -> Bool { indexes[name] != nil }

    /// What an index has under a text.
    func resources(_ index: String, _ value: String) -> OrderedResources<R> {
        indexes[index]?.byValue[value] ?? OrderedResources()
    }

    /// - Returns: What was there.
    mutating func put(_ element: CachedResource<R>) -> CachedResource<R>? {
        for name in indexes.keys { indexes[name]?.put(element) }
        return resources.put(element)
    }

    /// - Returns: What was there.
    mutating func remove(_ key: ObjectKey) -> CachedResource<R>? {
        for name in indexes.keys { indexes[name]?.remove(key) }
        return resources.remove(key)
    }
}
