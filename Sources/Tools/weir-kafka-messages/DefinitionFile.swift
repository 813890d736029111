import FoundationEssentials

/// A definition file as JSON has it; ``definition()`` checks it.
private struct DefinitionFile: Decodable {
    var apiKey: Int?
    var type: String
    var name: String
    var validVersions: String
    var flexibleVersions: String?
    var fields: [FieldFile]
    var commonStructs: [StructFile]?
}

private struct StructFile: Decodable {
    var name: String
    var versions: String?
    var fields: [FieldFile]
}

private struct FieldFile: Decodable {
    var name: String
    var type: String
    var versions: String?
    var nullableVersions: String?
    var taggedVersions: String?
    var tag: Int?
    var flexibleVersions: String?
    var ignorable: Bool?
    var fields: [FieldFile]?
    var defaultText: String?

    enum CodingKeys: String, CodingKey {
        case name, type, versions, nullableVersions, taggedVersions, tag, flexibleVersions, ignorable, fields
        case defaultText = "default"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        type = try container.decode(String.self, forKey: .type)
        versions = try container.decodeIfPresent(String.self, forKey: .versions)
        nullableVersions = try container.decodeIfPresent(String.self, forKey: .nullableVersions)
        taggedVersions = try container.decodeIfPresent(String.self, forKey: .taggedVersions)
        tag = try container.decodeIfPresent(Int.self, forKey: .tag)
        flexibleVersions = try container.decodeIfPresent(String.self, forKey: .flexibleVersions)
        ignorable = try container.decodeIfPresent(Bool.self, forKey: .ignorable)
        fields = try container.decodeIfPresent([FieldFile].self, forKey: .fields)
        guard container.contains(.defaultText) else { return }
        // A default is written as text, as a number, as a truth value or as null.
        if try container.decodeNil(forKey: .defaultText) {
            defaultText = "null"
        } else if let text = try? container.decode(String.self, forKey: .defaultText) {
            defaultText = text
        } else if let truth = try? container.decode(Bool.self, forKey: .defaultText) {
            defaultText = truth ? "true" : "false"
        } else {
            defaultText = String(try container.decode(Int64.self, forKey: .defaultText))
        }
    }
}

extension MessageDefinition {
    /// Reads the text of a definition file; `//` comments and `about` texts are skipped.
    init(parsing text: String) throws {
        let file = try JSONDecoder().decode(DefinitionFile.self, from: Data(removingComments(from: text).utf8))
        guard let kind = Kind(rawValue: file.type) else {
            throw DefinitionError("\(file.name): a message of type \"\(file.type)\" is unknown to this tool")
        }
        guard let valid = try VersionRange(parsing: file.validVersions), valid.highest < VersionRange.openEnd else {
            throw DefinitionError("\(file.name) has no valid versions")
        }
        name = file.name
        self.kind = kind
        apiKey = file.apiKey
        validVersions = valid
        flexibleVersions = valid.intersection(try VersionRange(parsing: file.flexibleVersions ?? "none"))
        root = StructDefinition(
            name: file.name, versions: valid, fields: try fieldDefinitions(file.fields, valid: valid))
        commonStructs = try (file.commonStructs ?? []).map { try structDefinition($0, valid: valid) }
        try check()
    }

    private func check() throws(DefinitionError) {
        guard (kind == .request || kind == .response) == (apiKey != nil) else {
            throw DefinitionError("\(name): requests and responses have an apiKey, other messages none")
        }
        var names: Set<String> = []
        for (structure, possible) in structs() {
            guard names.insert(structure.name).inserted else {
                throw DefinitionError("\(name) defines the struct \(structure.name) twice")
            }
            for field in structure.fields { try check(field, in: structure, possible: possible) }
        }
    }

    private func check(
        _ field: FieldDefinition, in structure: StructDefinition, possible: VersionRange
    ) throws(DefinitionError) {
        let place = "\(name).\(structure.name).\(field.name)"
        if let used = field.type.structureName { _ = try self.structure(named: used) }
        if field.nullableVersions != nil, !field.type.canBeNull {
            throw DefinitionError("\(place): \(field.type.text) cannot be null")
        }
        guard (field.tag == nil) == (field.taggedVersions == nil) else {
            throw DefinitionError("\(place): tag and taggedVersions come together")
        }
        guard let tagged = field.taggedVersions else { return }
        guard tagged.highest == VersionRange.openEnd, possible.intersection(tagged) == nil || flexibleVersions != nil
        else { throw DefinitionError("\(place): taggedVersions are open and flexible") }
    }
}

/// The fields that exist in a valid version.
private func fieldDefinitions(_ files: [FieldFile], valid: VersionRange) throws -> [FieldDefinition] {
    try files.compactMap { file in
        let tagged = try VersionRange(parsing: file.taggedVersions ?? "none")
        guard let written = try VersionRange(parsing: file.versions ?? file.taggedVersions ?? "none"),
            valid.intersection(written) != nil
        else { return nil }
        let type = try FieldType(parsing: file.type, fieldName: file.name)
        var inline: StructDefinition?
        if let fields = file.fields, let structureName = type.structureName {
            inline = StructDefinition(
                name: structureName, versions: written, fields: try fieldDefinitions(fields, valid: valid))
        }
        return FieldDefinition(
            name: file.name, type: type, versions: written,
            nullableVersions: valid.intersection(try VersionRange(parsing: file.nullableVersions ?? "none")),
            taggedVersions: tagged, tag: file.tag, defaultText: file.defaultText,
            isIgnorable: file.ignorable ?? false,
            flexibility: try file.flexibleVersions.map { .own(try VersionRange(parsing: $0)) } ?? .inherited,
            inline: inline)
    }
}

private func structDefinition(_ file: StructFile, valid: VersionRange) throws -> StructDefinition {
    StructDefinition(
        name: file.name, versions: try VersionRange(parsing: file.versions ?? "0+") ?? valid,
        fields: try fieldDefinitions(file.fields, valid: valid))
}

/// `text` without what follows `//` outside of JSON strings.
private func removingComments(from text: String) -> String {
    var kept: [UInt8] = []
    var isInString = false
    var isInComment = false
    var previous: UInt8 = 0
    for byte in text.utf8 {
        if isInComment {
            guard byte == UInt8(ascii: "\n") else { continue }
            isInComment = false
        } else if !isInString, byte == UInt8(ascii: "/"), previous == UInt8(ascii: "/") {
            kept.removeLast()
            isInComment = true
            previous = 0
            continue
        } else if byte == UInt8(ascii: "\""), !(isInString && previous == UInt8(ascii: "\\")) {
            isInString.toggle()
        }
        kept.append(byte)
        previous = byte
    }
    return String(decoding: kept, as: UTF8.self)
}
