import ObjectStore
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

/// Calls another one, and does something of a test's before.
struct HookedAccess<Wrapped: ObjectAccess>: ObjectAccess {
    enum Call: Hashable {
        case get
        case list(continueToken: String?)
        case create
        case update(ObjectPart)
        case patch
        case delete
        case watch(ResourceVersion)
        case kinds
    }

    let wrapped: Wrapped
    let before: @Sendable (Call) async throws -> Void

    func get(_ key: ObjectKey) async throws -> Object {
        try await before(.get)
        return try await wrapped.get(key)
    }
    func list(_ query: ListQuery) async throws -> ObjectPage {
        try await before(.list(continueToken: query.continueToken))
        return try await wrapped.list(query)
    }
    func create(_ object: Object) async throws -> Object {
        try await before(.create)
        return try await wrapped.create(object)
    }
    func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        try await before(.update(part))
        return try await wrapped.update(object, part)
    }
    func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        try await before(.patch)
        return try await wrapped.patch(key, patch, part)
    }
    func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        try await before(.delete)
        return try await wrapped.delete(key, options)
    }
    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await before(.watch(version))
        return try await wrapped.watch(query, after: version)
    }
    func kinds() async throws -> [KindDefinition] {
        try await before(.kinds)
        return try await wrapped.kinds()
    }
}

/// A store in memory that takes any kind.
func anyStore(historyMax: Int = 16_384, seed: UInt64 = 1) -> ObjectStore {
    let random = Mutex(SeededRandom(seed: seed))
    return ObjectStore(
        MemoryStorage(historyMax: historyMax), configuration: ObjectStore.Configuration(kinds: .any),
        clock: SimulatedClock(), randomBits: { random.withLock { $0.next() } })
}

/// Whether the error is the store's, of that reason.
func isReason(_ reason: ObjectError.Reason) -> (any Error) -> Bool {
    { ($0 as? ObjectError)?.reason == reason }
}

@Suite("A client", .timeLimit(.minutes(1)))
struct ClientTests {
    let store = anyStore()
    var client: Client { Client(store) }

    /// A client that somebody comes in between of, so many times, before a write.
    func disturbed(_ times: Int, _ disturb: @escaping @Sendable () async throws -> Void) -> Client {
        let left = Mutex(times)
        return Client(
            HookedAccess(wrapped: store) { call in
                switch call {
                case .update, .create: break
                default: return
                }
                let isDue = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if isDue { try await disturb() }
            })
    }

