/// Checks values against nodes, and gathers what is wrong.
struct SchemaValidation {
    private(set) var causes: [ObjectError.Cause] = []
    private var path = FieldPath()

    /// How many errors of an object are told: people mend some at a time.
    private static let causesMax = 32

    /// Checks an object of a kind against the root of its schema.
    mutating func check(_ object: Object, _ root: SchemaNode) {
        for name in root.required where object.content[name] == nil && !Self.isAlwaysThere(name) {
            refuse(name, "is missing")
        }
        for (name, value) in object.content {
            guard let node = member(name, of: root) else { continue }
            path.push(name)
            check(value, node)
            path.pop()
        }
        if let metadata = root.properties["metadata"] {
            path.push("metadata")
            checkName("name", object.metadata.name, metadata)
            if !object.metadata.generateName.isEmpty {
                checkName("generateName", object.metadata.generateName, metadata)
            }
            path.pop()
        }
        let rules = root.rules
        if rules.hasAlternatives || rules.propertiesMin != nil || rules.propertiesMax != nil {
            checkRules(object.json, root)
        }
        // Members have no order; errors do.
        causes.sort { $0.field < $1.field }
    }

    private mutating func checkName(_ name: String, _ text: String, _ metadata: SchemaNode) {
        guard let node = metadata.properties[name] else { return }
        path.push(name)
        check(.string(text), node)
        path.pop()
    }

    private static func isAlwaysThere(_ name: String) -> Bool {
        name == "apiVersion" || name == "kind" || name == "metadata"
    }

    private func member(_ name: String, of node: SchemaNode) -> SchemaNode? {
        if let property = node.properties[name] { return property }
        if case .schema(let schema) = node.additional { return schema }
        return nil
    }

    private mutating func refuse(_ message: String) {
        if causes.count < Self.causesMax { causes.append(.init(path.text, message)) }
    }

    private mutating func refuse(_ member: String, _ message: String) {
        path.push(member)
        refuse(message)
        path.pop()
    }

    /// Checks a value.
    mutating func check(_ value: JSONValue, _ node: SchemaNode) {
        guard causes.count < Self.causesMax else { return }
        if case .null = value {
            if !node.isNullable, node.type != nil || node.isIntOrString {
                refuse("must be \(Self.name(node)), not null")
            }
            return
        }
        guard Self.isOfType(value, node) else {
            return refuse("must be \(Self.name(node)), not \(value.shortText)")
        }
        checkRules(value, node)
        switch value {
        case .object(let members): checkMembers(members, node)
        case .array(let elements): checkElements(elements, node)
        default: break
        }
    }

    private static func isOfType(_ value: JSONValue, _ node: SchemaNode) -> Bool {
        if node.isIntOrString { return value.isWhole || value.stringValue != nil }
        switch (node.type, value) {
        case (nil, _), (.object, .object), (.array, .array), (.string, .string), (.boolean, .bool),
            (.number, .number), (.number, .integer), (.integer, .integer):
            return true
        case (.integer, .number): return value.isWhole
        default: return false
        }
    }

    private static func name(_ node: SchemaNode) -> String {
        if node.isIntOrString { return "a whole number or a string" }
        return switch node.type {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .integer: "a whole number"
        case .number: "a number"
        case .boolean: "true or false"
        case nil: "a value"
        }
    }

    private mutating func checkMembers(_ members: [String: JSONValue], _ node: SchemaNode) {
        for name in node.required where members[name] == nil { refuse(name, "is missing") }
        for (name, value) in members {
            guard let schema = member(name, of: node) else { continue }
            path.push(name)
            check(value, schema)
            path.pop()
        }
        if node.isEmbedded { checkEmbedded(members) }
    }

    private mutating func checkEmbedded(_ members: [String: JSONValue]) {
        do throws(ObjectError) {
            _ = try Object(.object(members))
        } catch {
            let cause = error.causes.first ?? .init("", error.message)
            refuse("holds no object of a kind: \(cause)")
        }
    }

    private mutating func checkElements(_ elements: [JSONValue], _ node: SchemaNode) {
        if let items = node.items {
            for (index, element) in elements.enumerated() {
                path.push(index)
                check(element, items)
                path.pop()
            }
        }
        switch node.listType {
        case .atomic: break
        case .set: checkUnique(elements.map(\.withWholeNumbers))
        case .map(let keys):
            checkUnique(
                elements.map { element in
                    .array(
                        keys.map { (element[$0] ?? node.items?.properties[$0]?.defaultValue ?? .null).withWholeNumbers }
                    )
                })
        }
    }

    private mutating func checkUnique(_ elements: [JSONValue]) {
        var places: [JSONValue: Int] = [:]
        for (index, element) in elements.enumerated() {
            if let first = places[element] {
                path.push(index)
                refuse("is the same as element \(first)")
                path.pop()
            } else {
                places[element] = index
            }
        }
    }
}

