/// What CustomResourceDefinition objects say of kinds.
enum CustomKinds {
    static let kind = ObjectKind(group: "apiextensions.k8s.io", name: "CustomResourceDefinition")

    /// The kind that an object defines, in the version that is stored.
    ///
    /// - Throws: `ObjectError.invalid`, which names the fields.
    static func definition(of object: Object) throws(ObjectError) -> KindDefinition {
        let read: CustomResourceDefinition
        do {
            read = try object.decoded(as: CustomResourceDefinition.self)
        } catch let error as ObjectError {
            throw error
        } catch {
            throw .invalid(object.key, [ObjectError.Cause("", "\(error)")])
        }
        return try read.storedKind()
    }

    /// A definition with the status that says that its kind may be used: what writes it makes it so.
    static func established(_ object: Object, _ definition: KindDefinition, now: Timestamp) -> Object {
        func condition(_ type: String, _ reason: String, _ message: String) -> JSONValue {
            let conditions = object.status?["conditions"]?.arrayValue ?? []
            if let there = conditions.first(where: { $0["type"]?.stringValue == type && $0["status"] == "True" }) {
                return there
            }
            return [
                "type": .string(type), "status": "True", "reason": .string(reason), "message": .string(message),
                "lastTransitionTime": .string(now.description),
            ]
        }
        var object = object
        object.status = [
            "acceptedNames": object.spec?["names"] ?? [:],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no other kind has these names"),
                condition("Established", "InitialNamesAccepted", "objects of the kind can be created"),
            ],
            "storedVersions": [.string(definition.version)],
        ]
        return object
    }
}
