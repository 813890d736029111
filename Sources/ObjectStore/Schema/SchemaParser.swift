/// Makes nodes of a schema's JSON, and refuses what is not structural.
///
/// The rules are those that Kubernetes has for CustomResourceDefinitions (`apiextensions-apiserver`, structural
/// schemas): each value has one type, which alternatives (`anyOf`, `not`, …) do not change.
struct SchemaParser {
    /// Whether a node gives structure, or is one of alternatives that only say more about it.
    enum Role {
        case structure
        case alternative
        /// Of `anyOf` where a whole number or a string may be: the one place where alternatives say a type.
        case intOrString
    }

    private(set) var causes: [ObjectError.Cause] = []
    private var path = FieldPath()

    /// How many errors of a schema are told.
    private static let causesMax = 32

    /// The tree of a kind's schema.
    mutating func root(_ json: JSONValue) -> SchemaNode? {
        guard let parts = parts(json, .structure) else { return nil }
        if parts.type != .object { refuse("type", "must be 'object': an object of a kind is one") }
        for name in ["apiVersion", "kind"] {
            if let node = parts.properties[name], node.type != .string || node.defaultValue != nil {
                refuse("properties", "'\(name)' is a string without default, or not named")
            }
        }
        if let metadata = parts.properties["metadata"] {
            if metadata.type != .object { refuse("properties", "'metadata' is an object, or not named") }
            if metadata.hasDefaults { refuse("properties", "'metadata' has no defaults") }
        }
        return SchemaNode(parts)
    }

    mutating func refuse(_ field: String, _ message: String) {
        guard causes.count < Self.causesMax else { return }
        path.push(field)
        causes.append(.init(path.text, message))
        path.pop()
    }

    private mutating func node(_ json: JSONValue, _ role: Role, at field: String) -> SchemaNode? {
        path.push(field)
        defer { path.pop() }
        return parts(json, role).map(SchemaNode.init)
    }

    private mutating func parts(_ json: JSONValue, _ role: Role) -> SchemaNode.Parts? {
        guard case .object(let members) = json else {
            causes.append(.init(path.text, "must be a schema: an object with 'type'"))
            return nil
        }
        var parts = SchemaNode.Parts()
        // In order, so that the same schema gives the same errors.
        for name in members.keys.sorted() {
            guard let value = members[name], value != .null else { continue }
            if role != .structure { checkAlternative(name, role) }
            if takeStructure(name, value, role, &parts) || takeBound(name, value, &parts.rules)
                || takeForm(name, value, &parts.rules) || takeAlternatives(name, value, &parts)
            {
                continue
            }
            checkUnused(name, value)
        }
        if role == .structure { checkStructure(members, parts) }
        if let value = members["default"], value != .null || parts.isNullable { takeDefault(value, &parts) }
        return parts
    }

    private mutating func takeStructure(
        _ name: String, _ value: JSONValue, _ role: Role, _ parts: inout SchemaNode.Parts
    ) -> Bool {
        switch name {
        case "type":
            parts.type = value.stringValue.flatMap(SchemaNode.ValueType.init)
            if parts.type == nil {
                refuse(name, "must be object, array, string, integer, number or boolean, not \(value.shortText)")
            }
        case "nullable": parts.isNullable = flag(name, value)
        case "x-kubernetes-int-or-string": parts.isIntOrString = flag(name, value)
        case "x-kubernetes-preserve-unknown-fields": parts.preservesUnknown = flag(name, value)
        case "x-kubernetes-embedded-resource": parts.isEmbedded = flag(name, value)
        case "properties": parts.properties = properties(value, role)
        case "additionalProperties": parts.additional = additional(value, role)
        case "items": parts.items = node(value, role, at: name)
        case "required": parts.required = names(name, value)
        case "uniqueItems": if flag(name, value) { parts.listType = .set }
        case "x-kubernetes-list-type": takeListType(value, &parts)
        case "x-kubernetes-list-map-keys": parts.listType = .map(names(name, value))
        case "default": break
        default: return false
        }
        return true
    }

    private mutating func takeListType(_ value: JSONValue, _ parts: inout SchemaNode.Parts) {
        switch value.stringValue {
        case "atomic": break
        case "set": parts.listType = .set
        case "map":
            guard case .map(let keys) = parts.listType, !keys.isEmpty else {
                return refuse("x-kubernetes-list-map-keys", "is missing: a map's elements are told apart by them")
            }
        default: refuse("x-kubernetes-list-type", "must be atomic, set or map")
        }
    }

