/// What a kind's schema makes of an object, and says of it.
enum SchemaRules {
    /// The kinds that every store knows.
    static var coreKinds: [KindDefinition] { CoreKinds.all }

    /// A schema of its JSON form.
    static func schema(_ json: JSONValue) throws(ObjectError) -> StructuralSchema {
        try StructuralSchema(parsing: json)
    }

    /// The object without what the schema does not know, and with its defaults.
    static func completed(_ object: Object, _ schema: StructuralSchema) -> Object {
        schema.defaulted(schema.pruned(object))
    }

    /// What is wrong with an object.
    static func problems(_ object: Object, _ schema: StructuralSchema) -> [ObjectError.Cause] {
        schema.problems(in: object)
    }
}
