import ObjectStore
import Testing

@Suite("Rules of metadata")
struct ObjectRulesTests {
    @Test(
        "names follow the rule of their kind",
        arguments: [
            ("a", true, true, true), ("a-b.c-d", true, false, true), ("A", false, false, true),
            ("a_b", false, false, true), ("-a", false, false, true), ("a-", false, false, true),
            ("a..b", false, false, true), ("", false, false, false), (".", false, false, false),
            ("..", false, false, false), ("a/b", false, false, false), ("a%b", false, false, false),
            ("a b", false, false, false), ("0", true, true, true), ("é", false, false, true),
            (String(repeating: "a", count: 63), true, true, true),
            (String(repeating: "a", count: 64), true, false, true),
            (String(repeating: "a", count: 253), true, false, true),
            (String(repeating: "a", count: 254), false, false, false),
        ])
    func names(name: String, subdomain: Bool, label: Bool, segment: Bool) {
        #expect((ObjectRules.problem(ofName: name, .dnsSubdomain) == nil) == subdomain)
        #expect((ObjectRules.problem(ofName: name, .dnsLabel) == nil) == label)
        #expect((ObjectRules.problem(ofName: name, .pathSegment) == nil) == segment)
    }

    @Test(
        "labels have qualified names",
        arguments: [
            ("app", true), ("example.com/app", true), ("App_1.x-y", true), ("a/b/c", false), ("/a", false),
            ("a/", false), ("Example.com/a", false), ("", false), ("-a", false), ("a-", false), ("a b", false),
            (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
        ])
    func labelNames(name: String, isRight: Bool) {
        #expect((ObjectRules.problem(ofLabelName: name) == nil) == isRight)
    }

    @Test("values of labels may be empty, but not just anything")
    func labelValues() {
        for value in ["", "a", "A_b.c-9", String(repeating: "a", count: 63)] {
            #expect(ObjectRules.problem(ofLabelValue: value) == nil, "\(value)")
        }
        for value in ["-", "a b", "a/b", "é", String(repeating: "a", count: 64)] {
            #expect(ObjectRules.problem(ofLabelValue: value) != nil, "\(value)")
        }
    }

    @Test("every field that is wrong is named")
    func fields() {
        var metadata = ObjectMetadata(
            name: "A", namespace: "x.y", labels: ["a/b/c": "v", "ok": "-"],
            annotations: ["": "x", "big": String(repeating: "x", count: 300_000)], finalizers: ["ok", "a b"],
            ownerReferences: [
                OwnerReference(apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "1", controller: true),
                OwnerReference(apiVersion: "", kind: "ConfigMap", name: "a", uid: "2", controller: true),
            ])
        let fields = ObjectRules.metadataProblems(metadata, definition: ConfigMap.definition).map(\.field)
        #expect(
            fields == [
                "metadata.name", "metadata.namespace", "metadata.labels", "metadata.labels['ok']",
                "metadata.annotations", "metadata.annotations", "metadata.finalizers[1]",
                "metadata.ownerReferences[1].apiVersion", "metadata.ownerReferences[1]",
            ])
        metadata = ObjectMetadata(name: "a", namespace: "default")
        #expect(ObjectRules.metadataProblems(metadata, definition: ConfigMap.definition).isEmpty)
        #expect(
            ObjectRules.metadataProblems(metadata, definition: Node.definition).map(\.field) == ["metadata.namespace"])
        metadata = ObjectMetadata()
        #expect(
            ObjectRules.metadataProblems(metadata, definition: ConfigMap.definition).map(\.field)
                == ["metadata.name", "metadata.namespace"])
        let topic = ObjectMetadata(name: "My_Topic", namespace: "default")
        #expect(ObjectRules.metadataProblems(topic, definition: Topic.definition).isEmpty)
    }

    @Test("content that could not be read back is refused")
    func depth() {
        var value = JSONValue.integer(1)
        for _ in 0..<128 { value = [value] }
        var object = Object(
            apiVersion: "v1", kind: "ConfigMap", metadata: ObjectMetadata(name: "a", namespace: "default"),
            content: ["data": value])
        #expect(ObjectRules.problems(object, definition: ConfigMap.definition).map(\.field) == ["data"])
        object.content["data"] = value.arrayValue?[0]
        #expect(ObjectRules.problems(object, definition: ConfigMap.definition).isEmpty)
        #expect(throws: Never.self) { try Object(parsing: object.encoded()) }
    }
}
