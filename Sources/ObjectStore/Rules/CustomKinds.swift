/// What CustomResourceDefinition objects say of kinds.
enum CustomKinds {
    static let kind = ObjectKind(group: "apiextensions.k8s.io", name: "CustomResourceDefinition")

    /// The kind that an object defines, in the version that is stored.
    ///
    /// - Throws: `ObjectError.invalid`, which names the fields.
    static func definition(of object: Object) throws(ObjectError) -> KindDefinition {
        var causes: [ObjectError.Cause] = []
        func text(_ value: JSONValue?, _ field: String) -> String {
            if let text = value?.stringValue, !text.isEmpty { return text }
            causes.append(ObjectError.Cause(field, "is missing, or no string"))
            return ""
        }
        let spec = object.spec
        let names = spec?["names"]
        let group = text(spec?["group"], "spec.group")
        let kind = text(names?["kind"], "spec.names.kind")
        let plural = text(names?["plural"], "spec.names.plural")
        let scope = KindDefinition.Scope(rawValue: text(spec?["scope"], "spec.scope"))
        if scope == nil { causes.append(ObjectError.Cause("spec.scope", "must be Namespaced or Cluster")) }
        let versions = spec?["versions"]?.arrayValue ?? []
        let stored = versions.firstIndex { $0["storage"]?.boolValue == true }
        if versions.filter({ $0["storage"]?.boolValue == true }).count != 1 {
            causes.append(ObjectError.Cause("spec.versions", "exactly one version must have storage: true"))
        }
        let place = "spec.versions[\(stored ?? 0)]"
        let version = stored.map { versions[$0] }
        let versionName = text(version?["name"], "\(place).name")
        if causes.isEmpty, object.metadata.name != "\(plural).\(group)" {
            causes.append(ObjectError.Cause("metadata.name", "must be '\(plural).\(group)': plural and group"))
        }
        guard causes.isEmpty, let scope else { throw .invalid(object.key, causes) }

        var definition = KindDefinition("\(group)/\(versionName)", kind, plural: plural, scope: scope)
        if let singular = names?["singular"]?.stringValue, !singular.isEmpty { definition.singular = singular }
        definition.shortNames = names?["shortNames"]?.arrayValue?.compactMap(\.stringValue) ?? []
        definition.columns = (version?["additionalPrinterColumns"]?.arrayValue ?? []).compactMap(column)
        definition.schema = try schema(version?["schema"]?["openAPIV3Schema"], object, place)
        return definition
    }

    private static func column(_ json: JSONValue) -> KindDefinition.Column? {
        guard let name = json["name"]?.stringValue, let path = json["jsonPath"]?.stringValue else { return nil }
        return KindDefinition.Column(
            name, type: json["type"]?.stringValue ?? "string", jsonPath: path,
            priority: Int(clamping: json["priority"]?.integerValue ?? 0))
    }

    private static func schema(
        _ json: JSONValue?, _ object: Object, _ place: String
    ) throws(ObjectError) -> StructuralSchema? {
        guard let json else { return nil }
        do {
            return try SchemaRules.schema(json)
        } catch {
            let field = "\(place).schema.openAPIV3Schema"
            let causes = error.causes.map { ObjectError.Cause("\(field).\($0.field)", $0.message) }
            throw .invalid(object.key, causes.isEmpty ? [ObjectError.Cause(field, error.message)] : causes)
        }
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
