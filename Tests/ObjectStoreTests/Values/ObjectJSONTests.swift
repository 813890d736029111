import ObjectStore
import Testing
import WeirSimulation

private struct Gizmo: Resource {
    static let definition = KindDefinition("example.com/v1", "Widget")
    struct Spec: Codable, Sendable, Equatable {
        var size: Int
        var colour: String?
    }
    var metadata: ObjectMetadata
    var spec: Spec
    var status: [String: String]?
}

@Suite("Objects as JSON")
struct ObjectJSONTests {
    static let full: JSONValue = [
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": [
            "name": "a", "generateName": "a-", "namespace": "default", "uid": "u-1", "resourceVersion": "42",
            "generation": 3, "creationTimestamp": "2026-11-21T15:30:00Z",
            "deletionTimestamp": "2026-11-21T15:31:00Z", "labels": ["app": "x"], "annotations": ["note": "y"],
            "finalizers": ["example.com/f"],
            "ownerReferences": [
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u-0", "controller": true,
                    "blockOwnerDeletion": false,
                ]
            ],
            "managedFields": [["manager": "kubectl"]], "selfLink": "/x",
        ],
        "spec": ["size": 1, "unknown": [1]], "status": ["phase": "Ready"], "extra": true,
    ]

    @Test("all of an object is read, and written as it was")
    func roundTrip() throws {
        let object = try Object(Self.full)
        #expect(object.metadata.resourceVersion == ResourceVersion(42))
        #expect(object.metadata.isBeingDeleted)
        #expect(object.metadata.ownerReferences.first?.controller == true)
        #expect(object.metadata.other["selfLink"] == "/x")
        #expect(object.content["extra"] == true)
        #expect(object.json == Self.full)
        #expect(object.encoded() == Self.full.encoded())
        #expect(try Object(parsing: object.encoded()) == object)
    }

    @Test("what is empty is left out, and null is as good as nothing")
    func empty() throws {
        let object = try Object([
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": "a", "creationTimestamp": nil, "labels": nil, "resourceVersion": ""],
        ])
        #expect(object.encoded() == Array(#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#.utf8))
        let bare = try Object(["apiVersion": "v1", "kind": "ConfigMap"])
        #expect(bare.metadata == ObjectMetadata())
        #expect(bare.json["metadata"] == [:])
    }

    @Test("random objects are written as their JSON is, and read back", arguments: 0..<100 as Range<UInt64>)
    func randomObjects(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var values = RandomJSON(random: random.split())
        for _ in 0..<10 {
            var object = Object(
                apiVersion: "v1", kind: values.text() + "K", metadata: ObjectMetadata(name: values.text()),
                content: values.members(depth: 3))
            for name in ["apiVersion", "kind", "metadata"] { object.content[name] = nil }
            if random.chance(0.5) { object.metadata.labels = [values.text(): values.text(), "b": values.text()] }
            if random.chance(0.5) { object.metadata.annotations = [values.text(): values.text()] }
            if random.chance(0.5) { object.metadata.finalizers = [values.text()] }
            if random.chance(0.5) { object.metadata.other = ["zz": values.value(), "aa": values.value()] }
            if random.chance(0.5) { object.metadata.other["namespace "] = values.value() }
            for (name, value) in object.metadata.other where value == .null { object.metadata.other[name] = nil }
            if random.chance(0.5) { object.metadata.generation = Int64.random(in: 1..<99, using: &random) }
            if random.chance(0.5) { object.metadata.resourceVersion = ResourceVersion(random.next()) }
            #expect(object.encoded() == object.json.encoded(), "seed \(seed)")
            #expect(try Object(parsing: object.encoded()) == object, "seed \(seed)")
        }
    }

    @Test(
        "a wrong member is refused with its path",
        arguments: [
            (["metadata", "name"], 1, "metadata.name", "must be a string"),
            (["metadata", "resourceVersion"], 42, "metadata.resourceVersion", "must be a string"),
            (["metadata", "resourceVersion"], "x", "metadata.resourceVersion", "must be a resource version"),
            (["metadata", "generation"], "1", "metadata.generation", "must be a whole number"),
            (["metadata", "creationTimestamp"], "soon", "metadata.creationTimestamp", "must be a time"),
            (["metadata", "labels"], ["a": 1], "metadata.labels['a']", "must be a string"),
            (["metadata", "labels"], [], "metadata.labels", "must be an object"),
            (["metadata", "finalizers"], [1], "metadata.finalizers[0]", "must be a string"),
            (["metadata", "ownerReferences"], [["kind": "A"]], "metadata.ownerReferences[0].apiVersion", "is missing"),
            (["metadata"], [], "metadata", "must be an object"), (["kind"], "", "kind", "is missing"),
            (["apiVersion"], 1, "apiVersion", "must be a string"),
        ] as [([String], JSONValue, String, String)])
    func errors(path: [String], value: JSONValue, field: String, message: String) throws {
        var json = Self.full
        if path.count == 1 { json[path[0]] = value } else { json[path[0]]?[path[1]] = value }
        let error = #expect(throws: ObjectError.self) { try Object(json) }
        #expect(error?.reason == .badRequest)
        #expect(error?.causes.first?.field == field)
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("text that is no object says why")
    func noObject() {
        let error = #expect(throws: ObjectError.self) { try Object(parsing: Array("{\"kind\":}".utf8)) }
        #expect(error?.message == "no JSON at byte 8: a value cannot begin so")
        #expect(throws: ObjectError.self) { try Object([1]) }
    }

    @Test("a typed object has the kind of its type, and comes back as it was")
    func typed() throws {
        var metadata = ObjectMetadata(name: "w", namespace: "default", labels: ["a": "b"])
        metadata.resourceVersion = ResourceVersion(7)
        metadata.other = ["x": 1]
        let widget = Gizmo(metadata: metadata, spec: .init(size: 3), status: ["phase": "Ready"])
        let object = try Object(widget)
        #expect(object.apiVersion == "example.com/v1")
        #expect(object.kind == "Widget")
        #expect(object.metadata == metadata)
        #expect(object.content == ["spec": ["size": 3], "status": ["phase": "Ready"]])
        let again = try object.decoded(as: Gizmo.self)
        #expect(again.metadata == metadata)
        #expect(again.spec == widget.spec)
        #expect(again.status == widget.status)
        #expect(try JSONValueDecoder().decode(Gizmo.self, from: object.json).metadata == metadata)
    }

    @Test("an object that its type cannot have says which field, and another kind is not taken for it")
    func typedErrors() throws {
        var object = try Object(Self.full)
        object.spec?["size"] = "big"
        var error = #expect(throws: ObjectError.self) { try object.decoded(as: Gizmo.self) }
        #expect(error?.reason == .invalid)
        #expect(error?.causes == [.init("spec.size", "must be a whole number")])
        object.spec = nil
        error = #expect(throws: ObjectError.self) { try object.decoded(as: Gizmo.self) }
        #expect(error?.causes == [.init("spec", "is missing")])
        error = #expect(throws: ObjectError.self) { try object.decoded(as: Topic.self) }
        #expect(error?.reason == .badRequest)
    }
}
