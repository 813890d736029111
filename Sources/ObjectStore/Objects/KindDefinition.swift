/// What is known of a kind: how it is called, where it lives, and what its objects must look like.
///
/// Of the core kinds and Weir's own from the start; of others from a `Resource` type or a CustomResourceDefinition.
public struct KindDefinition: Sendable, Hashable {
    /// Whether objects of the kind live in namespaces.
    public enum Scope: String, Sendable, Hashable {
        /// Each in one namespace.
        case namespaced = "Namespaced"
        /// In none.
        case cluster = "Cluster"
    }

    /// A column of `weir get`.
    public struct Column: Sendable, Hashable {
        /// The heading.
        public var name: String
        /// `string`, `integer`, `number`, `boolean`, `date`.
        public var type: String
        /// Where the value is: `.spec.partitions` (a path of members and `[n]`).
        public var jsonPath: String
        /// Above 0: only in the wide table.
        public var priority: Int

        /// A column with its path.
        public init(_ name: String, type: String = "string", jsonPath: String, priority: Int = 0) {
            self.name = name
            self.type = type
            self.jsonPath = jsonPath
            self.priority = priority
        }
    }

    /// What names objects of the kind may have.
    public enum NameRule: String, Sendable, Hashable {
        /// Those of DNS: small letters, digits, `-` and `.`, up to 253.
        case dnsSubdomain
        /// Those of one part of them: small letters, digits and `-`, up to 63.
        case dnsLabel
        /// Any that can stand in a path: up to 253, without `/` and `%`, neither `.` nor `..`.
        case pathSegment
    }

    /// Group and name.
    public var kind: ObjectKind
    /// The version that objects are stored in: `v1`.
    public var version: String
    /// The name in the plural and small: `topics`.
    public var plural: String
    /// The name in the singular and small: `topic`.
    public var singular: String
    /// Shorter names for the command line.
    public var shortNames: [String]
    /// Whether its objects live in namespaces.
    public var scope: Scope
    /// What names its objects may have.
    public var nameRule: NameRule
    /// What objects must look like; nil takes anything.
    public var schema: StructuralSchema?
    /// The columns of `weir get` beside name and age.
    public var columns: [Column]

    /// A kind.
    ///
    /// - Parameters:
    ///   - apiVersion: `group/version`, or only the version for a core kind.
    ///   - kind: The name, in the singular and capitalised.
    ///   - plural: The small plural; nil puts an `s` behind the small name.
    public init(
        _ apiVersion: String, _ kind: String, plural: String? = nil, shortNames: [String] = [],
        scope: Scope = .namespaced, nameRule: NameRule = .dnsSubdomain, schema: StructuralSchema? = nil,
        columns: [Column] = []
    ) {
        self.kind = ObjectKind(apiVersion: apiVersion, kind: kind)
        version = apiVersion.split(separator: "/").last.map(String.init) ?? apiVersion
        singular = kind.lowercased()
        self.plural = plural ?? kind.lowercased() + "s"
        self.shortNames = shortNames
        self.scope = scope
        self.nameRule = nameRule
        self.schema = schema
        self.columns = columns
    }

    /// `group/version`, or only the version for a core kind.
    public var apiVersion: String { kind.group.isEmpty ? version : "\(kind.group)/\(version)" }
}

/// A kind of object as a Swift type: metadata, and what else it stores as Codable members.
///
/// ```swift
/// struct Widget: Resource {
///     static let definition = KindDefinition("example.com/v1", "Widget")
///     struct Spec: Codable, Sendable { var size: Int }
///     struct Status: Codable, Sendable { var ready: Bool }
///     var metadata: ObjectMetadata
///     var spec: Spec
///     var status: Status?
/// }
/// ```
public protocol Resource: Codable, Sendable {
    /// How the kind is called, and where it lives.
    static var definition: KindDefinition { get }
    /// Name, labels, versions, owners.
    var metadata: ObjectMetadata { get set }
}
