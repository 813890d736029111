public import ObjectStore

/// A change of an object, as a reconciler's source saw it.
public struct ObjectChange<Content: Resource>: Sendable {
    /// The object as it was; nil where it was not there.
    public var old: Content?
    /// The object as it is; nil where it is gone.
    public var new: Content?

    /// A change from one form to another.
    public init(old: Content?, new: Content?) {
        precondition(old != nil || new != nil, "a change is of an object that was there, or is")
        self.old = old
        self.new = new
    }

    /// Both forms, where the object was there and still is; nil at its creation and its removal.
    public var update: (old: Content, new: Content)? {
        guard let old, let new else { return nil }
        return (old, new)
    }
}

/// Which changes bring a key to a reconciler.
///
/// The ready ones look at updates only: creations and removals always count.
public struct ChangePredicate<Content: Resource>: Sendable {
    private let holds: @Sendable (ObjectChange<Content>) -> Bool

    /// Changes for which `holds` says so. Called on the source's task: it neither waits nor calls out.
    public init(_ holds: @escaping @Sendable (ObjectChange<Content>) -> Bool) {
        self.holds = holds
    }

    /// Whether the change counts.
    public func matches(_ change: ObjectChange<Content>) -> Bool { holds(change) }

    /// Every change.
    public static var everything: Self { Self { _ in true } }

    /// What is wanted (`spec`) changed, or somebody asked for the deletion; not a change of status or labels.
    public static var generationChanged: Self {
        onUpdate { $0.generation != $1.generation || $0.deletionTimestamp != $1.deletionTimestamp }
    }

    /// Anything changed: false only where a list shows again what was known.
    public static var resourceVersionChanged: Self { onUpdate { $0.resourceVersion != $1.resourceVersion } }

    /// The labels changed.
    public static var labelsChanged: Self { onUpdate { $0.labels != $1.labels } }

    /// The annotations changed.
    public static var annotationsChanged: Self { onUpdate { $0.annotations != $1.annotations } }

    /// The object has such labels, or had them before the change.
    public static func labels(_ selector: LabelSelector) -> Self {
        Self { change in
            [change.old, change.new].contains { $0.map { selector.matches($0.metadata.labels) } ?? false }
        }
    }

    /// Both count.
    public func and(_ other: Self) -> Self { Self { holds($0) && other.holds($0) } }

    /// One of both counts.
    public func or(_ other: Self) -> Self { Self { holds($0) || other.holds($0) } }

    /// The opposite.
    public static prefix func ! (predicate: Self) -> Self { Self { !predicate.holds($0) } }

    /// Both count.
    public static func && (left: Self, right: Self) -> Self { left.and(right) }

    /// One of both counts.
    public static func || (left: Self, right: Self) -> Self { left.or(right) }

    private static func onUpdate(
        _ holds: @escaping @Sendable (ObjectMetadata, ObjectMetadata) -> Bool
    ) -> Self {
        Self { change in change.update.map { holds($0.old.metadata, $0.new.metadata) } ?? true }
    }
}
