import ObjectStore
import WeirRuntime
import WeirSimulation

/// What `ObjectStore` promises, checked over a backend: rules that need more of a storage than its own checks show.
public enum ObjectStoreContract {
    /// All checks of the store over a storage.
    public static let checks: [ContractCheck] = creating + updating + patching + deleting + kinds + collecting

    /// A check of a store of any kinds over a new storage, at a clock that stands still.
    static func check(
        _ name: String, _ body: @escaping @Sendable (ObjectStore, SimulatedClock) async throws -> Void
    ) -> ContractCheck {
        ContractCheck(name) { storage in
            let clock = SimulatedClock()
            try await body(store(over: storage, clock), clock)
        }
    }

    static func store(
        over storage: any Storage, _ clock: any Clock = SimulatedClock(), kinds: ObjectStore.KindPolicy = .any
    ) -> ObjectStore {
        ObjectStore(storage, configuration: ObjectStore.Configuration(kinds: kinds), clock: clock)
    }

    static let creating = [
        check("a new object gets uid, version, generation 1 and the time, and no status") { store, clock in
            var wanted = Sample.object("one", uid: "")
            wanted.status = ["phase": "Ready"]
            wanted.metadata.generation = 9
            let created = try await store.create(wanted)
            try expect(created.metadata.uid.utf8.count, is: 36, "the length of the uid")
            try expect(created.metadata.generation, is: 1, "the generation")
            try expect(
                created.metadata.creationTimestamp, is: Timestamp(wallMilliseconds: clock.wallMilliseconds), "the time")
            try expect(created.status, is: nil, "the status")
            try expect(created.version > .zero, "it has no version")
            try expect(try await store.get(created.key), is: created, "the object as it is read")
        },
        check("an object without a namespace is put in the default one, and found there without") { store, _ in
            let created = try await store.create(Sample.object("one", in: ""))
            try expect(created.metadata.namespace, is: "default", "the namespace")
            try expect(try await store.get(Sample.key("one", in: "")), is: created, "the object read without one")
        },
        check("names are made where only their beginning is given") { store, _ in
            var wanted = Sample.object("")
            wanted.metadata.generateName = "job-"
            let one = try await store.create(wanted)
            let two = try await store.create(wanted)
            try expect(one.name.hasPrefix("job-") && one.name.utf8.count == 9, "the name '\(one.name)'")
            try expect(one.name != two.name, "both are called \(one.name)")
        },
        check("an object without a name, or with a bad one, is refused by the field") { store, _ in
            let missing = try await expect(.invalid, "no name") { try await store.create(Sample.object("")) }
            try expect(missing.causes.map(\.field), is: ["metadata.name"], "the fields")
            let bad = try await expect(.invalid, "a bad name") { try await store.create(Sample.object("A/b")) }
            try expect(bad.causes.map(\.field), is: ["metadata.name"], "the fields")
        },
        check("of objects that are made and removed in turn, each has a uid of its own") { store, _ in
            var uids: Set<String> = []
            for _ in 0..<10 {
                let created = try await store.create(Sample.object("one", uid: ""))
                uids.insert(created.metadata.uid)
                _ = try await store.delete(created.key, DeleteOptions())
            }
            try expect(uids.count, is: 10, "the number of uids")
        },
    ]

