/// The value that a field has where a version lacks it, as Kafka defines it.
///
/// Without a default of its own a field is zero, false, empty, or a struct of defaults; `records` are null.
struct FieldDefault {
    let field: FieldDefinition

    private var isOptional: Bool { field.nullableVersions != nil }

    private var isNull: Bool {
        field.defaultText == "null" || (field.type == .records && field.defaultText == nil && isOptional)
    }

    /// The default as a Swift expression.
    func expression() throws(DefinitionError) -> String {
        if isNull {
            guard isOptional else { throw DefinitionError("\(field.name) has the default null but is never null") }
            return "nil"
        }
        let text = field.defaultText ?? ""
        switch field.type {
        case .bool: return text == "true" ? "true" : "false"
        case .int8, .int16, .uint16, .int32, .uint32, .int64: return try integer(text)
        case .errorCode:
            return try integer(text) == "0" ? "ErrorCode.none" : "ErrorCode(rawValue: \(try integer(text)))"
        case .apiKey: return "ApiKey(rawValue: \(try integer(text)))"
        case .float64: return text.isEmpty ? "0" : text
        case .string: return "\"\(text)\""
        case .array: return "[]"
        case .uuid: return "WireUUID.zero"
        case .bytes, .records: return "ByteBuffer()"
        case .structure(let name): return "\(name)()"
        }
    }

    /// A Swift condition that holds when `value` is something other than the default.
    func differs(_ value: String) throws(DefinitionError) -> String {
        if isNull { return "\(value) != nil" }
        switch field.type {
        case .bool: return try expression() == "true" ? "!\(value)" : value
        case .string where field.defaultText ?? "" == "" && !isOptional: return "!\(value).isEmpty"
        case .array: return isOptional ? "\(value)?.isEmpty != true" : "!\(value).isEmpty"
        case .bytes, .records: return isOptional ? "\(value)?.readableBytes != 0" : "\(value).readableBytes != 0"
        default: return "\(value) != \(try expression())"
        }
    }

    private func integer(_ text: String) throws(DefinitionError) -> String {
        guard !text.isEmpty else { return "0" }
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? text.dropFirst() : text[...]
        let isHexadecimal = digits.hasPrefix("0x")
        guard let magnitude = UInt64(isHexadecimal ? digits.dropFirst(2) : digits, radix: isHexadecimal ? 16 : 10)
        else {
            throw DefinitionError("\(field.name): \"\(text)\" is no number")
        }
        return (isNegative ? "-" : "") + String(magnitude)
    }
}
