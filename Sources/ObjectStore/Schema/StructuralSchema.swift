/// What the objects of a kind must look like: a structural schema, as a CustomResourceDefinition carries it
/// (`openAPIV3Schema`).
///
/// It checks types, required members, enumerations, bounds, lengths and patterns, fills in defaults, and removes
/// members that it does not name, unless `x-kubernetes-preserve-unknown-fields` keeps them. Metadata is not its
/// matter, but for rules about names. It is made ready when it is parsed: using it is fast, from any thread.
public struct StructuralSchema: Sendable, Hashable {
    /// The schema as it was given.
    public let json: JSONValue
    private let root: SchemaNode

    /// Reads a schema.
    ///
    /// - Throws: `ObjectError.invalid` where it is not structural, or has what is not supported; the causes name the
    ///   places in the schema.
    public init(parsing json: JSONValue) throws(ObjectError) {
        var parser = SchemaParser()
        guard let root = parser.root(json), parser.causes.isEmpty else {
            let list = parser.causes.map { $0.field.isEmpty ? $0.message : $0.description }.joined(separator: "; ")
            throw ObjectError(.invalid, "the schema is not structural: \(list)", causes: parser.causes)
        }
        self.json = json
        self.root = root
    }

    /// The object with its defaults filled in.
    public func defaulted(_ object: Object) -> Object {
        var shaping = SchemaShaping()
        return shaping.defaulted(object, root)
    }

    /// The object without members that the schema does not name.
    public func pruned(_ object: Object) -> Object {
        var shaping = SchemaShaping()
        return shaping.pruned(object, root)
    }

    /// The paths of members that `pruned` would remove: for whoever would rather refuse them.
    public func unknownFields(in object: Object) -> [String] {
        var shaping = SchemaShaping()
        _ = shaping.pruned(object, root)
        return shaping.removed.sorted()
    }

    /// What is wrong with an object, as far as it matters to fields; empty: nothing. At most the first 32.
    public func problems(in object: Object) -> [ObjectError.Cause] {
        var validation = SchemaValidation()
        validation.check(object, root)
        return validation.causes
    }

    /// Whether both were made of the same JSON.
    public static func == (left: StructuralSchema, right: StructuralSchema) -> Bool { left.json == right.json }

    /// Hashes the JSON.
    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