// Rules that do not depend on the structure.
extension SchemaValidation {
    private mutating func checkRules(_ value: JSONValue, _ node: SchemaNode) {
        let rules = node.rules
        if let enumeration = rules.enumeration, !enumeration.contains(where: { $0.isEqualByValue(to: value) }) {
            let choice = enumeration.map { $0.stringValue ?? $0.text }.joined(separator: ", ")
            refuse("must be one of \(choice), not \(value.shortText)")
        }
        switch value {
        case .string(let text): checkText(text, rules)
        case .integer(let number): checkNumber(Double(number), value, rules)
        case .number(let number): checkNumber(number, value, rules)
        case .array(let elements):
            checkCount(elements.count, "elements", rules.itemsMin, rules.itemsMax)
        case .object(let members):
            checkCount(members.count, "members", rules.propertiesMin, rules.propertiesMax)
        default: break
        }
        if rules.hasAlternatives { checkAlternatives(value, rules) }
    }

    private mutating func checkCount(_ count: Int, _ what: String, _ least: Int?, _ most: Int?) {
        if let least, count < least { refuse("has \(count) \(what), must have \(least) at least") }
        if let most, count > most { refuse("has \(count) \(what), must have \(most) at most") }
    }

    private mutating func checkText(_ text: String, _ rules: SchemaNode.Rules) {
        if rules.lengthMin != nil || rules.lengthMax != nil {
            checkCount(text.unicodeScalars.count, "characters", rules.lengthMin, rules.lengthMax)
        }
        if let pattern = rules.pattern, !pattern.isFound(in: text) {
            refuse("is \(JSONValue.string(text).shortText), must match '\(pattern.text)'")
        }
        switch rules.format {
        case .dateTime where Timestamp(text) == nil: refuse("must be a time like 2026-11-21T15:30:00Z")
        case .date where Timestamp("\(text)T00:00:00Z") == nil: refuse("must be a day like 2026-11-21")
        case .uuid where !Self.isUUID(text): refuse("must be a UUID")
        default: break
        }
    }

    private static func isUUID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
    }

    private mutating func checkNumber(_ number: Double, _ value: JSONValue, _ rules: SchemaNode.Rules) {
        if let minimum = rules.minimum {
            if rules.isMinimumExclusive, number <= minimum {
                refuse("is \(value.text), must be above \(minimum.shortText)")
            } else if number < minimum {
                refuse("is \(value.text), must be \(minimum.shortText) at least")
            }
        }
        if let maximum = rules.maximum {
            if rules.isMaximumExclusive, number >= maximum {
                refuse("is \(value.text), must be below \(maximum.shortText)")
            } else if number > maximum {
                refuse("is \(value.text), must be \(maximum.shortText) at most")
            }
        }
        if let divisor = rules.multipleOf, number / divisor != (number / divisor).rounded() {
            refuse("is \(value.text), must be a multiple of \(divisor.shortText)")
        }
        switch rules.format {
        case .int32 where Int32(exactly: number) == nil: refuse("is \(value.text), must fit 32 bits")
        case .int64 where !value.isWhole: refuse("is \(value.text), must fit 64 bits")
        default: break
        }
    }

    private mutating func checkAlternatives(_ value: JSONValue, _ rules: SchemaNode.Rules) {
        for node in rules.allOf { check(value, node) }
        if !rules.anyOf.isEmpty, !rules.anyOf.contains(where: { matches(value, $0) }) {
            refuse("must fit one of \(rules.anyOf.count) alternatives at least")
        }
        if !rules.oneOf.isEmpty {
            let count = rules.oneOf.count { matches(value, $0) }
            if count != 1 { refuse("must fit exactly one of \(rules.oneOf.count) alternatives, not \(count)") }
        }
        if let not = rules.not, matches(value, not) { refuse("must not be so (see 'not' in the schema)") }
    }

    private func matches(_ value: JSONValue, _ node: SchemaNode) -> Bool {
        var validation = SchemaValidation()
        validation.check(value, node)
        return validation.causes.isEmpty
    }
}

extension JSONValue {
    /// Whether it is a whole number that fits 64 bits, however it is written.
    fileprivate var isWhole: Bool {
        switch self {
        case .integer: true
        case .number(let number): Int64(exactly: number) != nil
        default: false
        }
    }

    /// The value with all whole numbers written as such, so that equal ones are equal.
    fileprivate var withWholeNumbers: JSONValue {
        switch self {
        case .number(let number): Int64(exactly: number).map { .integer($0) } ?? self
        case .array(let elements): .array(elements.map(\.withWholeNumbers))
        case .object(let members): .object(members.mapValues(\.withWholeNumbers))
        default: self
        }
    }
}

extension Double {
    /// The number without a fraction that is none.
    fileprivate var shortText: String { Int64(exactly: self).map(String.init) ?? description }
}
