import ObjectStore
import Testing
import WeirSimulation

@Suite("Patches of JSON")
struct JSONPatchTests {
    /// RFC 7396, appendix A.
    @Test(
        "a merge patch does what the table of RFC 7396 says",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#), (#"{"e":null}"#, #"{"a":1}"#, #"{"a":1,"e":null}"#),
            ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ])
    func merge(document: String, patch: String, result: String) throws {
        let merged = try JSONValue(parsing: document).merged(with: try JSONValue(parsing: patch))
        #expect(merged.text == result)
    }

    /// RFC 6902, appendix A, and what json-patch-tests adds to it; no result: refused.
    @Test(
        "a JSON patch does what RFC 6902 says",
        arguments: [
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"baz":"qux","foo":"bar"}"#),
            (#"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"q"}]"#, #"{"foo":["bar","q","baz"]}"#),
            (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
            (#"{"foo":["bar","q","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
            (#"{"baz":"qux"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#, #"{"baz":"boo"}"#),
            (
                #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
            ),
            (
                #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                #"{"foo":["all","cows","eat","grass"]}"#
            ),
            (
                #"{"baz":"qux","foo":["a",2,"c"]}"#,
                #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
                #"{"baz":"qux","foo":["a",2,"c"]}"#
            ), (#"{"baz":"qux"}"#, #"[{"op":"test","path":"/baz","value":"bar"}]"#, nil),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                #"{"child":{"grandchild":{}},"foo":"bar"}"#
            ),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
                #"{"baz":"qux","foo":"bar"}"#
            ),
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, nil),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#, #"{"/":9,"~1":10}"#),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":"10"}]"#, nil),
            (#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, #"{"foo":["bar",["abc"]]}"#),
            (#"{"a":1}"#, #"[{"op":"add","path":"","value":[1]}]"#, "[1]"),
            (#"{"a":1}"#, #"[{"op":"replace","path":"","value":2}]"#, "2"),
            (#"{"a":1}"#, #"[{"op":"test","path":"","value":{"a":1.0}}]"#, #"{"a":1}"#),
            (#"{"a":null}"#, #"[{"op":"test","path":"/a","value":null}]"#, #"{"a":null}"#),
            ("{}", #"[{"op":"test","path":"/a","value":null}]"#, nil),
            (#"{"a":1}"#, #"[{"op":"add","path":"/a","value":null}]"#, #"{"a":null}"#),
            ("[1]", #"[{"op":"add","path":"/1","value":2}]"#, "[1,2]"),
            ("[1]", #"[{"op":"add","path":"/2","value":2}]"#, nil),
            ("[1,2]", #"[{"op":"add","path":"/01","value":2}]"#, nil),
            ("[1,2]", #"[{"op":"add","path":"/1e0","value":2}]"#, nil),
            ("[1,2]", #"[{"op":"add","path":"/-1","value":2}]"#, nil), ("[1]", #"[{"op":"remove","path":"/-"}]"#, nil),
            ("[1]", #"[{"op":"remove","path":"/1"}]"#, nil), ("[1]", #"[{"op":"replace","path":"/1","value":0}]"#, nil),
            ("{}", #"[{"op":"remove","path":"/a"}]"#, nil), ("{}", #"[{"op":"replace","path":"/a","value":1}]"#, nil),
            ("{}", #"[{"op":"remove","path":""}]"#, nil),
            (#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a/b"}]"#, nil),
            (#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a"}]"#, #"{"a":{"b":1}}"#),
            (#"{"a":{"b":1}}"#, #"[{"op":"copy","from":"/a","path":"/a/c"}]"#, #"{"a":{"b":1,"c":{"b":1}}}"#),
            (#"{"a":1}"#, #"[{"op":"copy","from":"/x","path":"/y"}]"#, nil),
            (#"{"a":1}"#, #"[{"op":"move","from":"/x","path":"/y"}]"#, nil),
            (#"{"":1}"#, #"[{"op":"replace","path":"/","value":2}]"#, #"{"":2}"#),
            (#"{"a":[[1],[2]]}"#, #"[{"op":"replace","path":"/a/1/0","value":9}]"#, #"{"a":[[1],[9]]}"#),
            (#"{"a":1}"#, #"[{"op":"add","path":"/a/b","value":2}]"#, nil), ("{}", "[]", "{}"),
            (#"{"a":1}"#, #"[{"op":"remove","path":"/a"},{"op":"test","path":"/a","value":1}]"#, nil),
        ] as [(String, String, String?)])
    func operations(document: String, patch: String, result: String?) throws {
        let document = try JSONValue(parsing: document)
        let patch = try JSONPatch(try JSONValue(parsing: patch))
        if let result {
            #expect(try patch.applied(to: document).text == result)
        } else {
            let error = #expect(throws: ObjectError.self) { try patch.applied(to: document) }
            #expect(error?.reason == .invalid)
        }
    }

    @Test(
        "a malformed JSON patch says which operation",
        arguments: [
            (#"{"op":"add"}"#, "is an array"), ("[1]", "operation 0"), (#"[{"path":"/a"}]"#, "'op' must be"),
            (#"[{"op":"spam","path":"/a"}]"#, "no 'spam'"), (#"[{"op":"add","value":1}]"#, "'path' must be"),
            (#"[{"op":"add","path":"/a"}]"#, "'value' is missing"),
            (#"[{"op":"test","path":"","value":1},{"op":"copy","path":"/a"}]"#, "operation 1 of the patch: 'from'"),
            (#"[{"op":"add","path":"a","value":1}]"#, "JSON pointer"),
            (#"[{"op":"add","path":"/~2","value":1}]"#, "JSON pointer"),
            (#"[{"op":"add","path":"/a~","value":1}]"#, "JSON pointer"),
        ])
    func malformed(patch: String, message: String) throws {
        let json = try JSONValue(parsing: patch)
        let error = #expect(throws: ObjectError.self) { try JSONPatch(json) }
        #expect(error?.reason == .badRequest)
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }

    @Test("an operation that cannot be made names itself and its place")
    func refusal() throws {
        let patch = JSONPatch([
            .add(try #require(JSONPointer("/a")), 1), .test(try #require(JSONPointer("/spec/a~1b")), "new"),
        ])
        let error = #expect(throws: ObjectError.self) { try patch.applied(to: ["spec": ["a/b": "old"]]) }
        #expect(
            error?.message
                == "the patch was not made: operation 1 (test) at /spec/a~1b: is \"old\", not \"new\"")
        #expect(error?.causes == [.init("/spec/a~1b", "is \"old\", not \"new\"")])
    }

    @Test("copies of copies end")
    func copies() throws {
        let copy = JSONPatch.Operation.copy(
            from: try #require(JSONPointer("/a")), to: try #require(JSONPointer("/a/-")))
        let error = #expect(throws: ObjectError.self) {
            try JSONPatch(Array(repeating: copy, count: 60)).applied(to: ["a": [1]])
        }
        #expect(error?.message.contains("would be copied") == true)
        let many = JSONValue.array(Array(repeating: ["op": "test", "path": "", "value": 1], count: 10_001))
        #expect(throws: ObjectError.self) { try JSONPatch(many) }
    }

    @Test("pointers are written as they were read")
    func pointers() throws {
        for text in ["", "/", "/a/b", "/a~1b/~0", "//", "/~01"] {
            #expect(try #require(JSONPointer(text)).description == text)
        }
        #expect(JSONPointer("/~01")?.steps == ["~1"])
        #expect((["a": [["b": 5]]] as JSONValue)[try #require(JSONPointer("/a/0/b"))] == 5)
    }
}

@Suite("Patches of objects")
struct ObjectPatchTests {
    private func stored() throws -> Object {
        try Object([
            "apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": [
                "name": "a", "namespace": "default", "uid": "u", "resourceVersion": "5", "generation": 2,
                "labels": ["theirs": "1"],
            ],
            "spec": ["size": 1, "colour": "red"], "status": ["phase": "Ready"],
        ])
    }

    @Test("a patch of the main part leaves the status, and one of the status all else")
    func parts() throws {
        let patch = ObjectPatch.merge([
            "metadata": ["labels": ["b": "c"]], "spec": ["size": 2], "status": ["phase": "Bad"],
        ])
        let main = try patch.applied(to: try stored(), .main)
        #expect(main.spec == ["size": 2, "colour": "red"])
        #expect(main.metadata.labels == ["theirs": "1", "b": "c"])
        #expect(main.status == ["phase": "Ready"])
        let status = try patch.applied(to: try stored(), .status)
        var wanted = try stored()
        wanted.status = ["phase": "Bad"]
        #expect(status == wanted)
    }

    @Test("a resource version of the patch is kept for the check")
    func versions() throws {
        let patch = ObjectPatch.merge(["metadata": ["resourceVersion": "4"]])
        #expect(try patch.applied(to: try stored(), .main).metadata.resourceVersion == ResourceVersion(4))
        #expect(try patch.applied(to: try stored(), .status).metadata.resourceVersion == ResourceVersion(4))
        let test = ObjectPatch.json([["op": "test", "path": "/metadata/resourceVersion", "value": "4"]])
        let error = #expect(throws: ObjectError.self) { try test.applied(to: try stored(), .main) }
        #expect(error?.reason == .invalid)
    }

    @Test(
        "a patch cannot make another object of it, or none",
        arguments: [
            (.merge(["metadata": ["name": "b"]]), "metadata.name"), (.merge(["kind": "Gadget"]), "kind"),
            (.merge(["apiVersion": "v1"]), "apiVersion"), (.merge(["metadata": nil]), "metadata.name"),
            (.json([["op": "replace", "path": "/metadata/namespace", "value": "x"]]), "metadata.namespace"),
            (.merge(["kind": nil]), "kind"), (.merge(["metadata": ["labels": ["a": 1]]]), "metadata.labels['a']"),
            (.merge([1]), nil), (.json([:]), nil),
        ] as [(ObjectPatch, String?)])
    func identity(patch: ObjectPatch, field: String?) throws {
        let error = #expect(throws: ObjectError.self) { try patch.applied(to: try stored(), .main) }
        #expect(error?.reason == .badRequest)
        #expect(error?.causes.first?.field == field)
    }

    @Test("a patch cannot nest deeper than what is read")
    func depth() throws {
        var deep = JSONValue.integer(1)
        for _ in 0..<127 { deep = [deep] }
        let error = #expect(throws: ObjectError.self) {
            try ObjectPatch.merge(["spec": ["x": deep]]).applied(to: try stored(), .main)
        }
        #expect(error?.message.contains("128 levels") == true)
    }

    private func wish(_ spec: JSONValue, labels: [String: String] = [:]) -> Object {
        Object(
            apiVersion: "example.com/v1", kind: "Widget",
            metadata: ObjectMetadata(name: "a", namespace: "default", labels: labels), content: ["spec": spec])
    }

    @Test("an apply sets what it wants, and removes only what the last one wanted")
    func apply() throws {
        let first = try ObjectPatch.apply(
            wish(["size": 2, "tags": [1, 2], "deep": ["a": 1, "b": 2]], labels: ["x": "1"])
        )
        .applied(to: try stored(), .main)
        #expect(first.spec == ["size": 2, "colour": "red", "tags": [1, 2], "deep": ["a": 1, "b": 2]])
        #expect(first.metadata.labels == ["theirs": "1", "x": "1"])
        #expect(first.status == ["phase": "Ready"])
        #expect(first.metadata.resourceVersion == ResourceVersion(5), "nothing was said about the version")

        var changed = first
        changed.spec?["deep"]?["theirs"] = true
        let second = try ObjectPatch.apply(wish(["size": 3, "tags": [3]])).applied(to: changed, .main)
        #expect(second.spec == ["size": 3, "colour": "red", "tags": [3], "deep": ["theirs": true]])
        #expect(second.metadata.labels == ["theirs": "1"])
        #expect(second.metadata.annotations.keys.sorted() == [Object.lastAppliedAnnotation])

        let third = try ObjectPatch.apply(wish(["deep": ["a": 1]], labels: ["x": "1"])).applied(to: first, .main)
        #expect(third.spec == ["colour": "red", "deep": ["a": 1]])
        let fourth = try ObjectPatch.apply(wish([:])).applied(to: third, .main)
        #expect(fourth.spec == ["colour": "red"], "what has no members left goes")

        let again = try ObjectPatch.apply(wish(["size": 3, "tags": [3]])).applied(to: second, .main)
        #expect(again == second, "the same wish changes nothing")
    }

    @Test("a first apply creates what later ones can take back")
    func firstApply() throws {
        let created = wish(["size": 1, "colour": "blue"]).recordingApplied()
        let next = try ObjectPatch.apply(wish(["size": 1])).applied(to: created, .main)
        #expect(next.spec == ["size": 1])
        #expect(
            next.metadata.annotations[Object.lastAppliedAnnotation]
                == wish(["size": 1]).recordingApplied().metadata.annotations[Object.lastAppliedAnnotation])
    }

    @Test("what was read can be applied: its version is checked, and only wishes are recorded")
    func appliedAsRead() throws {
        var read = try stored()
        read.spec?["size"] = 9
        read.metadata.resourceVersion = ResourceVersion(4)
        let result = try ObjectPatch.apply(read).applied(to: try stored(), .main)
        #expect(result.metadata.resourceVersion == ResourceVersion(4))
        #expect(result.metadata.generation == 2)
        let recorded = try JSONValue(parsing: try #require(result.metadata.annotations[Object.lastAppliedAnnotation]))
        #expect(recorded["status"] == nil)
        #expect(recorded["metadata"] == ["name": "a", "namespace": "default", "labels": ["theirs": "1"]])
    }

    @Test("null in a wish removes, a broken annotation names nothing, and a status is set by itself")
    func applyEdges() throws {
        let removed = try ObjectPatch.apply(wish(["colour": nil])).applied(to: try stored(), .main)
        #expect(removed.spec == ["size": 1])
        var broken = try stored()
        broken.metadata.annotations[Object.lastAppliedAnnotation] = "{"
        #expect(try ObjectPatch.apply(wish(["size": 3])).applied(to: broken, .main).spec?["size"] == 3)
        var wanted = wish(["size": 7])
        wanted.status = ["ready": true]
        let status = try ObjectPatch.apply(wanted).applied(to: try stored(), .status)
        var result = try stored()
        result.status = ["phase": "Ready", "ready": true]
        #expect(status == result)
        var other = wish([:])
        other.metadata.name = "b"
        #expect(throws: ObjectError.self) { try ObjectPatch.apply(other).applied(to: try stored(), .main) }
    }
}
