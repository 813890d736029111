import ObjectStore
import Testing

@Suite("Structural schemas")
struct StructuralSchemaTests {
    private func schema(_ spec: JSONValue) throws -> StructuralSchema {
        try StructuralSchema(parsing: ["type": "object", "properties": ["spec": spec]])
    }

    private func object(_ spec: JSONValue?) -> Object {
        var object = Object(
            apiVersion: "example.com/v1", kind: "Widget", metadata: ObjectMetadata(name: "a", namespace: "default"))
        object.spec = spec
        return object
    }

    @Test(
        "a value is checked, and the message says what is wrong",
        arguments: [
            (["type": "string"], "a", nil), (["type": "string"], 1, "must be a string, not 1"),
            (["type": "string"], nil, "must be a string, not null"), (["type": "string", "nullable": true], nil, nil),
            (["type": "integer"], 1, nil), (["type": "integer"], .number(2), nil),
            (["type": "integer"], 1.5, "must be a whole number, not 1.5"), (["type": "number"], 1, nil),
            (["type": "number"], "1", "must be a number, not \"1\""), (["type": "boolean"], true, nil),
            (["type": "boolean"], "true", "must be true or false, not \"true\""),
            (["type": "object"], [], "must be an object, not an array of 0"),
            (["type": "array", "items": ["type": "string"]], [:], "must be an array, not an object of 0 members"),
            (["x-kubernetes-int-or-string": true], 1, nil), (["x-kubernetes-int-or-string": true], "80%", nil),
            (["x-kubernetes-int-or-string": true], 1.5, "must be a whole number or a string, not 1.5"),
            (
                ["x-kubernetes-int-or-string": true, "anyOf": [["type": "integer"], ["type": "string"]]], "a", nil
            ), (["x-kubernetes-preserve-unknown-fields": true], [1, nil], nil),
            (["type": "string", "enum": ["a", "b"]], "b", nil),
            (["type": "string", "enum": ["a", "b"]], "c", "must be one of a, b, not \"c\""),
            (["type": "integer", "enum": [1]], .number(1), nil), (["type": "integer", "minimum": 1], 1, nil),
            (["type": "integer", "minimum": 1], 0, "is 0, must be 1 at least"),
            (["type": "integer", "maximum": 5], 6, "is 6, must be 5 at most"),
            (["type": "number", "minimum": 1, "exclusiveMinimum": true], 1, "is 1, must be above 1"),
            (["type": "number", "maximum": 1.5, "exclusiveMaximum": true], 1.5, "is 1.5, must be below 1.5"),
            (["type": "number", "maximum": 1.5, "exclusiveMaximum": true], 1.4, nil),
            (["type": "integer", "multipleOf": 5], 10, nil),
            (["type": "integer", "multipleOf": 5], 11, "is 11, must be a multiple of 5"),
            (["type": "string", "minLength": 2], "é", "has 1 characters, must have 2 at least"),
            (["type": "string", "maxLength": 1], "é", nil),
            (["type": "string", "maxLength": 1], "ab", "has 2 characters, must have 1 at most"),
            (["type": "string", "pattern": "^[a-z]+$"], "ab", nil),
            (["type": "string", "pattern": "^[a-z]+$"], "aB", "is \"aB\", must match '^[a-z]+$'"),
            (
                ["type": "array", "items": ["type": "string"], "minItems": 1], [],
                "has 0 elements, must have 1 at least"
            ),
            (
                ["type": "array", "items": ["type": "string"], "maxItems": 1], ["a", "b"],
                "has 2 elements, must have 1 at most"
            ),
            (["type": "object", "minProperties": 1], [:], "has 0 members, must have 1 at least"),
            (["type": "object", "maxProperties": 0], ["a": 1], "has 1 members, must have 0 at most"),
            (["type": "integer", "format": "int32"], .integer(1 << 31), "is 2147483648, must fit 32 bits"),
            (["type": "integer", "format": "int64"], .integer(.max), nil),
            (["type": "string", "format": "date-time"], "2026-11-21T15:30:00Z", nil),
            (["type": "string", "format": "date-time"], "today", "must be a time like 2026-11-21T15:30:00Z"),
            (["type": "string", "format": "date"], "2026-02-30", "must be a day like 2026-11-21"),
            (["type": "string", "format": "uuid"], "5f8b8f0e-5d1c-4a53-9d0c-0f6d5a6ad3c1", nil),
            (["type": "string", "format": "uuid"], "x", "must be a UUID"),
            (["type": "string", "format": "hint"], "x", nil),
            (["type": "integer", "not": ["enum": [0]]], 0, "must not be so (see 'not' in the schema)"),
            (
                ["type": "integer", "anyOf": [["minimum": 10], ["maximum": 0]]], 5,
                "must fit one of 2 alternatives at least"
            ),
            (["type": "integer", "anyOf": [["minimum": 10], ["maximum": 0]]], 0, nil),
            (["type": "integer", "oneOf": [["minimum": 1], ["minimum": 2]]], 1, nil),
            (
                ["type": "integer", "oneOf": [["minimum": 1], ["minimum": 2]]], 3,
                "must fit exactly one of 2 alternatives, not 2"
            ),
            (["type": "integer", "allOf": [["minimum": 1], ["maximum": 2]]], 3, "is 3, must be 2 at most"),
            (
                [
                    "type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true,
                ],
                ["apiVersion": "v1"], "holds no object of a kind: kind: is missing"
            ),
            (
                [
                    "type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true,
                ],
                ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"]], nil
            ),
        ] as [(JSONValue, JSONValue, String?)])
    func values(spec: JSONValue, value: JSONValue, message: String?) throws {
        let problems = try schema(spec).problems(in: object(value))
        #expect(problems == (message.map { [.init("spec", $0)] } ?? []))
    }

