/// What kind of object something is, whatever its version: `Topic` of Weir's group, `Widget` of `example.com`.
public struct ObjectKind: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The API group: empty for the core kinds, `weir` for Weir's own, a domain name for those of users.
    public let group: String
    /// The kind's name, in the singular and capitalised.
    public let name: String

    /// The kind `name` of `group`.
    public init(group: String, name: String) {
        self.group = group
        self.name = name
    }

    /// The kind of an object with this `apiVersion` (`group/version`; only `version` for the core kinds).
    public init(apiVersion: String, kind: String) {
        var text = apiVersion
        group = text.withUTF8 { bytes in
            var end = 0
            while end < bytes.count, bytes[end] != UInt8(ascii: "/") { end += 1 }
            return end == bytes.count ? "" : String(decoding: bytes[..<end], as: UTF8.self)
        }
        name = kind
    }

    /// How it stands in keys, selectors and messages: `Topic`, `Widget.example.com`.
    ///
    /// Core and Weir's own kinds have no two of one name, so their group is left out.
    public var description: String { group.isEmpty || group == "weir" ? name : "\(name).\(group)" }

    /// By description.
    public static func < (left: ObjectKind, right: ObjectKind) -> Bool {
        left.description < right.description
    }
}

/// What tells one object from all others: kind, namespace and name.
///
/// Keys are ordered by kind, then namespace, then name, each by its UTF-8 bytes: the order of lists.
public struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The kind.
    public let kind: ObjectKind
    /// The namespace; empty where the kind has none.
    public let namespace: String
    /// The name, unique in kind and namespace.
    public let name: String

    /// The key of `name` in `namespace`.
    public init(_ kind: ObjectKind, namespace: String, name: String) {
        self.kind = kind
        self.namespace = namespace
        self.name = name
    }

    /// `kind/namespace/name`: how it stands in a log's records and in messages.
    public var description: String { "\(kind)/\(namespace)/\(name)" }

    /// By kind, namespace and name.
    public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        if left.kind != right.kind { return left.kind < right.kind }
        if left.namespace != right.namespace { return left.namespace < right.namespace }
        return left.name < right.name
    }
}

/// A point in the one order of a store's changes: each change has a higher one than all before it.
///
/// As text, and in JSON, a decimal number in quotes, as Kubernetes has it; clients compare it only for equality.
public struct ResourceVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number; 0 is before the first change.
    public let value: UInt64

    /// The version with this number.
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Reads the decimal form; nil where it is none.
    public init?(_ text: String) {
        guard let value = UInt64(text) else { return nil }
        self.value = value
    }

    /// Before the first change.
    public static let zero = ResourceVersion(0)

    /// The decimal form.
    public var description: String { String(value) }

    /// Whether `left` is before `right`.
    public static func < (left: ResourceVersion, right: ResourceVersion) -> Bool { left.value < right.value }
}
