/// Objects of one type, as they were at one point of the order of changes.
public struct ResourceList<R: Resource>: Sendable {
    /// The objects, in the order of namespace and name.
    public var items: [R]
    /// The point of the order of changes that the list began at: a watch from here misses nothing.
    public var resourceVersion: ResourceVersion
    /// What to ask for the next page with; nil: this was the last.
    public var continueToken: String?

    /// A list.
    public init(items: [R], resourceVersion: ResourceVersion, continueToken: String? = nil) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }
}

extension ResourceList: RandomAccessCollection {
    /// 0.
    public var startIndex: Int { 0 }
    /// How many there are.
    public var endIndex: Int { items.count }
    /// The object at a position.
    public subscript(position: Int) -> R { items[position] }
}
