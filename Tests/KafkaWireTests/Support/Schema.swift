/// A message's definition, parsed from the text that the generator puts into the tests' table.
///
/// It is read and used independently of the generated Swift: what the tests encode by it is what the definition
/// says, and the generated code has to agree.
struct Schema: Sendable {
    struct Versions: Sendable {
        let lowest: Int
        let highest: Int

        init?(_ text: Substring) {
            guard text != "-", text != "=" else { return nil }
            let ends = text.split(separator: "-")
            if text.hasSuffix("+") {
                lowest = Int(text.dropLast()) ?? 0
                highest = Int(Int16.max)
            } else {
                lowest = Int(ends[0]) ?? 0
                highest = Int(ends[ends.count - 1]) ?? 0
            }
        }

        func contains(_ version: Int) -> Bool { version >= lowest && version <= highest }
    }

    struct Field: Sendable {
        let name: String
        let type: Substring
        let versions: Versions
        let nullable: Versions?
        let tagged: Versions?
        let tag: UInt32
        /// Whether the field follows the message in being flexible, or never is.
        let followsMessage: Bool
        let defaultText: Substring?
        let isIgnorable: Bool
        let fields: [Field]

        var isArray: Bool { type.hasPrefix("[]") }
        var elementType: Substring { isArray ? type.dropFirst(2) : type }
    }

    let name: String
    let kind: String
    let valid: Versions
    let flexible: Versions?
    let fields: [Field]

    init(_ text: String) {
        var words = text.split(separator: " ")[...]
        name = String(words.removeFirst())
        kind = String(words.removeFirst())
        words.removeFirst()
        valid = Versions(words.removeFirst()) ?? Versions("0")!
        flexible = Versions(words.removeFirst())
        fields = Self.fields(&words)
    }

    private static func fields(_ words: inout ArraySlice<Substring>) -> [Field] {
        precondition(words.removeFirst() == "(", "fields stand in parentheses")
        var fields: [Field] = []
        while words.first != ")" {
            let name = String(words.removeFirst())
            let type = words.removeFirst()
            let versions = Versions(words.removeFirst())!
            let nullable = Versions(words.removeFirst())
            let tagged = Versions(words.removeFirst())
            let tag = UInt32(words.removeFirst()) ?? 0
            let followsMessage = words.removeFirst() == "="
            let defaultText = words.removeFirst()
            let isIgnorable = words.removeFirst() == "ignorable"
            let isStruct = (type.hasPrefix("[]") ? type.dropFirst(2) : type).first!.isUppercase
            fields.append(
                Field(
                    name: name, type: type, versions: versions, nullable: nullable, tagged: tagged, tag: tag,
                    followsMessage: followsMessage,
                    defaultText: defaultText == "-" ? nil : defaultText.dropFirst().dropLast(),
                    isIgnorable: isIgnorable, fields: isStruct ? Self.fields(&words) : []))
        }
        words.removeFirst()
        return fields
    }
}