    @Test("creates, gets, updates and deletes typed objects")
    func verbs() async throws {
        let created = try await client.create(Gadget("a", size: 3))
        #expect(!created.metadata.uid.isEmpty)
        #expect(created.metadata.generation == 1)
        var found = try await client.get(Gadget.self, "a")
        #expect(found == created)
        found.spec.size = 4
        let updated = try await client.update(found)
        #expect(updated.spec.size == 4)
        #expect(updated.metadata.generation == 2)
        await #expect(throws: (any Error).self, "it was read before it was updated") {
            try await client.update(created)
        }
        found = updated
        found.spec.size = 5
        found.status = Gadget.Status(isReady: true)
        let written = try await client.updateStatus(found)
        #expect(written.status?.isReady == true)
        #expect(written.spec.size == 4, "the status only")
        try await client.delete(Gadget.self, "a")
        await #expect { try await client.get(Gadget.self, "a") } throws: { isReason(.notFound)($0) }
    }

    @Test("looks names up in its namespace, unless another one is given")
    func namespaces() async throws {
        var gadget = Gadget("a")
        gadget.metadata.namespace = ""
        let inBlue = try await client.inNamespace("blue").create(gadget)
        #expect(inBlue.metadata.namespace == "blue")
        try await client.create(gadget)
        try await client.create(Gadget("b", in: "red"))
        #expect(try await client.get(Gadget.self, "b", in: "red").metadata.namespace == "red")
        await #expect { try await client.get(Gadget.self, "b") } throws: { isReason(.notFound)($0) }
        let all = try await client.list(Gadget.self).map { "\($0.metadata.namespace)/\($0.metadata.name)" }
        #expect(all == ["blue/a", "default/a", "red/b"])
        #expect(try await client.list(Gadget.self, in: "red").count == 1)
    }

    @Test("lists in pages, and by labels")
    func lists() async throws {
        for index in 0..<7 {
            try await client.create(Gadget("w\(index)", size: index, labels: ["odd": "\(index % 2)"]))
        }
        var page = try await client.list(Gadget.self, limit: 3)
        var sizes = page.map(\.spec.size)
        let version = page.resourceVersion
        while let token = page.continueToken {
            page = try await client.list(Gadget.self, limit: 3, continueToken: token)
            #expect(page.resourceVersion == version)
            sizes += page.map(\.spec.size)
        }
        #expect(sizes == Array(0..<7))
        #expect(try await client.list(Gadget.self, labels: LabelSelector(["odd": "1"])).map(\.spec.size) == [1, 3, 5])
    }

    @Test("an object that is not as its type wants it says which member is wrong, and can be deleted")
    func malformed() async throws {
        _ = try await store.create(
            Object(
                apiVersion: "example.com/v1", kind: "Gadget",
                metadata: ObjectMetadata(name: "bad", namespace: "default"),
                content: ["spec": ["size": "big"]]))
        await #expect { try await client.get(Gadget.self, "bad") } throws: { error in
            let error = error as? ObjectError
            return error?.reason == .invalid && error?.causes.map(\.field) == ["spec.size"]
        }
        let deleted = try await client.delete(Gadget.self, "bad")
        #expect(deleted.spec?["size"] == "big")
    }

    @Test("deletes the object that was read, not a later one of its name")
    func deletesThat() async throws {
        let first = try await client.create(Gadget("a"))
        try await client.delete(Gadget.self, "a")
        let second = try await client.create(Gadget("a"))
        await #expect { try await client.delete(first) } throws: { isReason(.conflict)($0) }
        try await client.delete(second)
        #expect(try await client.list(Gadget.self).isEmpty)
    }

    @Test("patches in one step")
    func patches() async throws {
        try await client.create(Gadget("a", size: 3))
        let patched = try await client.patch(Gadget.self, "a", .merge(["spec": ["color": "green"]]))
        #expect(patched.spec == Gadget.Spec(size: 3, color: "green"))
        let tested: JSONValue = [
            ["op": "test", "path": "/spec/size", "value": 3], ["op": "replace", "path": "/spec/size", "value": 9],
        ]
        #expect(try await client.patch(Gadget.self, "a", .json(tested)).spec.size == 9)
        await #expect(throws: ObjectError.self, "the test does not hold any more") {
            try await client.patch(Gadget.self, "a", .json(tested))
        }
        #expect(try await client.get(Gadget.self, "a").spec.size == 9)
    }

    @Test("applies what is wanted, and leaves what others set")
    func applies() async throws {
        #expect(try await client.apply(Gadget("a", size: 1)).spec == Gadget.Spec(size: 1))
        try await client.patch(Gadget.self, "a", .merge(["spec": ["color": "green"]]))
        #expect(try await client.apply(Gadget("a", size: 2)).spec == Gadget.Spec(size: 2, color: "green"))
    }

    @Test("changes an object on what is there, however often others come in between")
    func updatesOnTop() async throws {
        try await client.create(Gadget("a", size: 0))
        let other = client
        let disturbed = disturbed(5) { try await other.update(Gadget.self, "a") { $0.spec.size += 100 } }
        let runs = Mutex(0)
        let updated = try await disturbed.update(Gadget.self, "a") { gadget in
            runs.withLock { $0 += 1 }
            gadget.spec.size += 1
        }
        #expect(updated.spec.size == 501)
        #expect(runs.withLock { $0 } == 6)
    }

    @Test("gives up with the conflict where others always come in between")
    func givesUp() async throws {
        try await client.create(Gadget("a", size: 0))
        let other = client
        let disturbed = disturbed(.max) { try await other.update(Gadget.self, "a") { $0.spec.size += 1 } }
        await #expect { try await disturbed.update(Gadget.self, "a") { $0.spec.size = -1 } } throws: {
            isReason(.conflict)($0)
        }
        #expect(try await client.get(Gadget.self, "a").spec.size == 32)
    }

    @Test("loses no update of many at once")
    func concurrentUpdates() async throws {
        try await client.create(Gadget("a", size: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<25 {
                        var isDone = false
                        while !isDone {
                            do {
                                try await client.update(Gadget.self, "a") { $0.spec.size += 1 }
                                isDone = true
                            } catch let error as ObjectError where error.reason == .conflict {}
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await client.get(Gadget.self, "a").spec.size == 200)
    }

    @Test("writes nothing where nothing changes")
    func unchanged() async throws {
        let created = try await client.create(Gadget("a"))
        let calls = Mutex<[HookedAccess<ObjectStore>.Call]>([])
        let counting = Client(HookedAccess(wrapped: store) { call in calls.withLock { $0.append(call) } })
        #expect(try await counting.update(Gadget.self, "a") { _ in } == created)
        #expect(calls.withLock { $0 } == [.get])
    }

    @Test("keeps members that the type does not know")
    func keepsUnknown() async throws {
        _ = try await store.create(
            Object(
                apiVersion: "example.com/v1", kind: "Gadget", metadata: ObjectMetadata(name: "a", namespace: "default"),
                content: ["spec": ["size": 1, "color": "red", "newer": ["deep": true]], "extra": [1, 2]]))
        try await client.update(Gadget.self, "a") { gadget in
            gadget.spec.size = 2
            gadget.spec.color = nil
        }
        let stored = try await store.get(client.key(Gadget.self, "a"))
        #expect(stored.spec == ["size": 2, "newer": ["deep": true]])
        #expect(stored.content["extra"] == [1, 2])
        try await client.update(try await client.get(Gadget.self, "a"))
        #expect(try await store.get(stored.key).spec == ["size": 2], "a whole update replaces the whole")
    }

    @Test("makes sure of an object: created, updated, or as it is")
    func createOrUpdate() async throws {
        let wanted = Gadget("a", size: 0)
        let results = try await [
            client.createOrUpdate(wanted) { $0.spec.size = 4 }, client.createOrUpdate(wanted) { $0.spec.size = 4 },
            client.createOrUpdate(wanted) { $0.spec.size = 5 },
        ]
        #expect(results.map(\.outcome) == [.created, .unchanged, .updated])
        #expect(results.map(\.resource.spec.size) == [4, 4, 5])
    }

    @Test("makes sure of an object that somebody else makes, or removes, in between")
    func createOrUpdateRaces() async throws {
        let other = client
        let late = disturbed(1) { try await other.create(Gadget("a", size: 7, labels: ["by": "other"])) }
        let updated = try await late.createOrUpdate(Gadget("a")) { $0.spec.size += 1 }
        #expect(updated.outcome == .updated)
        #expect(updated.resource.spec.size == 8)
        #expect(updated.resource.metadata.labels == ["by": "other"])
        let removed = disturbed(1) { try await other.delete(Gadget.self, "a") }
        let created = try await removed.createOrUpdate(Gadget("a")) { $0.spec.size += 1 }
        #expect(created.outcome == .created)
        #expect(created.resource.spec.size == 2)
    }

    @Test("a watch tells what is there, then what changes, then ends with the store's watch")
    func watches() async throws {
        try await client.create(Gadget("a", size: 1))
        let watch = try await client.watch(Gadget.self)
        var events = watch.makeAsyncIterator()
        guard case .added(let first)? = try await events.next()?.change else { throw CancellationError() }
        #expect(first.metadata.name == "a")
        try await client.update(Gadget.self, "a") { $0.spec.size = 2 }
        let deleted = try await client.delete(Gadget.self, "a")
        guard case .modified(let second)? = try await events.next()?.change else { throw CancellationError() }
        #expect(second.spec.size == 2)
        let last = try await events.next()
        guard case .deleted(let third)? = last?.change else { throw CancellationError() }
        #expect(third.spec.size == 2)
        #expect(last?.resourceVersion == deleted.metadata.resourceVersion)
        watch.cancel()
        #expect(try await events.next() == nil)
    }

    @Test("a watch goes on after a version, and says where that is forgotten")
    func watchesAfter() async throws {
        let first = try await client.create(Gadget("a"))
        let second = try await client.create(Gadget("b"))
        var events = try await client.watch(Gadget.self, after: first.metadata.resourceVersion).makeAsyncIterator()
        #expect(try await events.next()?.resource == second)
        let forgetful = Client(anyStore(historyMax: 1))
        for index in 0..<5 { try await forgetful.create(Gadget("w\(index)")) }
        await #expect { try await forgetful.watch(Gadget.self, after: ResourceVersion(1)) } throws: {
            isReason(.expired)($0)
        }
    }
}

@Suite("Finalizers and owners")
struct FinalizerTests {
    @Test("say whether the object has to be written")
    func finalizers() {
        var metadata = ObjectMetadata(name: "a", finalizers: ["other"])
        let (isNew, isNewAgain) = (metadata.addFinalizer("mine"), metadata.addFinalizer("mine"))
        #expect(isNew && !isNewAgain)
        #expect(metadata.hasFinalizer("mine"))
        #expect(metadata.finalizers == ["other", "mine"])
        let (isGone, isGoneAgain) = (metadata.removeFinalizer("mine"), metadata.removeFinalizer("mine"))
        #expect(isGone && !isGoneAgain)
        #expect(metadata.finalizers == ["other"])
    }

    @Test("one owner manages an object, and others may own it beside")
    func owners() throws {
        func owner(_ name: String) -> Gadget {
            var gadget = Gadget(name)
            gadget.metadata.uid = "uid-\(name)"
            return gadget
        }
        var part = Gadget("part")
        part.metadata.namespace = ""
        try part.setControllerReference(owner("first"))
        #expect(part.metadata.namespace == "default", "it lives where its owner does")
        #expect(part.metadata.controller?.name == "first")
        #expect(part.metadata.controller?.blockOwnerDeletion == true)
        try part.setControllerReference(owner("first"))
        #expect(part.metadata.ownerReferences.count == 1)
        #expect { try part.setControllerReference(owner("second")) } throws: { error in
            "\(error)" == "'part' in namespace 'default' is managed by Gadget 'first' already"
        }
        try part.setOwnerReference(owner("second"))
        try part.setOwnerReference(owner("first"))
        #expect(part.metadata.ownerReferences.map(\.name) == ["first", "second"])
        #expect(part.metadata.controller?.name == "first", "being owned too does not end being managed")
        #expect(part.metadata.isOwned(by: owner("second").metadata))
        let (gone, goneAgain) = (
            part.metadata.removeOwner(uid: "uid-second"), part.metadata.removeOwner(uid: "uid-second")
        )
        #expect(gone && !goneAgain)
        #expect(throws: ObjectError.self, "an owner has to be stored") {
            try part.setOwnerReference(Gadget("new"))
        }
        var far = owner("far")
        far.metadata.namespace = "elsewhere"
        #expect(throws: ObjectError.self, "an owner lives in the same namespace") {
            try part.setOwnerReference(far)
        }
    }
}
