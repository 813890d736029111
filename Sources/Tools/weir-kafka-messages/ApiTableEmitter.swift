/// Writes the table of API keys: names, versions, and from where on each is flexible.
struct ApiTableEmitter {
    let requests: [MessageDefinition]

    /// `messages` are all messages; each request needs its response, with the same versions.
    init(messages: [MessageDefinition]) throws(DefinitionError) {
        requests = messages.filter { $0.kind == .request }.sorted { ($0.apiKey ?? 0) < ($1.apiKey ?? 0) }
        for request in requests {
            let response = messages.first { $0.kind == .response && $0.apiKey == request.apiKey }
            guard let response, response.name == request.apiName + "Response",
                response.validVersions == request.validVersions,
                response.flexibleVersions == request.flexibleVersions
            else { throw DefinitionError("\(request.name) needs a response of the same versions") }
        }
    }

    func source() throws(DefinitionError) -> String {
        var source = SourceText()
        try source.block("extension ApiKey") { source throws(DefinitionError) in
            for request in requests {
                let key = request.apiKey ?? 0
                let valid = request.validVersions.text
                source.line("/// \(request.apiName), key \(key): versions \(valid) can be read and written.")
                let name = SwiftNames.lowerCamelCase(request.apiName)
                source.line("public static var \(name): ApiKey { ApiKey(rawValue: \(key)) }")
            }
            source.line()
            source.line("/// Every API whose messages this module has, by key.")
            try source.block("public static var all: [ApiKey]") { source throws(DefinitionError) in
                source.line("let keys: [Int16] = [")
                for request in requests { source.line("    \(request.apiKey ?? 0),") }
                source.line("]")
                source.line("return keys.map { ApiKey(rawValue: $0) }")
            }
            source.line()
            source.line("/// The name that Kafka's documentation uses; nil for a key without messages here.")
            try emitSwitch("public var knownName: String?", into: &source) { "\"\($0.apiName)\"" }
            source.line()
            source.line("/// The versions of the request and the response; nil for a key without messages here.")
            try emitSwitch("public var validVersions: ClosedRange<Int16>?", into: &source) {
                "\($0.validVersions.lowest)...\($0.validVersions.highest)"
            }
            source.line()
            source.line("/// The version from which on request and response are flexible; nil when none is.")
            try emitSwitch("public var firstFlexibleVersion: Int16?", into: &source) {
                $0.flexibleVersions.map { "\($0.lowest)" } ?? "nil"
            }
        }
        return source.text
    }

    private func emitSwitch(
        _ declaration: String, into source: inout SourceText, value: (MessageDefinition) -> String
    ) throws(DefinitionError) {
        try source.block(declaration) { source throws(DefinitionError) in
            try source.block("switch rawValue") { source throws(DefinitionError) in
                for request in requests { source.line("case \(request.apiKey ?? 0): \(value(request))") }
                source.line("default: nil")
            }
        }
    }
}
