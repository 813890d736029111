import Logging
import ObjectStore
import WeirRuntime
import WeirSimulation

extension ObjectStoreContract {
    static let deleting = [
        check("an object without finalizers goes at once") { store, _ in
            let object = try await store.create(Sample.object("one"))
            let watch = EventReader(try await store.watch(WatchQuery(ObjectSelection()), after: object.version))
            let removed = try await store.delete(object.key, DeleteOptions())
            try expect(removed.version > object.version, "the removal has no version of its own")
            try await watch.expect(.deleted, "one", at: removed.version)
            try await expect(.notFound, "get") { try await store.get(object.key) }
            try await expect(.notFound, "a second deletion") { try await store.delete(object.key, DeleteOptions()) }
        },
        check("finalizers hold an object back, and with the last one it goes in the same step") { store, clock in
            var object = Sample.object("one")
            object.metadata.finalizers = ["example.com/a", "example.com/b"]
            object = try await store.create(object)
            let watch = EventReader(try await store.watch(WatchQuery(ObjectSelection()), after: object.version))
            var going = try await store.delete(object.key, DeleteOptions())
            let since = Timestamp(wallMilliseconds: clock.wallMilliseconds)
            try expect(going.metadata.deletionTimestamp, is: since, "the time of the deletion")
            try expect(going.metadata.generation, is: 2, "the generation")
            clock.advance(by: .seconds(5))
            let again = try await store.delete(object.key, DeleteOptions())
            try expect(again, is: going, "the answer to a second deletion")
            going.metadata.finalizers = ["example.com/b"]
            going = try await store.update(going, .main)
            try expect(going.metadata.deletionTimestamp, is: since, "the time after the first finalizer went")
            going.metadata.finalizers = []
            let last = try await store.update(going, .main)
            try await expect(.notFound, "get") { try await store.get(object.key) }
            try await watch.expect(.modified, "one")
            try await watch.expect(.modified, "one")
            try await watch.expect(.deleted, "one", at: last.version)
        },
        check("an object that is to go gets no new finalizers, but may be changed otherwise") { store, _ in
            var object = Sample.object("one", size: 1)
            object.metadata.finalizers = ["example.com/a"]
            object = try await store.create(object)
            let going = try await store.delete(object.key, DeleteOptions())
            var more = going
            more.metadata.finalizers.append("example.com/b")
            let error = try await expect(.invalid, "another finalizer") { try await store.update(more, .main) }
            try expect(error.causes.map(\.field), is: ["metadata.finalizers"], "the fields")
            try expect(try await store.update(going.with(size: 2), .main).size, is: 2, "the size")
            try await expect(.alreadyExists, "a create of the same name") {
                try await store.create(Sample.object("one"))
            }
        },
        check("a patch takes the last finalizer off too") { store, _ in
            var object = Sample.object("one")
            object.metadata.finalizers = ["example.com/a"]
            object = try await store.create(object)
            _ = try await store.delete(object.key, DeleteOptions())
            _ = try await store.patch(object.key, .merge(["metadata": ["finalizers": nil]]), .main)
            try await expect(.notFound, "get") { try await store.get(object.key) }
        },
        check("a deletion of an older version, or of another uid, is a conflict") { store, _ in
            let first = try await store.create(Sample.object("one"))
            let second = try await store.update(first.with(size: 2), .main)
            for preconditions in [Preconditions(resourceVersion: first.version), Preconditions(uid: "other")] {
                try await expect(.conflict, "a deletion if \(preconditions)") {
                    try await store.delete(first.key, DeleteOptions(preconditions: preconditions))
                }
            }
            try expect(try await store.get(first.key), is: second, "the object after them")
        },
        check("of those who create, change and delete one object at once, each step is whole") { store, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    group.addTask {
                        for round in 0..<20 { try await race(store, writer, round) }
                    }
                }
                try await group.waitForAll()
            }
        },
    ]

    private static func race(_ store: ObjectStore, _ writer: Int, _ round: Int) async throws {
        let key = Sample.key("raced")
        do {
            switch (writer + round) % 3 {
            case 0: _ = try await store.create(Sample.object("raced", uid: "", size: Int64(round)))
            case 1: _ = try await store.patch(key, .merge(["spec": ["size": .integer(Int64(round))]]), .main)
            default: _ = try await store.delete(key, DeleteOptions())
            }
        } catch let error as ObjectError where error.reason == .notFound || error.reason == .alreadyExists {
            return
        }
    }

    // MARK: The collector

    static let collecting = [
        collected("what an object owns goes after it, however deep") { objects in
            let owner = try await objects.create(Sample.object("owner", uid: ""))
            var last = owner
            for depth in 0..<4 { last = try await objects.create(owned("child-\(depth)", by: [last])) }
            _ = try await objects.delete(owner.key, DeleteOptions())
            try await objects.waitForRemoval(of: last)
            try expect(try await objects.list(ListQuery(ObjectSelection())).objects, is: [], "what is left")
        },
        collected("an object stays as long as one of its owners does") { objects in
            let one = try await objects.create(Sample.object("one", uid: ""))
            let two = try await objects.create(Sample.object("two", uid: ""))
            let child = try await objects.create(owned("child", by: [one, two]))
            _ = try await objects.delete(one.key, DeleteOptions())
            let watch = EventReader(
                try await objects.watch(WatchQuery(ObjectSelection(namePrefix: "child")), after: child.version))
            let disowned = try await watch.expect(.modified, "child")
            try expect(disowned.metadata.ownerReferences.map(\.name), is: ["two"], "the owners that are left")
            _ = try await objects.delete(two.key, DeleteOptions())
            try await watch.expect(.deleted, "child")
        },
        collected("an object whose owner never was, or is another one of that name, goes") { objects in
            let owner = try await objects.create(Sample.object("owner", uid: ""))
            var ghost = owner
            ghost.metadata.uid = "11111111-2222-4333-8444-555555555555"
            let child = try await objects.create(owned("child", by: [ghost]))
            try await objects.waitForRemoval(of: child)
            try expect(try await objects.get(owner.key), is: owner, "the other one of that name")
        },
        collected("in the foreground an owner goes after those that block it") { objects in
            let owner = try await objects.create(Sample.object("owner", uid: ""))
            var child = owned("child", by: [owner], blocks: true)
            child.metadata.finalizers = ["example.com/a"]
            child = try await objects.create(child)
            let watch = EventReader(try await objects.watch(WatchQuery(ObjectSelection()), after: child.version))
            _ = try await objects.delete(owner.key, DeleteOptions(propagation: .foreground))
            try await watch.expect(.modified, "owner")
            try await watch.expect(.modified, "child")
            _ = try await objects.patch(child.key, .merge(["metadata": ["finalizers": nil]]), .main)
            try await watch.expect(.deleted, "child")
            try await watch.expect(.deleted, "owner")
        },
        collected("orphans stay, without the owner") { objects in
            let owner = try await objects.create(Sample.object("owner", uid: ""))
            let child = try await objects.create(owned("child", by: [owner]))
            let watch = EventReader(try await objects.watch(WatchQuery(ObjectSelection()), after: child.version))
            _ = try await objects.delete(owner.key, DeleteOptions(propagation: .orphan))
            try await watch.expect(.modified, "owner")
            let orphan = try await watch.expect(.modified, "child")
            try expect(orphan.metadata.ownerReferences, is: [], "the owners of the orphan")
            try await watch.expect(.deleted, "owner")
            try expect(try await objects.get(child.key), is: orphan, "the orphan")
        },
        collected("what is in a namespace goes before it, and nothing new gets in") { objects in
            let namespace = try await objects.create(
                Object(apiVersion: "v1", kind: "Namespace", metadata: ObjectMetadata(name: "short")))
            var held = Sample.object("held", in: "short", uid: "")
            held.metadata.finalizers = ["example.com/a"]
            held = try await objects.create(held)
            _ = try await objects.create(Sample.object("free", in: "short", uid: "", size: 1))
            let other = try await objects.create(Sample.object("other", in: "long", uid: ""))
            let watch = EventReader(try await objects.watch(WatchQuery(ObjectSelection()), after: other.version))
            _ = try await objects.delete(namespace.key, DeleteOptions())
            try await watch.expect(.modified, "short")
            try await expect(.forbidden, "a create in it") {
                try await objects.create(Sample.object("new", in: "short"))
            }
            // Both of them, in the order of their names.
            try await watch.expect(.deleted, "free")
            try await watch.expect(.modified, "held")
            _ = try await objects.patch(held.key, .merge(["metadata": ["finalizers": nil]]), .main)
            try await watch.expect(.deleted, "held")
            try await watch.expect(.deleted, "short")
            try expect(try await objects.get(other.key), is: other, "what was in another namespace")
            try await expect(.forbidden, "a deletion of the default namespace") {
                try await objects.delete(
                    ObjectKey(namespace.objectKind, namespace: "", name: "default"), DeleteOptions())
            }
        },
    ]

    /// A check of objects in a runtime, whose collector runs.
    private static func collected(
        _ name: String, _ body: @escaping @Sendable (any ObjectAccess) async throws -> Void
    ) -> ContractCheck {
        ContractCheck(backend: name) { backend in
            let storage = try await backend.makeStorage()
            var configuration = RuntimeConfiguration()
            configuration.signals = nil
            let runtime = Runtime(configuration, logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
            try runtime.addObjects(
                ObjectsComponent(storage, configuration: ObjectStore.Configuration(kinds: .any)))
            try await runtime.start()
            let result: Result<Void, any Error>
            do {
                try await body(try require(runtime.objects, "the runtime has no objects"))
                result = .success(())
            } catch {
                result = .failure(error)
            }
            let report = await runtime.shutdown()
            try await backend.discard(storage)
            try result.get()
            try expect(report.exitCode, is: 0, "the exit code")
        }
    }

    private static func owned(_ name: String, by owners: [Object], blocks: Bool? = nil) -> Object {
        var object = Sample.object(name, uid: "")
        object.metadata.ownerReferences = owners.map {
            OwnerReference(
                apiVersion: $0.apiVersion, kind: $0.kind, name: $0.name, uid: $0.metadata.uid,
                blockOwnerDeletion: blocks)
        }
        return object
    }
}

extension ObjectAccess {
    /// Returns when an object is gone.
    func waitForRemoval(of object: Object) async throws {
        let fields = FieldSelector([.init("metadata.name", object.name)])
        let watch = try await watch(
            WatchQuery(ObjectSelection(kind: object.objectKind, namespace: object.metadata.namespace, fields: fields)),
            after: object.version)
        for try await event in watch where event.change == .deleted { return }
        throw ContractViolation("the watch of \(object.key) ended")
    }
}