    static let updating = [
        check("the generation moves with what is wanted, and with nothing else") { store, _ in
            var object = try await store.create(Sample.object("one", size: 1))
            object = try await store.update(object.with(labels: ["a": "b"]), .main)
            try expect(object.metadata.generation, is: 1, "after a change of labels")
            object.status = ["phase": "Ready"]
            object = try await store.update(object, .status)
            try expect(object.metadata.generation, is: 1, "after a change of the status")
            object = try await store.update(object.with(size: 2), .main)
            try expect(object.metadata.generation, is: 2, "after a change of the spec")
        },
        check("who writes the main part leaves the status, and the other way round") { store, _ in
            let created = try await store.create(Sample.object("one", size: 1))
            var found = created.with(size: 99).with(labels: ["x": "y"])
            found.status = ["phase": "Ready"]
            let afterStatus = try await store.update(found, .status)
            try expect(afterStatus.size, is: 1, "the spec after a status write")
            try expect(afterStatus.metadata.labels, is: [:], "the labels after a status write")
            var wanted = created.with(size: 2)
            wanted.metadata.resourceVersion = nil
            wanted.status = ["phase": "Lies"]
            let afterMain = try await store.update(wanted, .main)
            try expect(afterMain.status, is: ["phase": "Ready"], "the status after a main write")
            try expect(afterMain.size, is: 2, "the spec after a main write")
        },
        check("an update of an older version is a conflict, never an overwrite; for the status too") { store, _ in
            let first = try await store.create(Sample.object("one", size: 1))
            let second = try await store.update(first.with(size: 2), .main)
            try await expect(.conflict, "a stale update") { try await store.update(first.with(size: 3), .main) }
            try await expect(.conflict, "a stale status") { try await store.update(first, .status) }
            try expect(try await store.get(first.key), is: second, "the object after them")
            var other = second
            other.metadata.resourceVersion = nil
            other.metadata.uid = "11111111-2222-4333-8444-555555555555"
            try await expect(.conflict, "an update of another uid") { try await store.update(other, .main) }
        },
        check("an update without a version writes over what is there") { store, _ in
            let first = try await store.create(Sample.object("one", uid: "", size: 1))
            _ = try await store.update(first.with(size: 2), .main)
            let third = try await store.update(Sample.object("one", uid: "", size: 3), .main)
            try expect(third.size, is: 3, "the size")
            try expect(third.metadata.uid, is: first.metadata.uid, "the uid")
            try expect(third.metadata.creationTimestamp, is: first.metadata.creationTimestamp, "the time")
        },
        check("an update that changes nothing writes nothing") { store, _ in
            let object = try await store.create(Sample.object("one", uid: ""))
            let watch = EventReader(try await store.watch(WatchQuery(ObjectSelection()), after: object.version))
            try expect(try await store.update(object, .main), is: object, "the answer")
            try expect(try await store.update(object, .status), is: object, "the answer for the status")
            try expect(
                try await store.update(Sample.object("one", uid: ""), .main), is: object, "the answer without a version"
            )
            let next = try await store.create(Sample.object("two"))
            try await watch.expect(.added, "two", at: next.version)
        },
        check("what nobody may change is refused, or kept where it is left out") { store, _ in
            let object = try await store.create(Sample.object("one"))
            var changed = object
            changed.metadata.creationTimestamp = Timestamp(secondsSince1970: 1)
            changed.metadata.deletionTimestamp = Timestamp(secondsSince1970: 1)
            let error = try await expect(.invalid, "other times") { try await store.update(changed, .main) }
            try expect(
                Set(error.causes.map(\.field)), is: ["metadata.creationTimestamp", "metadata.deletionTimestamp"],
                "the fields")
            try await expect(.notFound, "an update of what is not there") {
                try await store.update(Sample.object("none"), .main)
            }
        },
    ]

