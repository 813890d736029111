import Logging
import ObjectStore
import Testing
import WeirRuntime
import WeirSimulation

@Suite("The object store in a runtime")
struct ObjectsComponentTests {
    private func runtime() -> Runtime {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        return Runtime(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Waits for the removal of an object.
    private func removal(of key: ObjectKey, _ objects: any ObjectAccess, after version: ResourceVersion) async throws {
        let query = WatchQuery(
            ObjectSelection(
                kind: key.kind, namespace: key.namespace, fields: FieldSelector([.init("metadata.name", key.name)])))
        for try await event in try await objects.watch(query, after: version) where event.change == .deleted { return }
        Issue.record("the watch ended")
    }

    @Test("what an object owns goes after it, and the runtime ends clean", .timeLimit(.minutes(1)))
    func cascade() async throws {
        let runtime = runtime()
        let component = ObjectsComponent(MemoryStorage())
        try runtime.addObjects(component)
        try await runtime.start()
        let objects = try #require(runtime.objects)
        let owner = try await objects.create(Fixture.configMap("owner"))
        var child = Fixture.configMap("child")
        child.metadata.ownerReferences = [Fixture.reference(to: owner)]
        child = try await objects.create(child)
        var grandchild = Fixture.configMap("grandchild")
        grandchild.metadata.ownerReferences = [Fixture.reference(to: child)]
        grandchild = try await objects.create(grandchild)
        _ = try await objects.delete(owner.key, DeleteOptions())
        try await removal(of: grandchild.key, objects, after: grandchild.metadata.resourceVersion ?? .zero)
        let left = try await objects.list(ListQuery(ObjectSelection(kind: owner.objectKind)))
        #expect(left.objects.isEmpty)
        let watch = try await objects.watch(WatchQuery(ObjectSelection()), after: .zero)
        let report = await runtime.shutdown()
        #expect(report.exitCode == 0)
        // What was published is handed out, then the watch is over.
        while try await watch.nextBatch() != nil {}
        await #expect(throws: (any Error).self) { try await objects.get(owner.key) }
    }
}

enum Fixture {
    static func configMap(_ name: String, in namespace: String = "default") -> Object {
        Object(
            apiVersion: "v1", kind: "ConfigMap", metadata: ObjectMetadata(name: name, namespace: namespace),
            content: ["data": ["key": "value"]])
    }

    static func reference(to owner: Object, blocks: Bool? = nil) -> OwnerReference {
        OwnerReference(
            apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid,
            blockOwnerDeletion: blocks)
    }
}
