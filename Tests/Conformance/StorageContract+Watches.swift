import ObjectStore

extension StorageContract {
    static let watching = [
        ContractCheck("a watch tells of creation, change and removal, in order, with their versions") { storage in
            let start = try await storage.currentVersion()
            let watch = try await storage.watch(after: start)
            let created = try await storage.create(Sample.object("one", size: 1))
            let updated = try await storage.update(created.with(size: 2), if: .none)
            let removed = try await storage.delete(created.key, if: .none)
            try expect(try await watch.expect(.added, "one", at: created.version), is: created, "the new object")
            try expect(try await watch.expect(.modified, "one", at: updated.version), is: updated, "the changed one")
            try expect(try await watch.expect(.deleted, "one", at: removed.version), is: removed, "the removed one")
        },
        ContractCheck("a watch tells of every change after its version, and of none before") { storage in
            _ = try await storage.create(Sample.object("before"))
            let at = try await storage.create(Sample.object("at"))
            let after = try await storage.create(Sample.object("after"))
            let watch = try await storage.watch(after: at.version)
            let later = try await storage.create(Sample.object("later"))
            try await watch.expect(.added, "after", at: after.version)
            try await watch.expect(.added, "later", at: later.version)
        },
        ContractCheck("between a list and the first event of a watch from it nothing is missed or doubled") { storage in
            let writer = Task {
                for number in 0..<300 { _ = try await storage.create(Sample.object("o\(number)")) }
            }
            var known: [String] = []
            let page = try await storage.list(ObjectSelection(kind: Sample.widget))
            known += page.objects.map(\.name)
            let watch = try await storage.watch(ObjectSelection(kind: Sample.widget), after: page.resourceVersion)
            while known.count < 300 {
                let event = try await watch.next()
                try expect(event.change, is: .added, "the only kind of change")
                known.append(event.object?.name ?? "")
            }
            try await writer.value
            try expect(Set(known).count, is: 300, "how many different ones were seen in 300")
        },
        ContractCheck("a watch tells only of what it selects") { storage in
            let start = try await storage.currentVersion()
            let byKind = try await storage.watch(ObjectSelection(kind: Sample.gadget), after: start)
            let byPlace = try await storage.watch(
                ObjectSelection(kind: Sample.widget, namespace: "two"), after: start)
            let byNamespace = try await storage.watch(ObjectSelection(namespace: "one"), after: start)
            let byPrefix = try await storage.watch(ObjectSelection(namePrefix: "l"), after: start)
            let byName = try await storage.watch(
                ObjectSelection(fields: FieldSelector([.init("metadata.name", "c")])), after: start)
            _ = try await storage.create(Sample.object("a", in: "one"))
            _ = try await storage.create(Sample.object("b", in: "two"))
            _ = try await storage.create(Sample.object("c", in: "one", kind: Sample.gadget))
            _ = try await storage.create(Sample.object("last", in: "one", kind: Sample.gadget))
            _ = try await storage.create(Sample.object("last", in: "two"))
            for name in ["c", "last"] { try await byKind.expect(.added, name) }
            for name in ["b", "last"] { try await byPlace.expect(.added, name) }
            for name in ["a", "c", "last"] { try await byNamespace.expect(.added, name) }
            for name in ["last", "last"] { try await byPrefix.expect(.added, name) }
            try await byName.expect(.added, "c")
        },
        ContractCheck("an object that begins or ends to match is added or deleted for the watch") { storage in
            let start = try await storage.currentVersion()
            let watch = try await storage.watch(
                ObjectSelection(
                    labels: LabelSelector(["t": "x"]), fields: FieldSelector([.init("spec.color", "red")])),
                after: start)
            let created = try await storage.create(Sample.object("one", labels: ["t": "y"]))
            let begins = try await storage.update(created.with(labels: ["t": "x"]), if: .none)
            let stays = try await storage.update(begins.with(size: 5), if: .none)
            let ends = try await storage.update(stays.with(labels: [:]), if: .none)
            _ = try await storage.update(ends.with(size: 6), if: .none)
            let again = try await storage.update(ends.with(labels: ["t": "x"]), if: .none)
            let removed = try await storage.delete(created.key, if: .none)
            try await watch.expect(.added, "one", at: begins.version)
            try await watch.expect(.modified, "one", at: stays.version)
            let last = try await watch.expect(.deleted, "one", at: ends.version)
            try expect(last.isSame(as: stays), "a deletion shows the object as it last matched, not \(last)")
            try await watch.expect(.added, "one", at: again.version)
            try await watch.expect(.deleted, "one", at: removed.version)
        },
        ContractCheck("a write that is refused is no event") { storage in
            let created = try await storage.create(Sample.object("one"))
            let watch = try await storage.watch(after: created.version)
            _ = try? await storage.create(Sample.object("one"))
            _ = try? await storage.update(created, if: Preconditions(resourceVersion: ResourceVersion(99_999_999)))
            _ = try? await storage.update(Sample.object("none"), if: .none)
            _ = try? await storage.delete(Sample.key("none"), if: .none)
            let next = try await storage.create(Sample.object("two"))
            try await watch.expect(.added, "two", at: next.version)
        },
        ContractCheck("a watcher that reads nothing holds up no write, and loses nothing while it is remembered") {
            storage in
            let start = try await storage.currentVersion()
            let slow = try await storage.watch(after: start)
            let other = try await storage.watch(after: start)
            var versions: [ResourceVersion] = []
            // More than one watcher's queue has room for.
            for number in 0..<1_500 {
                versions.append(try await storage.create(Sample.object("o\(number)")).version)
            }
            for reader in [slow, other] {
                for version in versions {
                    try expect(try await reader.next().resourceVersion, is: version, "the version of the next event")
                }
            }
        },
        ContractCheck("cancelling a watch ends it, and so does cancelling the task that waits for it") { storage in
            let start = try await storage.currentVersion()
            let stream = try await storage.watch(WatchQuery(ObjectSelection()), after: start)
            stream.cancel()
            try expect(try await stream.nextBatch() == nil, "a cancelled watch gave events")
            let waited = try await storage.watch(WatchQuery(ObjectSelection()), after: start)
            let waiter = Task { try await waited.nextBatch() }
            waiter.cancel()
            let events = try? await waiter.value
            try expect((events ?? nil) == nil, "a watch gave events to a cancelled task")
            _ = try await storage.create(Sample.object("one"))
            try expect(try await waited.nextBatch() == nil, "a watch went on after its task was cancelled")
        },
        ContractCheck("closing ends watches after what is there for them, and refuses everything later") { storage in
            let start = try await storage.currentVersion()
            let stream = try await storage.watch(after: start)
            let waiting = try await storage.watch(ObjectSelection(kind: Sample.gadget), after: start)
            let waiter = Task { [stream = Uncheckable(waiting)] in try await stream.value.nextOfAny() }
            _ = try await storage.create(Sample.object("one"))
            try await storage.close()
            try await stream.expect(.added, "one")
            try expect(try await stream.nextOfAny(), is: nil, "the event after the close")
            try expect(try await waiter.value, is: nil, "what a waiting watcher got at the close")
            try await expect(.unavailable, "get") { try await storage.get(Sample.key("one")) }
            try await expect(.unavailable, "list") { try await storage.list(ObjectSelection()) }
            try await expect(.unavailable, "create") { try await storage.create(Sample.object("two")) }
            try await expect(.unavailable, "update") { try await storage.update(Sample.object("one"), if: .none) }
            try await expect(.unavailable, "delete") { try await storage.delete(Sample.key("one"), if: .none) }
            try await expect(.unavailable, "currentVersion") { try await storage.currentVersion() }
            try await expect(.unavailable, "watch") {
                try await storage.watch(WatchQuery(ObjectSelection()), after: start)
            }
        },
    ]

