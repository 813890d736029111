/// Writes the tests' table: every message's type beside its schema text, from which tests encode on their own.
struct SchemaTableEmitter {
    let messages: [MessageDefinition]

    func source() throws(DefinitionError) -> String {
        var source = SourceText()
        source.line("import KafkaWire")
        source.line()
        source.line("/// Every generated message and its definition, as `SchemaText` of the generator writes it.")
        source.line("let generatedMessages: [(type: any KafkaMessage.Type, schema: String)] = [")
        for message in messages {
            source.line("    (\(message.name).self, #\"\(try SchemaText(message: message).line())\"#),")
        }
        source.line("]")
        source.line()
        source.line("/// Every struct that is an element or a part of a message.")
        source.line("let generatedStructs: [any WireStruct.Type] = [")
        for message in messages {
            for (structure, _) in message.structs().dropFirst() {
                source.line("    \(message.name).\(structure.name).self,")
            }
        }
        source.line("]")
        return source.text
    }
}
