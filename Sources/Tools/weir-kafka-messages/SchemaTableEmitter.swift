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
        return source.text
    }
}
