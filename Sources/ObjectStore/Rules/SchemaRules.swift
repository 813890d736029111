/// What a kind's schema makes of an object, and says of it.
enum SchemaRules {
    /// The kinds that every store knows.
    static let coreKinds = [
        KindDefinition("v1", "Namespace", scope: .cluster), KindDefinition("v1", "ConfigMap"),
        KindDefinition("v1", "Event"),
        KindDefinition(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", shortNames: ["crd"], scope: .cluster),
        KindDefinition("weir/v1", "Topic"), KindDefinition("weir/v1", "Partition"),
        KindDefinition("weir/v1", "Node", scope: .cluster), KindDefinition("weir/v1", "Component", scope: .cluster),
    ]

    /// A schema of its JSON form.
    static func schema(_ json: JSONValue) throws(ObjectError) -> StructuralSchema {
        StructuralSchema(unchecked: json)
    }

    /// The object without what the schema does not know, and with its defaults.
    static func completed(_ object: Object, _ schema: StructuralSchema) -> Object { object }

    /// What is wrong with an object.
    static func problems(_ object: Object, _ schema: StructuralSchema) -> [ObjectError.Cause] { [] }
}
