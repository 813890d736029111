import ObjectStore
import WeirSimulation

extension ModelRun {
    mutating func get() async throws {
        let key = Sample.key("o\(Int.random(in: 0..<24, using: &random))", in: "default")
        doing = "get \(key)"
        do {
            let found = try await store.get(key)
            try StorageConformance.expect(
                found, is: try require(model[key], "\(key) is gone, and was read"), "the object")
        } catch let error as ObjectError where error.reason == .notFound {
            try StorageConformance.expect(model[key], is: nil, "what is there and was not found")
        }
    }

    /// A list, whole or in pages.
    mutating func list() async throws {
        let selection = randomSelection()
        let limit = random.chance(0.5) ? Int.random(in: 1..<9, using: &random) : nil
        doing = "list \(selection), limit \(limit.map(String.init) ?? "none")"
        var query = ListQuery(selection, limit: limit)
        var found: [Object] = []
        repeat {
            let page = try await store.list(query)
            try StorageConformance.expect(page.objects.count <= limit ?? .max, "a page of \(page.objects.count)")
            try StorageConformance.expect(page.resourceVersion, is: version, "the version of the list")
            found += page.objects
            query.continueToken = page.continueToken
        } while query.continueToken != nil
        let wanted = model.values.filter(selection.matches).sorted { $0.key < $1.key }
        try StorageConformance.expect(found, is: wanted, "the list")
    }

    /// Opens a watch, or ends one.
    mutating func watch() async throws {
        if watches.count >= 8 {
            doing = "end a watch"
            // Its reader goes, and the watch with it.
            watches.remove(at: Int.random(in: 0..<watches.count, using: &random))
            return
        }
        let selection = randomSelection()
        doing = "watch \(selection)"
        let stream = try await store.watch(
            WatchQuery(selection, sendsBookmarks: random.chance(0.3)), after: version)
        watches.append(OpenWatch(selection: selection, reader: EventReader(stream)))
    }

    /// Every watch tells exactly what happened.
    mutating func settleWatches() async throws {
        doing = "read the watches"
        for place in watches.indices {
            let expected = watches[place].expected
            watches[place].expected = []
            for wanted in expected {
                let event = try await watches[place].reader.next()
                let what = "the next event of a watch of \(watches[place].selection)"
                try StorageConformance.expect(event.change.rawValue, is: wanted.change.rawValue, what)
                try StorageConformance.expect(event.object, is: wanted.object, "the object in \(what)")
                try StorageConformance.expect(
                    event.resourceVersion, is: wanted.object.version, "the version of \(what)")
            }
        }
    }
}
