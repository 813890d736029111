public import ObjectStore

extension StorageContract {
    static let racing = [
        ContractCheck("of writers who create one object at once, one wins") { storage in
            let wins = try await withThrowingTaskGroup(of: Int.self) { group in
                for writer in 0..<16 {
                    group.addTask {
                        do {
                            _ = try await storage.create(Sample.object("one", size: Int64(writer)))
                            return 1
                        } catch let error as ObjectError where error.reason == .alreadyExists {
                            return 0
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            try expect(wins, is: 1, "how many creates went well")
        },
        ContractCheck(
            "writers who count up at once lose no count, and watchers see each version once, in order"
        ) { storage in
            try await ConcurrentWriters(writers: 8, rounds: 50).run(on: storage)
        },
    ]
}

/// Writers who all count one object up, each by what it read, and watchers who see all of it.
public struct ConcurrentWriters: Sendable {
    /// How many write at once.
    public var writers: Int
    /// How often each counts up.
    public var rounds: Int

    /// So many writers, each so often.
    public init(writers: Int, rounds: Int) {
        self.writers = writers
        self.rounds = rounds
    }

    /// Runs them; throws a `ContractViolation` where a count is lost, or a watcher misses or doubles a change.
    public func run(on storage: any Storage) async throws {
        let start = try await storage.create(Sample.object("counter", size: 0))
        let total = writers * rounds
        let watchers = try await (0..<3).asyncMap { number in
            let selection = number == 0 ? ObjectSelection() : ObjectSelection(kind: Sample.widget, namespace: "default")
            return try await storage.watch(WatchQuery(selection), after: start.version)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for watcher in watchers {
                group.addTask { try await Self.follow(watcher, from: start, count: total) }
            }
            for _ in 0..<writers {
                group.addTask { for _ in 0..<rounds { try await Self.countUp(storage) } }
            }
            try await group.waitForAll()
        }
        try expect(try await storage.get(start.key)?.size, is: Int64(total), "the count in the end")
    }

    private static func countUp(_ storage: any Storage) async throws {
        while true {
            let read = try require(try await storage.get(Sample.key("counter")), "the counter is gone")
            do {
                _ = try await storage.update(
                    read.with(size: (read.size ?? 0) + 1), if: Preconditions(resourceVersion: read.version))
                return
            } catch let error as ObjectError where error.reason == .conflict {
                continue
            }
        }
    }

    private static func follow(_ stream: WatchStream, from start: Object, count: Int) async throws {
        var version = start.version
        var size = start.size ?? 0
        while size < count {
            let events = try require(try await stream.nextBatch(), "the watch ended at \(size) of \(count)")
            for event in events where event.change != .bookmark {
                try expect(event.resourceVersion > version, "\(event.resourceVersion) came after \(version)")
                try expect(event.object?.size, is: size + 1, "the count that came after \(size)")
                version = event.resourceVersion
                size += 1
            }
        }
    }
}

extension Sequence {
    func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
