/// A definition on one line, without prose: what a fingerprint covers and what the tests encode by.
///
/// `name kind key valid flexible fields`, where fields are `(` field… `)` and a field is
/// `name type versions nullable tagged tag flexible default ignorable`, followed by the fields of its struct.
/// `-` stands for none and `=` for inherited; a default stands in bars (`|text|`).
struct SchemaText {
    let message: MessageDefinition

    func line() throws(DefinitionError) -> String {
        var words: [String] = [
            message.name, message.kind.rawValue, message.apiKey.map { String($0) } ?? "-",
            message.validVersions.text, message.flexibleVersions?.text ?? "-",
        ]
        try append(message.root.fields, to: &words)
        return words.joined(separator: " ")
    }

    private func append(_ fields: [FieldDefinition], to words: inout [String]) throws(DefinitionError) {
        words.append("(")
        for field in fields {
            words += [
                field.name, field.type.text, field.versions.text, field.nullableVersions?.text ?? "-",
                field.taggedVersions?.text ?? "-", field.tag.map { String($0) } ?? "-", flexibility(of: field),
                field.defaultText.map { "|\($0)|" } ?? "-", field.isIgnorable ? "ignorable" : "required",
            ]
            if let name = field.type.structureName {
                try append(try message.structure(named: name).fields, to: &words)
            }
        }
        words.append(")")
    }

    private func flexibility(of field: FieldDefinition) -> String {
        switch field.flexibility {
        case .inherited: "="
        case .own(let versions): versions?.text ?? "-"
        }
    }
}

/// A 64-bit FNV-1a hash of `text` in hexadecimal: tells texts apart, protects against nobody.
package func fingerprint(of text: some StringProtocol) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 {
        hash ^= UInt64(byte)
        hash = hash &* 0x100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
