import ObjectStore

/// What every `Storage` keeps to, one named check a rule.
///
/// The checks use nothing but the protocol. Each gets a storage of its own.
public enum StorageContract {
    /// All checks of the storage alone.
    public static let checks: [ContractCheck] = reading + writing + listing + watching + forgetting + lasting + racing

    static let reading = [
        ContractCheck("what is not there is nil") { storage in
            try expect(try await storage.get(Sample.key("none")), is: nil, "an object that nobody made")
        },
        ContractCheck("an object is read as it was written, with everything that is not known") { storage in
            var object = Sample.object("odd", labels: ["a": "b"])
            object.metadata.annotations = ["note": "line one\nline \"two\" \\ \u{1F600} \u{0}"]
            object.metadata.finalizers = ["example.com/one", "example.com/two"]
            object.metadata.ownerReferences = [
                OwnerReference(apiVersion: "v1", kind: "ConfigMap", name: "c", uid: "u", controller: true)
            ]
            object.metadata.generation = 7
            object.metadata.creationTimestamp = Timestamp(secondsSince1970: 1_700_000_000)
            object.metadata.other = ["selfLink": "/x", "managedFields": [["manager": "m"]]]
            object.content = [
                "spec": [
                    "big": .integer(.max), "small": .integer(.min), "half": 0.5, "nothing": nil, "yes": true,
                    "list": [1, "two", [3], ["four": nil]], "empty": [:], "none": [],
                ],
                "status": ["phase": "Ready"], "data": ["key": "value"], "unknown": 1,
            ]
            let created = try await storage.create(object)
            try expect(created.isSame(as: object), "create gave \(created), wanted \(object)")
            let read = try await storage.get(object.key)
            try expect(read, is: created, "the object as it is read")
            let listed = try await storage.list(ObjectSelection()).objects
            try expect(listed, is: [created], "the object as it is listed")
        },
        ContractCheck("objects of one name in other namespaces and of other kinds are other objects") { storage in
            let objects = [
                Sample.object("same", in: "a", size: 1), Sample.object("same", in: "b", size: 2),
                Sample.object("same", in: "", size: 3), Sample.object("same", in: "a", kind: Sample.gadget, size: 4),
            ]
            for object in objects { _ = try await storage.create(object) }
            for object in objects {
                let read = try await storage.get(object.key)
                try expect(read?.size, is: object.size, "the size of \(object.key)")
            }
        },
        ContractCheck("a large object is kept whole") { storage in
            var object = Sample.object("large")
            object.content["data"] = .string(String(repeating: "0123456789abcdef", count: 1 << 15))
            let created = try await storage.create(object)
            try expect(try await storage.get(object.key) == created, "half a megabyte came back otherwise")
        },
    ]

    static let writing = [
        ContractCheck("creating what is there is refused, and changes nothing") { storage in
            let created = try await storage.create(Sample.object("one", size: 1))
            try await expect(.alreadyExists, "a second create") {
                try await storage.create(Sample.object("one", size: 2))
            }
            try expect(try await storage.get(created.key), is: created, "the object after it")
            try expect(try await storage.currentVersion(), is: created.version, "the version after it")
        },
        ContractCheck("each change has a higher version than all before, over all kinds and namespaces") { storage in
            var last = try await storage.currentVersion()
            func check(_ object: Object, _ what: String) async throws {
                try expect(object.version > last, "\(what) got version \(object.version) after \(last)")
                last = object.version
                try expect(try await storage.currentVersion(), is: last, "the current version after \(what)")
            }
            let one = try await storage.create(Sample.object("one", in: "a"))
            try await check(one, "a create")
            try await check(try await storage.create(Sample.object("two", in: "b", kind: Sample.gadget)), "another")
            try await check(try await storage.update(one.with(size: 2), if: .none), "an update")
            try await check(try await storage.delete(one.key, if: .none), "a deletion")
            try await check(try await storage.create(Sample.object("one", in: "a")), "a create of the same name")
        },
        ContractCheck("an update replaces the object, and gives it a new version") { storage in
            let created = try await storage.create(Sample.object("one", labels: ["a": "b"]))
            let updated = try await storage.update(Sample.object("one", size: 2), if: .none)
            try expect(updated.isSame(as: Sample.object("one", size: 2)), "the update gave \(updated)")
            try expect(updated.version > created.version, "its version did not rise")
            try expect(try await storage.get(created.key), is: updated, "the object after it")
        },
        ContractCheck("updating what is not there is refused") { storage in
            try await expect(.notFound, "an update") { try await storage.update(Sample.object("one"), if: .none) }
            try expect(try await storage.get(Sample.key("one")), is: nil, "the object after it")
        },
        ContractCheck("an update of an older version is a conflict, and changes nothing") { storage in
            let first = try await storage.create(Sample.object("one", size: 1))
            let second = try await storage.update(
                first.with(size: 2), if: Preconditions(resourceVersion: first.version))
            try await expect(.conflict, "an update with a stale version") {
                try await storage.update(first.with(size: 3), if: Preconditions(resourceVersion: first.version))
            }
            try expect(try await storage.get(first.key), is: second, "the object after it")
            try expect(try await storage.currentVersion(), is: second.version, "the version after it")
        },
        ContractCheck("an update of another object of the same name is a conflict") { storage in
            let first = try await storage.create(Sample.object("one", uid: "u1"))
            _ = try await storage.delete(first.key, if: .none)
            let second = try await storage.create(Sample.object("one", uid: "u2"))
            try await expect(.conflict, "an update with the old uid") {
                try await storage.update(first, if: Preconditions(uid: "u1"))
            }
            let third = try await storage.update(second, if: Preconditions(uid: "u2"))
            try expect(third.metadata.uid, is: "u2", "the uid after an update with the right one")
        },
        ContractCheck("a deletion gives the object as it was, with the version of its removal") { storage in
            let created = try await storage.create(Sample.object("one", size: 7))
            let removed = try await storage.delete(created.key, if: .none)
            try expect(removed.isSame(as: created), "the deletion gave \(removed)")
            try expect(removed.version > created.version, "its version is not that of the removal")
            try expect(try await storage.get(created.key), is: nil, "the object after it")
            try await expect(.notFound, "a second deletion") { try await storage.delete(created.key, if: .none) }
        },
        ContractCheck("a deletion of an older version, or of another uid, is a conflict") { storage in
            let first = try await storage.create(Sample.object("one", uid: "u"))
            let second = try await storage.update(first.with(size: 2), if: .none)
            try await expect(.conflict, "a deletion with a stale version") {
                try await storage.delete(first.key, if: Preconditions(resourceVersion: first.version))
            }
            try await expect(.conflict, "a deletion with another uid") {
                try await storage.delete(first.key, if: Preconditions(uid: "other"))
            }
            try expect(try await storage.get(first.key), is: second, "the object after them")
            _ = try await storage.delete(
                first.key, if: Preconditions(resourceVersion: second.version, uid: "u"))
        },
    ]
}
