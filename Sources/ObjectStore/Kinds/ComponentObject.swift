/// A component of a node, as it shows among the objects: kind `Component`.
///
/// Its name is another one than the kind's because `Component` is what the runtime starts.
public struct ComponentObject: Resource {
    /// Components live in no namespace.
    public static let definition = KindDefinition(
        "weir/v1", "Component", scope: .cluster, nameRule: .pathSegment,
        columns: [
            KindDefinition.Column("Node", jsonPath: ".spec.node"),
            KindDefinition.Column("Phase", jsonPath: ".status.phase"),
            KindDefinition.Column("Message", jsonPath: ".status.message", priority: 1),
        ])

    /// What it is.
    public struct Spec: Codable, Sendable, Hashable {
        /// The name of the node that it runs on.
        public var node: String
        /// Its name there: `kafka`, `reconcile/topics`.
        public var component: String

        /// A component of a node.
        public init(node: String, component: String) {
            self.node = node
            self.component = component
        }
    }

    /// What is known of it.
    public struct Status: Codable, Sendable, Hashable {
        /// `Starting`, `Running`, `Draining`, `Stopped` or `Failed`.
        public var phase: String
        /// Why it is so; nil: nothing to say.
        public var message: String?

        /// What is known of it.
        public init(phase: String, message: String? = nil) {
            self.phase = phase
            self.message = message
        }
    }

    /// Name, labels, versions, owners.
    public var metadata: ObjectMetadata
    /// What it is.
    public var spec: Spec
    /// What is known of it.
    public var status: Status?

    /// A component that is not stored yet.
    public init(metadata: ObjectMetadata, spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}
