/// Writes one message as a Swift file.
struct MessageEmitter {
    let message: MessageDefinition

    func source() throws(DefinitionError) -> String {
        var source = SourceText()
        source.line("public import NIOCore")
        for (structure, possible) in message.structs() {
            source.line()
            if structure.name == message.name {
                try emitMessage(into: &source)
            } else {
                try source.block("extension \(message.name)") { source throws(DefinitionError) in
                    source.line("/// `\(structure.name)`, in versions \(possible.text).")
                    try source.block("public struct \(structure.name): WireStruct") { source throws(DefinitionError) in
                        try emitBody(structure, possible: possible, into: &source)
                    }
                }
            }
        }
        return source.text
    }

    private func emitMessage(into source: inout SourceText) throws(DefinitionError) {
        let flexible = message.flexibleVersions
        let key = message.apiKey.map { ", API key \($0)" } ?? ""
        let lasting = flexible.map { "flexible from \($0.lowest)" } ?? "never flexible"
        source.line("/// `\(message.name)`\(key): versions \(message.validVersions.text), \(lasting).")
        try source.block("public struct \(message.name): \(conformance)") { source throws(DefinitionError) in
            if message.kind == .request { source.line("public typealias Response = \(message.apiName)Response") }
            if message.apiKey != nil {
                source.line("public static var apiKey: ApiKey { .\(SwiftNames.lowerCamelCase(message.apiName)) }")
            }
            let valid = message.validVersions
            source.line("public static var validVersions: ClosedRange<Int16> { \(valid.lowest)...\(valid.highest) }")
            let first = flexible.map { "\($0.lowest)" } ?? "nil"
            source.line("public static var firstFlexibleVersion: Int16? { \(first) }")
            try emitBody(message.root, possible: message.validVersions, into: &source)
        }
    }

    private var conformance: String {
        switch message.kind {
        case .request: "KafkaRequest"
        case .response: "KafkaResponse"
        case .header, .data: "KafkaMessage"
        }
    }

    private func emitBody(
        _ structure: StructDefinition, possible: VersionRange, into source: inout SourceText
    ) throws(DefinitionError) {
        let sizes = WireSize(message: message)
        source.line("public static var wireSizeMin: Int { \(try sizes.smallest(of: structure, within: possible)) }")
        source.line()
        for field in structure.fields {
            let annotation = "public var \(SwiftNames.property(field)): \(SwiftNames.type(field))"
            source.line("/// " + description(of: field))
            source.line("\(annotation) = \(try FieldDefault(field: field).expression())")
        }
        if !structure.fields.isEmpty { source.line() }
        source.line("/// Every field at its default.")
        source.line("public init() {}")
        source.line()
        try ReadEmitter(message: message, structure: structure, possible: possible).emit(into: &source)
        source.line()
        try WriteEmitter(message: message, structure: structure, possible: possible).emit(into: &source)
    }

    private func description(of field: FieldDefinition) -> String {
        var facts = ["`\(field.name)`", "versions \(field.versions.text)"]
        if let nullable = field.nullableVersions { facts.append("nullable in \(nullable.text)") }
        if let tag = field.tag { facts.append("tag \(tag)") }
        if field.isIgnorable { facts.append("dropped where a version lacks it") }
        return facts.joined(separator: ", ") + "."
    }
}

/// How many bytes values take at least: what bounds the count of an array before anything is allocated.
struct WireSize {
    let message: MessageDefinition

    func smallest(of structure: StructDefinition, within possible: VersionRange) throws(DefinitionError) -> Int {
        var smallest = Int.max
        for version in possible.lowest...min(possible.highest, message.validVersions.highest) {
            smallest = min(smallest, try size(of: structure, version: version))
        }
        return max(smallest, 1)
    }

    private func size(of structure: StructDefinition, version: Int) throws(DefinitionError) -> Int {
        let isFlexible = message.flexibleVersions?.contains(version) ?? false
        var size = isFlexible ? 1 : 0
        for field in structure.fields where field.versions.contains(version) {
            if isFlexible, let tagged = field.taggedVersions, tagged.contains(version) { continue }
            let isCompact = message.flexibleVersions(of: field)?.contains(version) ?? false
            size += try self.size(of: field, isCompact: isCompact, version: version)
        }
        return size
    }

    private func size(of field: FieldDefinition, isCompact: Bool, version: Int) throws(DefinitionError) -> Int {
        switch field.type {
        case .bool, .int8: return 1
        case .int16, .uint16, .errorCode, .apiKey: return 2
        case .int32, .uint32: return 4
        case .int64, .float64: return 8
        case .uuid: return 16
        case .string: return isCompact ? 1 : 2
        case .bytes, .records, .array: return isCompact ? 1 : 4
        case .structure(let name):
            if field.nullableVersions?.contains(version) ?? false { return 1 }
            return try size(of: try message.structure(named: name), version: version)
        }
    }
}
