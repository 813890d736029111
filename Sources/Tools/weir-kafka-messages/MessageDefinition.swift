/// A message as its JSON file defines it, with everything checked that the emitters rely on.
struct MessageDefinition {
    enum Kind: String {
        case request
        case response
        case header
        case data
    }

    let name: String
    let kind: Kind
    let apiKey: Int?
    let validVersions: VersionRange
    let flexibleVersions: VersionRange?
    let root: StructDefinition
    let commonStructs: [StructDefinition]

    /// The message without "Request" or "Response".
    var apiName: String {
        switch kind {
        case .request: String(name.dropLast("Request".count))
        case .response: String(name.dropLast("Response".count))
        case .header, .data: name
        }
    }

    /// The structs to emit, each with the versions in which it can appear; the message itself comes first.
    func structs() -> [(definition: StructDefinition, possible: VersionRange)] {
        var found: [(definition: StructDefinition, possible: VersionRange)] = []
        func visit(_ structure: StructDefinition, possible: VersionRange) {
            found.append((structure, possible))
            for field in structure.fields {
                guard let inline = field.inline, let inner = possible.intersection(field.versions) else { continue }
                visit(inline, possible: inner)
            }
        }
        visit(root, possible: validVersions)
        for structure in commonStructs {
            guard let possible = validVersions.intersection(structure.versions) else { continue }
            visit(structure, possible: possible)
        }
        return found
    }

    /// The fields of the struct called `name`, inline or common.
    func structure(named name: String) throws(DefinitionError) -> StructDefinition {
        guard let found = structs().first(where: { $0.definition.name == name }) else {
            throw DefinitionError("\(self.name) uses the struct \(name), which it does not define")
        }
        return found.definition
    }

    /// The versions in which `field` has compact lengths; its own setting comes before the message's.
    func flexibleVersions(of field: FieldDefinition) -> VersionRange? {
        switch field.flexibility {
        case .inherited: flexibleVersions
        case .own(let versions): versions
        }
    }
}

/// A struct of a message: a name and its fields in wire order.
struct StructDefinition {
    let name: String
    let versions: VersionRange
    let fields: [FieldDefinition]
}

/// One field of a struct.
struct FieldDefinition {
    enum Flexibility {
        case inherited
        case own(VersionRange?)
    }

    let name: String
    let type: FieldType
    let versions: VersionRange
    let nullableVersions: VersionRange?
    let taggedVersions: VersionRange?
    let tag: Int?
    /// The default as written; nil when the definition gives none.
    let defaultText: String?
    let isIgnorable: Bool
    let flexibility: Flexibility
    /// The struct that the field defines in place.
    let inline: StructDefinition?
}

/// The types of fields.
indirect enum FieldType: Equatable {
    case bool
    case int8
    case int16
    case uint16
    case int32
    case uint32
    case int64
    case float64
    case uuid
    case string
    case bytes
    case records
    /// An int16 that holds an error code: every one whose name ends in "ErrorCode".
    case errorCode
    /// An int16 that holds an API key.
    case apiKey
    case structure(String)
    case array(FieldType)

    init(parsing text: String, fieldName: String) throws(DefinitionError) {
        if text.hasPrefix("[]") {
            let element = try FieldType(parsing: String(text.dropFirst(2)), fieldName: "")
            if case .array = element { throw DefinitionError("\(text): an array of arrays is not in the format") }
            self = .array(element)
            return
        }
        switch text {
        case "bool": self = .bool
        case "int8": self = .int8
        case "int16": self = Self.int16(named: fieldName)
        case "uint16": self = .uint16
        case "int32": self = .int32
        case "uint32": self = .uint32
        case "int64": self = .int64
        case "float64": self = .float64
        case "uuid": self = .uuid
        case "string": self = .string
        case "bytes": self = .bytes
        case "records": self = .records
        default:
            guard let first = text.first, first.isUppercase else {
                throw DefinitionError("\"\(text)\" is no type of the message format")
            }
            self = .structure(text)
        }
    }

    private static func int16(named name: String) -> FieldType {
        if name.hasSuffix("ErrorCode") || name == "errorCode" { return .errorCode }
        return name == "ApiKey" || name == "RequestApiKey" ? .apiKey : .int16
    }

    /// The type as the definition spells it.
    var text: String {
        switch self {
        case .bool: "bool"
        case .int8: "int8"
        case .int16, .errorCode, .apiKey: "int16"
        case .uint16: "uint16"
        case .int32: "int32"
        case .uint32: "uint32"
        case .int64: "int64"
        case .float64: "float64"
        case .uuid: "uuid"
        case .string: "string"
        case .bytes: "bytes"
        case .records: "records"
        case .structure(let name): name
        case .array(let element): "[]" + element.text
        }
    }

    var structureName: String? {
        switch self {
        case .structure(let name): name
        case .array(let element): element.structureName
        default: nil
        }
    }

    var canBeNull: Bool {
        switch self {
        case .string, .bytes, .records, .structure, .array: true
        default: false
        }
    }
}