    static let forgetting = [
        ContractCheck("a watch from a version that is not remembered is refused as expired", remembering: 16) {
            storage in
            let first = try await storage.create(Sample.object("o"))
            for number in 0..<200 { _ = try await storage.update(first.with(size: Int64(number)), if: .none) }
            try await expect(.expired, "a watch from the first version") {
                let stream = try await storage.watch(WatchQuery(ObjectSelection()), after: first.version)
                // A backend may also say so at the first read.
                return try await stream.nextBatch()?.count
            }
            let page = try await storage.list(ObjectSelection())
            let watch = try await storage.watch(after: page.resourceVersion)
            let next = try await storage.update(first, if: .none)
            try await watch.expect(.modified, "o", at: next.version)
        },
        ContractCheck("a watcher that is too slow ends with expired, after events in order", remembering: 16) {
            storage in
            let start = try await storage.currentVersion()
            let stream = try await storage.watch(WatchQuery(ObjectSelection()), after: start)
            let first = try await storage.create(Sample.object("o"))
            for number in 0..<3_000 { _ = try await storage.update(first.with(size: Int64(number)), if: .none) }
            var last = start
            try await expect(.expired, "reading on") {
                while let events = try await stream.nextBatch() {
                    for event in events where event.change != .bookmark {
                        try expect(
                            event.resourceVersion.value, is: last.value + 1, "the version after \(last)")
                        last = event.resourceVersion
                    }
                }
            }
        },
        ContractCheck("a bookmark says how far a watch is, also where nothing it selects changes", remembering: 64) {
            storage in
            let created = try await storage.create(Sample.object("one"))
            let reader = EventReader(
                try await storage.watch(
                    WatchQuery(ObjectSelection(kind: Sample.gadget), sendsBookmarks: true), after: .zero))
            let first = try require(try await reader.nextOfAny(), "the watch ended")
            try expect(first.change, is: .bookmark, "the first event of a watch of nothing")
            try expect(first.resourceVersion, is: created.version, "the version of the first bookmark")
            var last = created
            for number in 0..<200 { last = try await storage.update(created.with(size: Int64(number)), if: .none) }
            var newest = first.resourceVersion
            while newest.value + 64 <= last.version.value {
                let event = try require(try await reader.nextOfAny(), "the watch ended")
                try expect(event.change, is: .bookmark, "an event of a watch of nothing")
                try expect(event.resourceVersion >= newest, "bookmarks went back")
                newest = event.resourceVersion
            }
            // From the last bookmark the watch can be taken up again.
            let again = try await storage.watch(ObjectSelection(kind: Sample.gadget), after: newest)
            _ = try await storage.create(Sample.object("g", kind: Sample.gadget))
            try await again.expect(.added, "g")
        },
    ]
}

/// Carries a reader into the one task that uses it.
///
/// Confined to that task: nobody else keeps it.
struct Uncheckable<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
