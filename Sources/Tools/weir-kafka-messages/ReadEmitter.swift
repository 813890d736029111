/// Writes the `read` function of a struct.
struct ReadEmitter {
    let message: MessageDefinition
    let structure: StructDefinition
    let possible: VersionRange

    func emit(into source: inout SourceText) throws(DefinitionError) {
        let name = structure.name
        source.line("/// Reads what `version` lays out, and leaves the buffer behind it.")
        let signature = "public static func read(from buffer: inout ByteBuffer, version: Int16) throws(WireError)"
        try source.block("\(signature) -> \(name)") { source throws(DefinitionError) in
            if name == message.name { source.line("try requireValid(version)") }
            let flexible = FieldVersions.flexible(message, possible: possible)
            if let declaration = flexible.declaration { source.line(declaration) }
            source.line("\(structure.fields.isEmpty ? "let" : "var") value: \(name) = \(name)()")
            for field in structure.fields {
                guard let versions = FieldVersions(field, message: message, possible: possible),
                    let inline = versions.inline
                else { continue }
                let present = inline.condition(within: possible)
                try source.block(if: present) { source throws(DefinitionError) in
                    emitRead(field, versions: versions, within: inline, into: &source)
                }
            }
            if flexible.expression != "false" {
                let condition = flexible.expression == "true" ? nil : "flexible"
                try source.block(if: condition) { source throws(DefinitionError) in try emitTags(into: &source) }
            }
            source.line("return value")
        }
    }

    private func emitRead(
        _ field: FieldDefinition, versions: FieldVersions, within: VersionRange, into source: inout SourceText
    ) {
        let target = "value.\(SwiftNames.property(field))"
        let plain = expression(field.type, compact: versions.compact, nullable: "")
        guard let nullable = versions.nullable.flatMap({ within.intersection($0) }) else {
            source.line("\(target) = \(plain)")
            return
        }
        let maybeNull = expression(field.type, compact: versions.compact, nullable: "Nullable")
        guard let condition = nullable.condition(within: within) else {
            source.line("\(target) = \(maybeNull)")
            return
        }
        source.line("if \(condition) {")
        source.line("    \(target) = \(maybeNull)")
        source.line("} else {")
        source.line("    \(target) = \(plain)")
        source.line("}")
    }

    private func emitTags(into source: inout SourceText) throws(DefinitionError) {
        let tagged = structure.fields.compactMap { field -> (FieldDefinition, FieldVersions, VersionRange)? in
            guard let versions = FieldVersions(field, message: message, possible: possible),
                let range = versions.tagged
            else { return nil }
            return (field, versions, range)
        }
        guard !tagged.isEmpty, let flexible = message.flexibleVersions.flatMap({ possible.intersection($0) }) else {
            source.line("try buffer.skipTaggedFields()")
            return
        }
        source.line("var tags: UInt32 = try buffer.readUnsignedVarint()")
        try source.block("while tags > 0") { source throws(DefinitionError) in
            source.line("tags -= 1")
            source.line("let field: TaggedField = try buffer.readTaggedField()")
            source.line("switch field.tag {")
            for (field, versions, range) in tagged {
                let condition = range.condition(within: flexible).map { " where \($0)" } ?? ""
                source.line("case \(field.tag ?? 0)\(condition):")
                try source.indented { source throws(DefinitionError) in
                    emitRead(field, versions: versions, within: range, into: &source)
                }
            }
            source.line("default:")
            source.line("    buffer.moveReaderIndex(to: field.end)")
            source.line("}")
            source.line("try buffer.finish(field)")
        }
    }

    private func expression(_ type: FieldType, compact: String, nullable: String) -> String {
        switch type {
        case .bool: return "try buffer.readBool()"
        case .int8: return "try buffer.readInt8()"
        case .int16: return "try buffer.readInt16()"
        case .uint16: return "try buffer.readUInt16()"
        case .int32: return "try buffer.readInt32()"
        case .uint32: return "try buffer.readUInt32()"
        case .int64: return "try buffer.readInt64()"
        case .float64: return "try buffer.readFloat64()"
        case .uuid: return "try buffer.readUUID()"
        case .errorCode: return "ErrorCode(rawValue: try buffer.readInt16())"
        case .apiKey: return "ApiKey(rawValue: try buffer.readInt16())"
        case .string: return "try buffer.read\(nullable)String(flexible: \(compact))"
        case .bytes, .records: return "try buffer.read\(nullable)Bytes(flexible: \(compact))"
        case .structure(let name):
            guard nullable.isEmpty else { return "try buffer.readNullable(\(name).self, version: version)" }
            return "try \(name).read(from: &buffer, version: version)"
        case .array(.structure(let name)):
            return "try buffer.read\(nullable)Array(of: \(name).self, version: version, flexible: \(compact))"
        case .array(let element):
            return "try buffer.read\(nullable)Array(of: \(SwiftNames.type(element)).self, flexible: \(compact))"
        }
    }
}