    private mutating func properties(_ value: JSONValue, _ role: Role) -> [String: SchemaNode] {
        guard case .object(let members) = value else {
            refuse("properties", "must be an object")
            return [:]
        }
        path.push("properties")
        defer { path.pop() }
        var result: [String: SchemaNode] = [:]
        for name in members.keys.sorted() {
            if let json = members[name] { result[name] = node(json, role, at: name) }
        }
        return result
    }

    private mutating func additional(_ value: JSONValue, _ role: Role) -> SchemaNode.Additional {
        switch value {
        case .bool(true): return .any
        case .bool(false):
            refuse("additionalProperties", "cannot be false: what 'properties' does not name is removed anyway")
            return .none
        default: return node(value, role, at: "additionalProperties").map { .schema($0) } ?? .none
        }
    }

    private mutating func takeAlternatives(
        _ name: String, _ value: JSONValue, _ parts: inout SchemaNode.Parts
    ) -> Bool {
        switch name {
        case "allOf": parts.rules.allOf = alternatives(name, value, .alternative)
        case "anyOf":
            let isIntOrString = value == [["type": "integer"], ["type": "string"]]
            parts.rules.anyOf = alternatives(name, value, isIntOrString ? .intOrString : .alternative)
        case "oneOf": parts.rules.oneOf = alternatives(name, value, .alternative)
        case "not": parts.rules.not = node(value, .alternative, at: name)
        default: return false
        }
        return true
    }

    private mutating func alternatives(_ name: String, _ value: JSONValue, _ role: Role) -> [SchemaNode] {
        guard case .array(let elements) = value, !elements.isEmpty else {
            refuse(name, "must be an array of schemas")
            return []
        }
        var result: [SchemaNode] = []
        for (index, element) in elements.enumerated() {
            path.push(name)
            path.push(index)
            if let parts = parts(element, role) { result.append(SchemaNode(parts)) }
            path.pop()
            path.pop()
        }
        return result
    }

    private mutating func takeDefault(_ value: JSONValue, _ parts: inout SchemaNode.Parts) {
        let node = SchemaNode(parts)
        var shaping = SchemaShaping()
        let complete = shaping.defaulted(value, node) ?? value
        if shaping.pruned(complete, node) != nil { refuse("default", "has members that the schema does not name") }
        var validation = SchemaValidation()
        validation.check(complete, node)
        for cause in validation.causes {
            refuse("default", cause.field.isEmpty ? cause.message : cause.description)
        }
        parts.defaultValue = complete
    }
}

// What makes a schema structural.
extension SchemaParser {
    private mutating func checkStructure(_ members: [String: JSONValue], _ parts: SchemaNode.Parts) {
        if parts.isIntOrString {
            if members["type"] != nil { refuse("type", "must be missing beside x-kubernetes-int-or-string") }
        } else if members["type"] == nil, !parts.preservesUnknown {
            refuse("type", "is missing: a structural schema says the type of everything")
        }
        if members["properties"] != nil || members["additionalProperties"] != nil {
            if let type = parts.type, type != .object { refuse("type", "must be 'object': it has properties") }
        }
        if members["properties"] != nil, members["additionalProperties"] != nil {
            refuse("additionalProperties", "must be missing beside 'properties'")
        }
        if parts.type == .array, members["items"] == nil { refuse("items", "is missing: what is in the array?") }
        if members["items"] != nil, let type = parts.type, type != .array {
            refuse("type", "must be 'array': it has items")
        }
        if parts.isEmbedded, parts.type != .object { refuse("type", "must be 'object': it holds an object of a kind") }
        if case .map(let keys) = parts.listType {
            for key in keys where parts.items?.properties[key] == nil {
                refuse("x-kubernetes-list-map-keys", "'\(key)' is no property of the items")
            }
        }
    }

    /// Alternatives say more about a value, but not what it is.
    private mutating func checkAlternative(_ name: String, _ role: Role) {
        switch name {
        case "type" where role == .intOrString: break
        case "type", "default", "nullable", "additionalProperties", "x-kubernetes-preserve-unknown-fields",
            "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-type":
            refuse(name, "must stand outside of allOf, anyOf, oneOf and not")
        default: break
        }
    }

    private mutating func checkUnused(_ name: String, _ value: JSONValue) {
        switch name {
        case "title", "description", "example", "externalDocs": break
        case "$ref", "definitions", "$schema", "id", "patternProperties", "dependencies", "additionalItems":
            refuse(name, "is not allowed in a structural schema")
        case "x-kubernetes-validations":
            refuse(name, "is not supported: an admission can check what a schema cannot")
        default:
            if !name.hasPrefix("x-") { refuse(name, "is not known") }
        }
    }
}
