/// The kinds that a store knows from the start: Kubernetes' core ones that Weir has a use for, and Weir's own.
public enum CoreKinds {
    /// All of them.
    public static let all: [KindDefinition] = [
        Namespace.definition, ConfigMap.definition, Secret.definition, ServiceAccount.definition, Event.definition,
        CustomResourceDefinition.definition, Topic.definition, Partition.definition, Node.definition,
        ComponentObject.definition,
    ]

    /// A schema that is part of the program, and therefore right.
    static func schema(_ json: JSONValue) -> StructuralSchema {
        do throws(ObjectError) {
            return try StructuralSchema(parsing: json)
        } catch {
            preconditionFailure("the schema of a core kind is malformed: \(error)")
        }
    }
}

extension KeyedDecodingContainer {
    /// The member, or what stands for it where it is missing or null.
    func decode<T: Decodable>(_ key: Key, or absent: T) throws -> T {
        try decodeIfPresent(T.self, forKey: key) ?? absent
    }
}
