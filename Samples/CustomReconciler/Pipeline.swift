import ObjectStore

/// A kind of one's own: records that go from one topic to another, and what happens to them on the way.
struct Pipeline: Resource {
    static let definition = KindDefinition(
        "example.com/v1", "Pipeline", shortNames: ["pl"], schema: schema,
        columns: [
            KindDefinition.Column("From", jsonPath: ".spec.from"),
            KindDefinition.Column("To", jsonPath: ".spec.to"),
            KindDefinition.Column("Phase", jsonPath: ".status.phase"),
            KindDefinition.Column("Position", type: "integer", jsonPath: ".status.position"),
        ])

    /// What is refused before anybody stores it.
    private static let schema: StructuralSchema = {
        let topic: JSONValue = ["type": "string", "minLength": 1]
        let json: JSONValue = [
            "type": "object", "required": ["spec"],
            "properties": [
                "spec": [
                    "type": "object", "required": ["from", "to"],
                    "properties": [
                        "from": topic, "to": topic, "containing": ["type": "string"], "uppercase": ["type": "boolean"],
                    ],
                ],
                "status": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
            ],
        ]
        do { return try StructuralSchema(parsing: json) } catch { preconditionFailure("\(error)") }
    }()

    struct Spec: Codable, Sendable {
        /// The topic that is read, and the one that is written; the pipeline makes both, and they go with it.
        var from: String
        var to: String
        /// Only records whose value has this text in it.
        var containing: String?
        /// Whether values are written in capitals.
        var uppercase: Bool?
    }

    struct Status: Codable, Sendable, Hashable {
        /// `Pending`, `Running`, `Failed`.
        var phase: String
        /// The offset in `from` that is looked at next.
        var position: Int64 = 0
        var message: String?
    }

    var metadata: ObjectMetadata
    var spec: Spec
    var status: Status?
}