    @Test("every field that is wrong is named with its path, in order")
    func paths() throws {
        let schema = try schema([
            "type": "object", "required": ["name", "rules"],
            "properties": [
                "name": ["type": "string"],
                "rules": [
                    "type": "array",
                    "items": [
                        "type": "object", "required": ["name"],
                        "properties": ["name": ["type": "string"], "port": ["type": "integer", "minimum": 1]],
                    ],
                ],
                "labels": ["type": "object", "additionalProperties": ["type": "string"]],
                "tags": ["type": "array", "uniqueItems": true, "items": ["type": "integer"]],
                "ports": [
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                    "items": [
                        "type": "object", "properties": ["port": ["type": "integer"], "to": ["type": "string"]],
                    ],
                ],
            ],
        ])
        let problems = schema.problems(
            in: object([
                "rules": [["name": "a", "port": 1], ["name": "b"], ["port": 0], 7], "labels": ["a.b/c": 1, "ok": "x"],
                "tags": [1, 2, .number(1)], "ports": [["port": 1, "to": "a"], ["port": 1, "to": "b"]],
            ]))
        #expect(
            problems.map(\.description) == [
                "spec.labels['a.b/c']: must be a string, not 1", "spec.name: is missing",
                "spec.ports[1]: is the same as element 0", "spec.rules[2].name: is missing",
                "spec.rules[2].port: is 0, must be 1 at least", "spec.rules[3]: must be an object, not 7",
                "spec.tags[2]: is the same as element 0",
            ])
    }

    @Test("members of the object itself are checked, and so are names where the schema says")
    func root() throws {
        let schema = try StructuralSchema(parsing: [
            "type": "object", "required": ["spec", "metadata", "kind"],
            "properties": [
                "apiVersion": ["type": "string"], "kind": ["type": "string"],
                "metadata": ["type": "object", "properties": ["name": ["type": "string", "maxLength": 3]]],
                "spec": ["type": "object"],
            ],
        ])
        var wrong = object(nil)
        wrong.metadata.name = "long"
        #expect(
            schema.problems(in: wrong).map(\.description) == [
                "metadata.name: has 4 characters, must have 3 at most", "spec: is missing",
            ])
        #expect(schema.problems(in: object([:])).isEmpty)
    }

    @Test("at most 32 errors are told")
    func manyErrors() throws {
        let schema = try schema(["type": "array", "items": ["type": "string"]])
        let elements = JSONValue.array((0..<1_000).map { .integer($0) })
        #expect(schema.problems(in: object(elements)).count == 32)
    }

    @Test("defaults are filled in where something is missing, at every level")
    func defaulting() throws {
        let schema = try schema([
            "type": "object", "default": [:],
            "properties": [
                "size": ["type": "integer", "default": 3],
                "free": ["type": "string", "nullable": true, "default": "x"],
                "deep": [
                    "type": "object", "default": ["b": 2],
                    "properties": [
                        "a": ["type": "integer", "default": 1], "b": ["type": "integer"],
                    ],
                ],
                "list": [
                    "type": "array",
                    "items": ["type": "object", "properties": ["on": ["type": "boolean", "default": true]]],
                ],
                "map": [
                    "type": "object",
                    "additionalProperties": [
                        "type": "object", "properties": ["n": ["type": "integer", "default": 0]],
                    ],
                ],
            ],
        ])
        #expect(schema.defaulted(object(nil)).spec == ["size": 3, "free": "x", "deep": ["a": 1, "b": 2]])
        #expect(
            schema.defaulted(
                object(["size": nil, "free": nil, "deep": [:], "list": [[:], ["on": false]], "map": ["k": [:]]])
            ).spec == [
                "size": 3, "free": nil, "deep": ["a": 1], "list": [["on": true], ["on": false]], "map": ["k": ["n": 0]],
            ])
        let complete = schema.defaulted(object(nil))
        #expect(schema.defaulted(complete) == complete)
        #expect(schema.problems(in: complete).isEmpty)
    }

    @Test("members that are not named are removed, unless the schema keeps them")
    func pruning() throws {
        let schema = try schema([
            "type": "object",
            "properties": [
                "a": ["type": "integer"],
                "kept": [
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "properties": ["inner": ["type": "object", "properties": ["x": ["type": "integer"]]]],
                ],
                "any": ["type": "object", "additionalProperties": true],
                "map": [
                    "type": "object",
                    "additionalProperties": ["type": "object", "properties": ["n": ["type": "integer"]]],
                ],
                "list": ["type": "array", "items": ["type": "object", "properties": ["n": ["type": "integer"]]]],
                "object": [
                    "type": "object", "x-kubernetes-embedded-resource": true,
                    "properties": ["spec": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
                ],
            ],
        ])
        let embedded: JSONValue = ["apiVersion": "v1", "kind": "A", "metadata": ["name": "x"], "spec": ["q": 1]]
        var full = object([
            "a": 1, "b": 2, "kept": ["z": 1, "inner": ["x": 1, "y": 2]], "any": ["p": ["q": 1]],
            "map": ["k": ["n": 1, "m": 2]], "list": [["n": 1], ["m": 2]], "object": embedded,
        ])
        full.content["extra"] = 1
        full.metadata.other["managedFields"] = []
        full.metadata.labels = ["a": "b"]
        #expect(
            schema.unknownFields(in: full) == [
                "extra", "spec.b", "spec.kept.inner.y", "spec.list[1].m", "spec.map.k.m",
            ])
        let pruned = schema.pruned(full)
        #expect(
            pruned.spec == [
                "a": 1, "kept": ["z": 1, "inner": ["x": 1]], "any": ["p": ["q": 1]], "map": ["k": ["n": 1]],
                "list": [["n": 1], [:]], "object": embedded,
            ])
        #expect(pruned.content["extra"] == nil)
        #expect(pruned.metadata == full.metadata, "metadata is never pruned")
        #expect(schema.pruned(pruned) == pruned)
        #expect(schema.unknownFields(in: pruned) == [])
    }

    @Test(
        "a schema that is not structural is refused, and the place is named",
        arguments: [
            ([:], "properties.spec.type", "is missing"), ("x", "properties.spec", "must be a schema"),
            (["type": "text"], "properties.spec.type", "not \"text\""),
            (["type": "array"], "properties.spec.items", "is missing"),
            (["type": "array", "items": [:]], "properties.spec.items.type", "is missing"),
            (["type": "string", "properties": [:]], "properties.spec.type", "has properties"),
            (["type": "object", "items": ["type": "string"]], "properties.spec.type", "has items"),
            (
                ["type": "object", "properties": [:], "additionalProperties": ["type": "string"]],
                "properties.spec.additionalProperties", "beside 'properties'"
            ),
            (
                ["type": "object", "additionalProperties": false], "properties.spec.additionalProperties",
                "cannot be false"
            ),
            (["type": "string", "x-kubernetes-int-or-string": true], "properties.spec.type", "must be missing"),
            (["type": "string", "$ref": "#/a"], "properties.spec.$ref", "is not allowed"),
            (["type": "string", "minLenght": 1], "properties.spec.minLenght", "is not known"),
            (["type": "string", "pattern": "("], "properties.spec.pattern", "is no regular expression"),
            (["type": "string", "enum": []], "properties.spec.enum", "must be an array"),
            (["type": "string", "minLength": -1], "properties.spec.minLength", "must be a whole number"),
            (["type": "integer", "default": "x"], "properties.spec.default", "must be a whole number"),
            (["type": "integer", "minimum": 1, "default": 0], "properties.spec.default", "1 at least"),
            (["type": "object", "default": ["a": 1]], "properties.spec.default", "does not name"),
            (["type": "integer", "anyOf": [["type": "integer"]]], "properties.spec.anyOf[0].type", "outside of"),
            (["type": "integer", "allOf": [["default": 1]]], "properties.spec.allOf[0].default", "outside of"),
            (["type": "integer", "not": 1], "properties.spec.not", "must be a schema"),
            (
                ["type": "object", "x-kubernetes-validations": []], "properties.spec.x-kubernetes-validations",
                "not supported"
            ),
            (
                ["type": "array", "items": ["type": "object"], "x-kubernetes-list-type": "map"],
                "properties.spec.x-kubernetes-list-map-keys", "is missing"
            ),
            (["type": "object", "required": "a"], "properties.spec.required", "array of strings"),
        ] as [(JSONValue, String, String)])
    func notStructural(spec: JSONValue, field: String, message: String) {
        let error = #expect(throws: ObjectError.self) { try schema(spec) }
        #expect(error?.reason == .invalid)
        let cause = error?.causes.first { $0.field == field }
        #expect(cause?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("the root of a schema is an object, and leaves metadata alone")
    func rootRules() {
        for json: JSONValue in [
            ["type": "string"], [], ["type": "object", "properties": ["metadata": ["type": "string"]]],
            ["type": "object", "properties": ["kind": ["type": "integer"]]],
            [
                "type": "object",
                "properties": [
                    "metadata": ["type": "object", "properties": ["name": ["type": "string", "default": "a"]]]
                ],
            ],
        ] {
            #expect(throws: ObjectError.self, "\(json.text)") { try StructuralSchema(parsing: json) }
        }
    }
}
