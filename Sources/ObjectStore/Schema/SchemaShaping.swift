/// Gives values the shape of a schema: fills in what is missing, removes what is not named.
///
/// Both give nil where nothing is to be changed, so that most objects are not copied.
struct SchemaShaping {
    /// The paths of what was removed.
    private(set) var removed: [String] = []
    private var path = FieldPath()

    mutating func defaulted(_ object: Object, _ root: SchemaNode) -> Object {
        guard root.hasDefaults, let content = defaulted(members: object.content, root) else { return object }
        var result = object
        result.content = content
        return result
    }

    mutating func pruned(_ object: Object, _ root: SchemaNode) -> Object {
        guard let content = pruned(members: object.content, root) else { return object }
        var result = object
        result.content = content
        return result
    }

    mutating func defaulted(_ value: JSONValue, _ node: SchemaNode) -> JSONValue? {
        guard node.hasDefaults else { return nil }
        switch value {
        case .object(let members): return defaulted(members: members, node).map { .object($0) }
        case .array(let elements):
            guard let items = node.items, items.hasDefaults else { return nil }
            return changed(elements) { shaping, element in shaping.defaulted(element, items) }
        default: return nil
        }
    }

    private mutating func defaulted(members: [String: JSONValue], _ node: SchemaNode) -> [String: JSONValue]? {
        var result = members
        var isChanged = false
        for (name, property) in node.properties where property.hasDefaults {
            let value = members[name]
            if let defaultValue = property.defaultValue, value == nil || value == .null && !property.isNullable {
                result[name] = defaultValue
                isChanged = true
            } else if let value, let changed = defaulted(value, property) {
                result[name] = changed
                isChanged = true
            }
        }
        if case .schema(let additional) = node.additional, additional.hasDefaults {
            for (name, value) in members {
                guard let changed = defaulted(value, additional) else { continue }
                result[name] = changed
                isChanged = true
            }
        }
        return isChanged ? result : nil
    }

    mutating func pruned(_ value: JSONValue, _ node: SchemaNode) -> JSONValue? {
        switch value {
        case .object(let members): return pruned(members: members, node).map { .object($0) }
        case .array(let elements):
            guard let items = node.items else { return nil }
            return changed(elements) { shaping, element in shaping.pruned(element, items) }
        default: return nil
        }
    }

    private mutating func pruned(members: [String: JSONValue], _ node: SchemaNode) -> [String: JSONValue]? {
        if case .any = node.additional { return nil }
        var changes: [(name: String, value: JSONValue?)] = []
        for (name, value) in members {
            if node.isEmbedded, name == "apiVersion" || name == "kind" || name == "metadata" { continue }
            path.push(name)
            defer { path.pop() }
            if let property = node.properties[name] {
                if let changed = pruned(value, property) { changes.append((name, changed)) }
            } else if case .schema(let schema) = node.additional {
                if let changed = pruned(value, schema) { changes.append((name, changed)) }
            } else if !node.preservesUnknown {
                changes.append((name, nil))
                removed.append(path.text)
            }
        }
        guard !changes.isEmpty else { return nil }
        var result = members
        for (name, value) in changes { result[name] = value }
        return result
    }

    private mutating func changed(
        _ elements: [JSONValue], _ body: (inout SchemaShaping, JSONValue) -> JSONValue?
    ) -> JSONValue? {
        var result: [JSONValue]?
        for (index, element) in elements.enumerated() {
            path.push(index)
            defer { path.pop() }
            guard let changed = body(&self, element) else { continue }
            if result == nil { result = elements }
            result?[index] = changed
        }
        return result.map { .array($0) }
    }
}
