/// Writes the `write` function of a struct.
struct WriteEmitter {
    let message: MessageDefinition
    let structure: StructDefinition
    let possible: VersionRange

    func emit(into source: inout SourceText) throws(DefinitionError) {
        source.line("/// Appends what `version` lays out; throws when a field does not fit that version.")
        let signature = "public func write(to buffer: inout ByteBuffer, version: Int16) throws(WireError)"
        try source.block(signature) { source throws(DefinitionError) in
            if structure.name == message.name { source.line("try Self.requireValid(version)") }
            let flexible = FieldVersions.flexible(message, possible: possible)
            if let declaration = flexible.declaration { source.line(declaration) }
            for field in structure.fields {
                guard let versions = FieldVersions(field, message: message, possible: possible) else { continue }
                let absence = try refusal(field, present: versions.present)
                if let inline = versions.inline {
                    try source.block(if: inline.condition(within: possible)) { source throws(DefinitionError) in
                        emitWrite(field, versions: versions, within: inline, into: &source)
                    }
                    // In place where it is present, the refusal is the other branch.
                    if let absence, inline == versions.present {
                        source.continueBlock("else if \(absence.differs)", absence.statement)
                        continue
                    }
                }
                if let absence {
                    source.line("if (\(absence.condition)) && \(absence.differs) { \(absence.statement) }")
                }
            }
            if flexible.expression != "false" {
                let condition = flexible.expression == "true" ? nil : "flexible"
                try source.block(if: condition) { source throws(DefinitionError) in try emitTags(into: &source) }
            }
        }
    }

    /// How to refuse to lose a value that a version has no room for; nil when every version has, or it may be lost.
    private func refusal(
        _ field: FieldDefinition, present: VersionRange
    ) throws(DefinitionError) -> (condition: String, differs: String, statement: String)? {
        guard !field.isIgnorable, let absent = present.complement(within: possible) else { return nil }
        let differs = try FieldDefault(field: field).differs(value(field))
        return (absent, differs, "throw .fieldNotInVersion(\"\(place(field))\", version)")
    }

    private func emitWrite(
        _ field: FieldDefinition, versions: FieldVersions, within: VersionRange, into source: inout SourceText
    ) {
        let value = value(field)
        guard field.nullableVersions != nil else {
            source.line(statement(field.type, value, compact: versions.compact, nullable: ""))
            return
        }
        let present = "WireError.unwrap(\(value), \"\(place(field))\", version)"
        let plain = statement(field.type, "try \(present)", compact: versions.compact, nullable: "")
        guard let nullable = versions.nullable.flatMap({ within.intersection($0) }) else {
            source.line(plain)
            return
        }
        let maybeNull = statement(field.type, value, compact: versions.compact, nullable: "Nullable")
        guard let condition = nullable.condition(within: within) else {
            source.line(maybeNull)
            return
        }
        source.line("if \(condition) {")
        source.line("    \(maybeNull)")
        source.line("} else {")
        source.line("    \(plain)")
        source.line("}")
    }

    private func emitTags(into source: inout SourceText) throws(DefinitionError) {
        var tagged: [(field: FieldDefinition, versions: FieldVersions, range: VersionRange)] = []
        for field in structure.fields {
            guard let versions = FieldVersions(field, message: message, possible: possible),
                let range = versions.tagged
            else { continue }
            tagged.append((field, versions, range))
        }
        tagged.sort { $0.field.tag ?? 0 < $1.field.tag ?? 0 }
        guard !tagged.isEmpty, let flexible = message.flexibleVersions.flatMap({ possible.intersection($0) }) else {
            source.line("buffer.writeInteger(UInt8(0))")
            return
        }
        source.line("var tags: UInt32 = 0")
        for (field, _, range) in tagged {
            let name = "has\(field.name.prefix(1).uppercased())\(field.name.dropFirst())"
            let differs = try FieldDefault(field: field).differs(value(field))
            let condition = range.condition(within: flexible).map { "\($0) && " } ?? ""
            source.line("let \(name): Bool = \(condition)\(differs)")
            source.line("if \(name) { tags += 1 }")
        }
        source.line("buffer.writeUnsignedVarint(tags)")
        for (field, versions, range) in tagged {
            let name = "has\(field.name.prefix(1).uppercased())\(field.name.dropFirst())"
            try source.block("if \(name)") { source throws(DefinitionError) in
                source.line("let start: Int = buffer.beginTaggedField(\(field.tag ?? 0))")
                emitWrite(field, versions: versions, within: range, into: &source)
                source.line("buffer.endTaggedField(start)")
            }
        }
    }

    private func value(_ field: FieldDefinition) -> String { "self.\(SwiftNames.property(field))" }

    private func place(_ field: FieldDefinition) -> String {
        let owner = structure.name == message.name ? message.name : "\(message.name).\(structure.name)"
        return "\(owner).\(SwiftNames.lowerCamelCase(field.name))"
    }

    private func statement(_ type: FieldType, _ value: String, compact: String, nullable: String) -> String {
        switch type {
        case .bool: return "buffer.writeInteger(\(value) ? UInt8(1) : UInt8(0))"
        case .int8, .int16, .uint16, .int32, .uint32, .int64: return "buffer.writeInteger(\(value))"
        case .float64: return "buffer.writeInteger(\(value).bitPattern)"
        case .uuid: return "buffer.writeUUID(\(value))"
        case .errorCode, .apiKey: return "buffer.writeInteger(\(value).rawValue)"
        case .string: return "try buffer.write\(nullable)String(\(value), flexible: \(compact))"
        case .bytes, .records: return "try buffer.write\(nullable)Bytes(\(value), flexible: \(compact))"
        case .structure:
            guard nullable.isEmpty else { return "try buffer.writeNullable(\(value), version: version)" }
            return value.hasPrefix("try ")
                ? "try (\(value)).write(to: &buffer, version: version)"
                : "try \(value).write(to: &buffer, version: version)"
        case .array(.structure):
            return "try buffer.write\(nullable)Array(\(value), version: version, flexible: \(compact))"
        case .array:
            return "try buffer.write\(nullable)Array(\(value), flexible: \(compact))"
        }
    }
}
