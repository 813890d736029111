import ObjectStore
import Testing

@Suite("Copies of objects")
struct ObjectCopyTests {
    private let original = Object(
        apiVersion: "example.com/v1", kind: "Widget",
        metadata: ObjectMetadata(name: "one", namespace: "default", labels: ["app": "a"]),
        content: ["spec": ["size": 1]])

    @Test("a change of a copy leaves the original as it was, whichever member it is")
    func changes() {
        let before = original.json
        let changes: [(String, (inout Object) -> Void)] = [
            ("apiVersion", { $0.apiVersion = "example.com/v2" }),
            ("kind", { $0.kind = "Gadget" }),
            ("a label", { $0.metadata.labels["app"] = "b" }),
            ("the version", { $0.metadata.resourceVersion = ResourceVersion(7) }),
            ("a member of the spec", { $0.spec?["size"] = 2 }),
            ("the status", { $0.status = ["ready": true] }),
        ]
        for (name, change) in changes {
            var copy = original
            change(&copy)
            #expect(copy != original, "\(name) was not changed")
            #expect(original.json == before, "\(name) of the original was changed")
        }
    }

    @Test("a copy is equal to its original, and so is an object made anew of the same members")
    func equality() throws {
        let copy = original
        let other = try Object(original.json)
        #expect(copy == original)
        #expect(other == original)
        #expect(Set([original, copy, other]).count == 1)
    }
}
