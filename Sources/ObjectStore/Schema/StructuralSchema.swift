/// What the objects of a kind must look like: a structural schema, as a CustomResourceDefinition carries it
/// (`openAPIV3Schema`).
///
/// It checks types, required members, enumerations, bounds, lengths and patterns, fills in defaults, and removes or
/// refuses members that it does not name, unless `x-kubernetes-preserve-unknown-fields` keeps them.
public struct StructuralSchema: Sendable, Hashable {
    /// The schema as it was given.
    public let json: JSONValue

    /// A schema of its JSON form.
    public init(unchecked json: JSONValue) {
        self.json = json
    }
}
