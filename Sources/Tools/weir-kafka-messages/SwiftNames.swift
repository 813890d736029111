/// The names that definitions get in Swift.
enum SwiftNames {
    private static let reserved: Set<String> = [
        "protocol", "default", "operator", "internal", "public", "private", "extension", "import", "in", "is", "as",
        "self", "init", "repeat", "return", "switch", "case", "where", "while", "for", "func", "var", "let", "class",
        "struct", "enum", "static", "throw", "throws", "try", "true", "false", "nil", "guard", "if", "else", "do",
        "defer", "break", "continue", "subscript", "super", "typealias", "associatedtype", "catch", "any", "some",
    ]

    /// `TopicId` → `topicId`.
    static func lowerCamelCase(_ name: String) -> String {
        guard let first = name.first else { return name }
        return first.lowercased() + name.dropFirst()
    }

    static func property(_ field: FieldDefinition) -> String {
        let name = lowerCamelCase(field.name)
        return reserved.contains(name) ? "`\(name)`" : name
    }

    static func type(_ field: FieldDefinition) -> String {
        type(field.type) + (field.nullableVersions == nil ? "" : "?")
    }

    static func type(_ type: FieldType) -> String {
        switch type {
        case .bool: "Bool"
        case .int8: "Int8"
        case .int16: "Int16"
        case .uint16: "UInt16"
        case .int32: "Int32"
        case .uint32: "UInt32"
        case .int64: "Int64"
        case .float64: "Double"
        case .uuid: "WireUUID"
        case .string: "String"
        case .bytes, .records: "ByteBuffer"
        case .errorCode: "ErrorCode"
        case .apiKey: "ApiKey"
        case .structure(let name): name
        case .array(let element): "[\(Self.type(element))]"
        }
    }
}
