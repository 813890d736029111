/// An object of any kind: metadata, and whatever else it has.
///
/// Kubernetes' shape: `apiVersion`, `kind`, `metadata`, and as content mostly `spec` (what is wanted) and `status`
/// (what was found). Content that is not known is kept. Copies share everything until one of them is changed, so
/// that handing an object on costs one reference.
public struct Object: Sendable, Hashable {
    @usableFromInline var members: Members

    /// An object that is not stored yet.
    public init(apiVersion: String, kind: String, metadata: ObjectMetadata, content: [String: JSONValue] = [:]) {
        members = Members(apiVersion, kind, metadata, content)
    }

    /// `group/version`, or only the version for core kinds.
    @inlinable public var apiVersion: String {
        get { members.apiVersion }
        _modify {
            own()
            yield &members.apiVersion
        }
    }

    /// The kind's name.
    @inlinable public var kind: String {
        get { members.kind }
        _modify {
            own()
            yield &members.kind
        }
    }

    /// Name, labels, versions, owners.
    @inlinable public var metadata: ObjectMetadata {
        _read { yield members.metadata }
        _modify {
            own()
            yield &members.metadata
        }
    }

    /// Everything else by member: `spec`, `status`, `data`, …
    @inlinable public var content: [String: JSONValue] {
        _read { yield members.content }
        _modify {
            own()
            yield &members.content
        }
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

    /// Whether both have the same members.
    public static func == (left: Object, right: Object) -> Bool {
        let (left, right) = (left.members, right.members)
        if left === right { return true }
        return left.apiVersion == right.apiVersion && left.kind == right.kind && left.metadata == right.metadata
            && left.content == right.content
    }

    /// Takes all members in.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(apiVersion)
        hasher.combine(kind)
        hasher.combine(metadata)
        hasher.combine(content)
    }

    /// Makes the members the object's own, before it changes them.
    @inlinable
    mutating func own() {
        if !isKnownUniquelyReferenced(&members) { members = members.copy() }
    }
}

extension Object {
    /// What copies of an object share.
    ///
    /// `@unchecked Sendable` without a lock: only an object that alone refers to it changes it.
    @usableFromInline
    final class Members: @unchecked Sendable {
        @exclusivity(unchecked) @usableFromInline var apiVersion: String
        @exclusivity(unchecked) @usableFromInline var kind: String
        @exclusivity(unchecked) @usableFromInline var metadata: ObjectMetadata
        @exclusivity(unchecked) @usableFromInline var content: [String: JSONValue]

        @usableFromInline
        init(_ apiVersion: String, _ kind: String, _ metadata: ObjectMetadata, _ content: [String: JSONValue]) {
            self.apiVersion = apiVersion
            self.kind = kind
            self.metadata = metadata
            self.content = content
        }

        @usableFromInline
        func copy() -> Members { Members(apiVersion, kind, metadata, content) }
    }
}
