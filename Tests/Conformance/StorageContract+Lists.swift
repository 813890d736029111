import ObjectStore

extension StorageContract {
    static let listing = [
        ContractCheck("a list of nothing is empty, and has the version of the last change") { storage in
            let created = try await storage.create(Sample.object("one"))
            let page = try await storage.list(ObjectSelection(kind: Sample.gadget))
            try expect(page.objects, is: [], "the objects")
            try expect(page.continueToken, is: nil, "the token")
            try expect(page.resourceVersion, is: created.version, "the version")
        },
        ContractCheck("a list is in the order of its keys: kind, namespace, name") { storage in
            let names = ["b", "a10", "a2", "a", "c-1", "c.1", "c"]
            for namespace in ["two", "one"] {
                for name in names { _ = try await storage.create(Sample.object(name, in: namespace)) }
            }
            _ = try await storage.create(Sample.object("z", in: "one", kind: Sample.gadget))
            let keys = try await storage.list(ObjectSelection()).objects.map(\.key)
            try expect(keys, is: keys.sorted(), "the keys")
            try expect(keys.count, is: names.count * 2 + 1, "their number")
            try expect(
                try await storage.names(ObjectSelection(kind: Sample.widget, namespace: "one")),
                is: ["a", "a10", "a2", "b", "c", "c-1", "c.1"], "the names of one namespace")
        },
        ContractCheck("a list selects by kind, namespace, beginning of the name, labels and fields") { storage in
            _ = try await storage.create(Sample.object("a1", in: "one", labels: ["t": "x"], size: 1))
            _ = try await storage.create(Sample.object("a2", in: "one", labels: ["t": "y"], size: 2))
            _ = try await storage.create(Sample.object("b1", in: "one", size: 1, color: "blue"))
            _ = try await storage.create(Sample.object("a1", in: "two", labels: ["t": "x"], size: 2))
            _ = try await storage.create(Sample.object("c1", in: "two", kind: Sample.gadget))
            func check(_ selection: ObjectSelection, _ names: [String], _ what: String) async throws {
                try expect(try await storage.names(selection), is: names, what)
            }
            try await check(ObjectSelection(kind: Sample.gadget), ["c1"], "by kind")
            try await check(ObjectSelection(namespace: "one"), ["a1", "a2", "b1"], "by namespace")
            try await check(
                ObjectSelection(kind: Sample.widget), ["a1", "a2", "b1", "a1"], "by kind, in all namespaces")
            try await check(ObjectSelection(namespace: "one", namePrefix: "a"), ["a1", "a2"], "by beginning")
            try await check(ObjectSelection(labels: LabelSelector(["t": "x"])), ["a1", "a1"], "by a label")
            try await check(
                ObjectSelection(kind: Sample.widget, labels: LabelSelector([.isNotIn("t", ["x"])])), ["a2", "b1"],
                "by a label that it may not have")
            try await check(
                ObjectSelection(fields: FieldSelector([.init("spec.size", "2")])), ["a2", "a1"], "by a field")
            try await check(
                ObjectSelection(fields: FieldSelector([.init("metadata.name", "b1"), .init("spec.color", "blue")])),
                ["b1"], "by two fields")
            try await check(ObjectSelection(kind: Sample.widget, namespace: "none"), [], "by what is nowhere")
        },
        ContractCheck("the pages of a list have every object once, whatever comes and goes in between") { storage in
            for number in 100..<200 {
                _ = try await storage.create(Sample.object("o\(number)", size: Int64(number % 3)))
            }
            let selection = ObjectSelection(
                kind: Sample.widget, fields: FieldSelector([.init("spec.size", isEqual: false, "0")]))
            let first = try await storage.list(selection, limit: 7)
            var seen = first.objects.map(\.name)
            var token = first.continueToken
            try expect(seen.count, is: 7, "the length of the first page")
            var pages = 1
            while let next = token {
                if pages == 2 {
                    // The object that the page ended with, one that was shown, and new ones on both sides.
                    _ = try await storage.delete(Sample.key(seen[seen.count - 1]), if: .none)
                    _ = try await storage.delete(Sample.key(seen[0]), if: .none)
                    _ = try await storage.create(Sample.object("a-before"))
                    _ = try await storage.create(Sample.object("z-behind"))
                }
                let page = try await storage.list(selection, limit: 7, token: next)
                try expect(page.resourceVersion, is: first.resourceVersion, "the version of a later page")
                try expect(page.objects.count <= 7, "a page of \(page.objects.count)")
                seen += page.objects.map(\.name)
                token = page.continueToken
                pages += 1
            }
            let wanted = (100..<200).filter { $0 % 3 != 0 }.map { "o\($0)" } + ["z-behind"]
            try expect(seen, is: wanted, "what the pages showed")
        },
        ContractCheck("the last page has no token, also where it is full") { storage in
            for name in ["a", "b", "c", "d"] { _ = try await storage.create(Sample.object(name)) }
            let first = try await storage.list(ObjectSelection(), limit: 2)
            let second = try await storage.list(
                ObjectSelection(), limit: 2, token: try require(first.continueToken, "the first page has no token"))
            try expect(second.objects.map(\.name), is: ["c", "d"], "the second page")
            try expect(second.continueToken, is: nil, "its token")
        },
        ContractCheck("a token that the storage never gave is refused") { storage in
            _ = try await storage.create(Sample.object("a"))
            try await expect(.badRequest, "a list with garbage as token") {
                try await storage.list(ObjectSelection(), limit: 1, token: "garbage")
            }
        },
    ]
}
