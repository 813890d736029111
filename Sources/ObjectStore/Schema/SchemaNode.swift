/// One level of a schema, made ready for checking. It never changes, and is shared.
final class SchemaNode: Sendable {
    /// A JSON type.
    enum ValueType: String {
        case object
        case array
        case string
        case integer
        case number
        case boolean
    }

    /// What members that `properties` does not name may be.
    enum Additional {
        /// There are none: they are removed.
        case none
        /// Anything.
        case any
        /// What a schema says.
        case schema(SchemaNode)
    }

    /// What is known about the form of a text or a number.
    enum Format: String {
        case int32
        case int64
        case dateTime = "date-time"
        case date
        case uuid
    }

    /// What a list is; of a map the members that tell its elements apart.
    enum ListType {
        case atomic
        case set
        case map([String])
    }

    /// Bounds and forms that do not depend on the structure.
    struct Rules {
        var enumeration: [JSONValue]?
        var minimum: Double?
        var maximum: Double?
        var isMinimumExclusive = false
        var isMaximumExclusive = false
        var multipleOf: Double?
        var lengthMin: Int?
        var lengthMax: Int?
        var pattern: Pattern?
        var format: Format?
        var itemsMin: Int?
        var itemsMax: Int?
        var propertiesMin: Int?
        var propertiesMax: Int?
        var allOf: [SchemaNode] = []
        var anyOf: [SchemaNode] = []
        var oneOf: [SchemaNode] = []
        var not: SchemaNode?

        var hasAlternatives: Bool { !allOf.isEmpty || !anyOf.isEmpty || !oneOf.isEmpty || not != nil }
    }

    let type: ValueType?
    let isNullable: Bool
    let isIntOrString: Bool
    let preservesUnknown: Bool
    let isEmbedded: Bool
    let properties: [String: SchemaNode]
    let additional: Additional
    let items: SchemaNode?
    let required: [String]
    let listType: ListType
    let rules: Rules
    /// What stands for a missing value, itself complete.
    let defaultValue: JSONValue?
    /// Whether a default is here or below.
    let hasDefaults: Bool

    init(_ parts: Parts) {
        type = parts.type
        isNullable = parts.isNullable
        isIntOrString = parts.isIntOrString
        preservesUnknown = parts.preservesUnknown
        isEmbedded = parts.isEmbedded
        properties = parts.properties
        additional = parts.additional
        items = parts.items
        required = parts.required
        listType = parts.listType
        rules = parts.rules
        defaultValue = parts.defaultValue
        var below = parts.properties.values.contains { $0.hasDefaults } || parts.items?.hasDefaults ?? false
        if case .schema(let node) = parts.additional { below = below || node.hasDefaults }
        hasDefaults = below || parts.defaultValue != nil
    }

    /// What a node is made of, while it is read.
    struct Parts {
        var type: ValueType?
        var isNullable = false
        var isIntOrString = false
        var preservesUnknown = false
        var isEmbedded = false
        var properties: [String: SchemaNode] = [:]
        var additional = Additional.none
        var items: SchemaNode?
        var required: [String] = []
        var listType = ListType.atomic
        var rules = Rules()
        var defaultValue: JSONValue?
    }
}

/// The way to a value, and how errors write it: `spec.rules[2].name`.
struct FieldPath {
    private enum Step {
        case member(String)
        case index(Int)
    }

    private var steps: [Step] = []

    mutating func push(_ member: String) { steps.append(.member(member)) }
    mutating func push(_ index: Int) { steps.append(.index(index)) }
    mutating func pop() { steps.removeLast() }

    var text: String {
        var text = ""
        for step in steps {
            switch step {
            case .index(let index): text += "[\(index)]"
            case .member(let name) where Self.isPlain(name): text += text.isEmpty ? name : ".\(name)"
            case .member(let name): text += "['\(name)']"
            }
        }
        return text
    }

    /// Whether a name can stand between points.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { ScalarSet.word.contains($0) || $0 == "-" || $0 == "$" }
    }
}
