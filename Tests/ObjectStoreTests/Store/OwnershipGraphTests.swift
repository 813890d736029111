import Testing

@testable import ObjectStore

@Suite("Who owns whom")
struct OwnershipGraphTests {
    private func object(_ uid: String, owners: [String] = [], blocks: Bool? = nil, finalizers: [String] = []) -> Object
    {
        var object = Fixture.configMap(uid)
        object.metadata.uid = uid
        object.metadata.finalizers = finalizers
        object.metadata.ownerReferences = owners.map {
            OwnerReference(apiVersion: "v1", kind: "ConfigMap", name: $0, uid: $0, blockOwnerDeletion: blocks)
        }
        return object
    }

    private func deleted(_ object: Object) -> Object {
        var object = object
        object.metadata.deletionTimestamp = Timestamp(secondsSince1970: 1)
        return object
    }

    private func items(_ graph: inout OwnershipGraph) -> Set<OwnershipGraph.Item> { Set(graph.next(1_000)) }

    @Test("an object with owners is looked at when it comes, when its owners change, and when one of them goes")
    func dependents() {
        var graph = OwnershipGraph()
        let owner = object("owner")
        graph.observe(owner)
        #expect(graph.isSettled)
        graph.observe(object("child", owners: ["owner"]))
        #expect(items(&graph) == [.dependent("child")])
        graph.observe(object("child", owners: ["owner"]))
        #expect(graph.isSettled, "nothing about its owners changed")
        graph.observe(object("child", owners: ["owner", "other"]))
        #expect(items(&graph) == [.dependent("child")])
        graph.remove(owner)
        #expect(items(&graph) == [.dependent("child")])
        graph.observe(object("child", owners: ["other"]))
        _ = items(&graph)
        graph.remove(owner)
        #expect(graph.isSettled, "it is owned by another one now")
    }

    @Test("a dependent that comes before its owner is known is found when the owner goes")
    func order() {
        var graph = OwnershipGraph()
        graph.observe(object("child", owners: ["owner"]))
        _ = items(&graph)
        graph.remove(object("owner"))
        #expect(items(&graph) == [.dependent("child")])
        graph.remove(object("child", owners: ["owner"]))
        graph.remove(object("owner"))
        #expect(graph.isSettled)
    }

    @Test("an owner that waits is looked at again when a dependent goes, or lets go of it")
    func foreground() {
        var graph = OwnershipGraph()
        let owner = object("owner", finalizers: [Finalizers.foreground])
        graph.observe(object("blocking", owners: ["owner"], blocks: true))
        graph.observe(object("leaving", owners: ["owner"], blocks: true))
        graph.observe(object("free", owners: ["owner"]))
        graph.observe(owner)
        _ = items(&graph)
        graph.observe(deleted(owner))
        #expect(items(&graph) == [.closing("owner")])
        #expect(graph.isBlocked("owner"))
        graph.observe(object("leaving"))
        #expect(items(&graph) == [.closing("owner")])
        #expect(graph.isBlocked("owner"))
        graph.remove(object("blocking", owners: ["owner"], blocks: true))
        #expect(items(&graph).contains(.closing("owner")))
        #expect(!graph.isBlocked("owner"), "one is left, which does not block")
        graph.remove(deleted(owner))
        #expect(items(&graph) == [.dependent("free")])
        #expect(graph.closing("owner") == nil)
    }

    @Test("a namespace that waits is looked at again when something in it goes")
    func contents() {
        var graph = OwnershipGraph()
        var namespace = Object(apiVersion: "v1", kind: "Namespace", metadata: ObjectMetadata(name: "short"))
        namespace.metadata.uid = "n"
        namespace.metadata.finalizers = [Finalizers.contents]
        graph.observe(deleted(namespace))
        #expect(items(&graph) == [.closing("n")])
        graph.remove(Fixture.configMap("a", in: "other"))
        #expect(graph.isSettled)
        graph.remove(Fixture.configMap("a", in: "short"))
        #expect(items(&graph) == [.closing("n")])
    }

    @Test("an object goes when no owner is left that stays")
    func verdicts() {
        typealias State = OwnershipVerdict.OwnerState
        func verdict(_ states: [String: State], hasDependents: Bool = false) -> OwnershipVerdict {
            OwnershipVerdict(
                object("o", owners: states.keys.sorted()), owners: states, hasDependents: hasDependents)
        }
        #expect(verdict([:]) == .keep)
        #expect(verdict(["a": .present]) == .keep)
        #expect(verdict(["a": .absent]) == .delete(.background))
        #expect(verdict(["a": .absent, "b": .present]) == .disown(["a"]))
        #expect(verdict(["a": .waiting, "b": .present]) == .disown(["a"]))
        #expect(verdict(["a": .waiting]) == .delete(.background))
        #expect(verdict(["a": .waiting, "b": .absent], hasDependents: true) == .delete(.foreground))
        #expect(verdict(["a": .absent], hasDependents: true) == .delete(.background))
        let going = deleted(object("o", owners: ["a"]))
        #expect(OwnershipVerdict(going, owners: ["a": .absent], hasDependents: false) == .keep)
    }
}