    static let patching = [
        check("a merge patch replaces and removes members") { store, _ in
            let object = try await store.create(Sample.object("one", labels: ["a": "b"]))
            let patched = try await store.patch(
                object.key,
                .merge([
                    "spec": ["size": 5, "color": nil, "new": [1, 2]], "metadata": ["labels": ["a": nil, "c": "d"]],
                ]),
                .main)
            try expect(patched.spec, is: ["size": 5, "new": [1, 2]], "the spec")
            try expect(patched.metadata.labels, is: ["c": "d"], "the labels")
            try expect(patched.metadata.generation, is: 2, "the generation")
            try expect(try await store.get(object.key), is: patched, "the object as it is read")
        },
        check("a JSON patch makes all of its operations or none, and its tests hold it back") { store, _ in
            let object = try await store.create(Sample.object("one", size: 1))
            let patched = try await store.patch(
                object.key,
                .json([
                    ["op": "test", "path": "/spec/size", "value": 1],
                    ["op": "replace", "path": "/spec/size", "value": 2],
                    ["op": "add", "path": "/spec/list", "value": [1]],
                    ["op": "add", "path": "/spec/list/-", "value": 2],
                ]), .main)
            try expect(patched.spec, is: ["size": 2, "color": "red", "list": [1, 2]], "the spec")
            let failed = ObjectPatch.json([
                ["op": "replace", "path": "/spec/color", "value": "blue"],
                ["op": "test", "path": "/spec/size", "value": 1],
            ])
            do {
                _ = try await store.patch(object.key, failed, .main)
                throw ContractViolation("a patch whose test fails went through")
            } catch is ObjectError {}
            try expect(try await store.get(object.key), is: patched, "the object after it")
        },
        check("a patch of the status leaves the rest, and one of the main part the status") { store, _ in
            let object = try await store.create(Sample.object("one", size: 1))
            let both = ObjectPatch.merge(["spec": ["size": 7], "status": ["phase": "Ready"]])
            let status = try await store.patch(object.key, both, .status)
            try expect(status.status, is: ["phase": "Ready"], "the status after a patch of it")
            try expect(status.size, is: 1, "the size after a patch of the status")
            let lies = ObjectPatch.merge(["spec": ["size": 7], "status": ["phase": "Lies"]])
            let main = try await store.patch(object.key, lies, .main)
            try expect(main.status, is: ["phase": "Ready"], "the status after a patch of the main part")
            try expect(main.size, is: 7, "the size after it")
        },
        check("patches of many at once all count, each in one step") { store, _ in
            let object = try await store.create(Sample.object("one"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<24 {
                    let label: JSONValue = .object(["n\(number)": .string("x")])
                    group.addTask {
                        _ = try await store.patch(object.key, .merge(["metadata": ["labels": label]]), .main)
                    }
                }
                try await group.waitForAll()
            }
            try expect(try await store.get(object.key).metadata.labels.count, is: 24, "the number of labels")
        },
        check("a patch that carries a version is a conflict where that is not the stored one") { store, _ in
            let first = try await store.create(Sample.object("one", size: 1))
            let second = try await store.update(first.with(size: 2), .main)
            func patch(_ version: ResourceVersion) -> ObjectPatch {
                .merge(["metadata": ["resourceVersion": .string("\(version)")], "spec": ["size": 3]])
            }
            try await expect(.conflict, "a stale patch") {
                try await store.patch(first.key, patch(first.version), .main)
            }
            try expect(try await store.patch(first.key, patch(second.version), .main).size, is: 3, "the size")
        },
        check("applying makes an object, changes it, and takes back what is not wanted any more") { store, _ in
            var wish = Sample.object("one", uid: "", size: 1)
            wish.spec?["extra"] = "x"
            let made = try await store.patch(wish.key, .apply(wish), .main)
            try expect(made.metadata.generation, is: 1, "the generation of what was made")
            _ = try await store.patch(wish.key, .merge(["spec": ["others": true]]), .main)
            wish.spec?["extra"] = nil
            wish.spec?["size"] = 2
            let changed = try await store.patch(wish.key, .apply(wish), .main)
            try expect(changed.spec, is: ["size": 2, "color": "red", "others": true], "the spec")
            let again = try await store.patch(wish.key, .apply(wish), .main)
            try expect(again, is: changed, "the answer to the same wish again")
        },
        check("patching what is not there is refused") { store, _ in
            try await expect(.notFound, "a patch") {
                try await store.patch(Sample.key("none"), .merge(["spec": ["size": 1]]), .main)
            }
        },
    ]
}
