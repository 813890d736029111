import ObjectStore

/// What the back end keeps: a text by key.
struct Item: Resource {
    static let definition = KindDefinition("example.com/v1", "Item")

    struct Spec: Codable, Sendable {
        var value: String
    }

    var metadata: ObjectMetadata
    var spec: Spec

    init(_ key: String, _ value: String) {
        metadata = ObjectMetadata(name: key)
        spec = Spec(value: value)
    }

    /// Throws a sentence where the database would refuse the key: what is in the cache must be able to get there.
    static func check(key: String) throws {
        guard let problem = ObjectRules.problem(ofName: key, definition.nameRule) else { return }
        throw ObjectError(.badRequest, "the key '\(key)' \(problem)")
    }
}

/// What happened to an item, as WebSocket clients and webhooks are told.
struct ItemChange: Sendable {
    var key: String
    /// Nil: it was deleted.
    var value: String?

    var text: String {
        let change: JSONValue = [
            "type": .string(value == nil ? "deleted" : "changed"), "key": .string(key),
            "value": value.map { .string($0) } ?? .null,
        ]
        return change.text
    }
}
