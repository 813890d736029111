/// A kind that somebody adds while Weir runs: its names, and what its objects must look like.
public struct CustomResourceDefinition: Resource {
    /// They live in no namespace, and are called `PLURAL.GROUP`.
    public static let definition = KindDefinition(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", shortNames: ["crd", "crds"], scope: .cluster,
        columns: [
            KindDefinition.Column("Group", jsonPath: ".spec.group"),
            KindDefinition.Column("Kind", jsonPath: ".spec.names.kind"),
            KindDefinition.Column("Scope", jsonPath: ".spec.scope"),
        ])

    /// How the kind is called.
    public struct Names: Codable, Sendable, Hashable {
        /// The kind's name, in the singular and capitalised.
        public var kind: String
        /// Small, in the plural.
        public var plural: String
        /// Small, in the singular; nil: the kind's name in small letters.
        public var singular: String?
        /// Shorter names for the command line.
        public var shortNames: [String]?
        /// The name of a list; nil: the kind's name with `List` behind it.
        public var listKind: String?

        /// Names of a kind.
        public init(kind: String, plural: String, singular: String? = nil, shortNames: [String]? = nil) {
            self.kind = kind
            self.plural = plural
            self.singular = singular
            self.shortNames = shortNames
        }
    }

    /// A column of `weir get`.
    public struct PrinterColumn: Codable, Sendable, Hashable {
        /// The heading.
        public var name: String
        /// `string`, `integer`, `number`, `boolean`, `date`.
        public var type: String
        /// Where the value is.
        public var jsonPath: String
        /// Above 0: only in the wide table.
        public var priority: Int?
    }

    /// What objects of a version must look like.
    public struct Validation: Codable, Sendable, Hashable {
        /// A structural schema.
        public var openAPIV3Schema: JSONValue?

        /// A schema.
        public init(openAPIV3Schema: JSONValue? = nil) { self.openAPIV3Schema = openAPIV3Schema }
    }

    /// A version of the kind.
    public struct Version: Codable, Sendable, Hashable {
        /// The version: `v1`.
        public var name: String
        /// Whether it can be asked for.
        public var served: Bool
        /// Whether objects are stored in it; one version is.
        public var storage: Bool
        /// What its objects must look like.
        public var schema: Validation?
        /// The columns of `weir get` beside name and age.
        public var additionalPrinterColumns: [PrinterColumn]?
        /// Parts that are written on their own.
        public var subresources: JSONValue?

        /// A version.
        public init(name: String, served: Bool = true, storage: Bool = true, schema: JSONValue? = nil) {
            self.name = name
            self.served = served
            self.storage = storage
            self.schema = schema.map { Validation(openAPIV3Schema: $0) }
        }
    }

    /// What is wanted.
    public struct Spec: Codable, Sendable, Hashable {
        /// The API group: a domain name.
        public var group: String
        /// How the kind is called.
        public var names: Names
        /// `Namespaced` or `Cluster`.
        public var scope: String
        /// Its versions.
        public var versions: [Version]

        /// A kind.
        public init(group: String, names: Names, scope: String = "Namespaced", versions: [Version]) {
            self.group = group
            self.names = names
            self.scope = scope
            self.versions = versions
        }
    }

    /// What became of it.
    public struct Status: Codable, Sendable, Hashable {
        /// `NamesAccepted`, `Established`.
        public var conditions: [Condition]?
        /// The names that it got.
        public var acceptedNames: Names?
        /// The versions that objects were ever stored in.
        public var storedVersions: [String]?

        /// What became of it.
        public init(conditions: [Condition]? = nil, acceptedNames: Names? = nil, storedVersions: [String]? = nil) {
            self.conditions = conditions
            self.acceptedNames = acceptedNames
            self.storedVersions = storedVersions
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What is wanted.
    public var spec: Spec
    /// What became of it.
    public var status: Status?

    /// A definition that is not stored yet; its name follows from the plural and the group.
    public init(spec: Spec) {
        metadata = ObjectMetadata(name: "\(spec.names.plural).\(spec.group)")
        self.spec = spec
    }
}
