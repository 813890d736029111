import ObjectStore

extension StorageContract {
    static let lasting = [
        check("what was written is there when the storage is opened again") { storage in
            let one = try await storage.create(Sample.object("one", labels: ["a": "b"]))
            let two = try await storage.update(one.with(size: 2), if: .none)
            let gone = try await storage.create(Sample.object("gone"))
            _ = try await storage.delete(gone.key, if: .none)
            return { storage in
                try expect(try await storage.get(one.key), is: two, "an object that was changed")
                try expect(try await storage.get(gone.key), is: nil, "an object that was removed")
                try expect(try await storage.list(ObjectSelection()).objects, is: [two], "the list")
            }
        },
        check("the versions go on where they were, also where the last change was a removal") { storage in
            let one = try await storage.create(Sample.object("one"))
            let removed = try await storage.delete(one.key, if: .none)
            return { storage in
                try expect(try await storage.currentVersion(), is: removed.version, "the version after opening")
                let next = try await storage.create(Sample.object("two"))
                try expect(next.version > removed.version, "\(next.version) came after \(removed.version)")
            }
        },
        check("a watch from before the opening gets every later change, or is refused as expired") { storage in
            let one = try await storage.create(Sample.object("one"))
            let two = try await storage.create(Sample.object("two"))
            return { storage in
                let three = try await storage.create(Sample.object("three"))
                do {
                    let watch = try await storage.watch(after: one.version)
                    try await watch.expect(.added, "two", at: two.version)
                    try await watch.expect(.added, "three", at: three.version)
                } catch let error as ObjectError where error.reason == .expired {
                    let page = try await storage.list(ObjectSelection())
                    let watch = try await storage.watch(after: page.resourceVersion)
                    let four = try await storage.create(Sample.object("four"))
                    try await watch.expect(.added, "four", at: four.version)
                }
            }
        },
        check("preconditions hold over an opening") { storage in
            let one = try await storage.create(Sample.object("one", uid: "u"))
            let two = try await storage.update(one.with(size: 2), if: .none)
            return { storage in
                try await expect(.conflict, "an update with a stale version") {
                    try await storage.update(one, if: Preconditions(resourceVersion: one.version))
                }
                _ = try await storage.update(one, if: Preconditions(resourceVersion: two.version, uid: "u"))
            }
        },
    ]

    /// A check with a part before and a part after the storage is opened again.
    private static func check(
        _ name: String,
        _ before: @escaping @Sendable (any Storage) async throws -> ((any Storage) async throws -> Void)
    ) -> ContractCheck {
        ContractCheck(backend: name) { backend in
            guard let reopen = backend.reopen else { return }
            let first = try await backend.makeStorage()
            let after = try await before(first)
            try await ContractCheck.using(backend, try await reopen(first), after)
        }
    }
}
