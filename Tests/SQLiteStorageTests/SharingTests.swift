import GRDB
import ObjectStore
import SQLiteStorage
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// Storages on one file, in one process: they know as little of each other as processes do.
@Suite("Storages that share a file", .timeLimit(.minutes(1)))
struct SharingTests {
    @Test("see what the other one wrote, and refuse what it has changed since")
    func seeing() async throws {
        let folder = try Folder()
        let one = try await folder.open()
        let two = try await folder.open()
        let created = try await one.create(object("a"))
        #expect(try await two.get(created.key) == created)

        let updated = try await two.update(object("a", size: 2), if: .none)
        let stale = Preconditions(resourceVersion: created.metadata.resourceVersion)
        #expect(await failure { try await one.update(object("a", size: 3), if: stale) }?.reason == .conflict)
        #expect(await failure { try await one.create(object("a")) }?.reason == .alreadyExists)
        #expect(try await one.list(ListQuery(ObjectSelection())).objects == [updated])
        try await one.close()
        try await two.close()
    }

    @Test("tell their watchers of all changes in one order, each once")
    func watching() async throws {
        let folder = try Folder()
        let storages = [try await folder.open(), try await folder.open(), try await folder.open()]
        var watches: [WatchStream] = []
        for storage in storages { watches.append(try await storage.watch(everything, after: .zero)) }
        let count = 60
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, storage) in storages.enumerated() {
                group.addTask {
                    for turn in 0..<count { _ = try await storage.create(object("o-\(number)-\(turn)")) }
                }
            }
            try await group.waitForAll()
        }
        let seen = try await events(3 * count, of: watches[0])
        #expect(seen.map(\.resourceVersion.value) == Array(1...UInt64(3 * count)))
        for watch in watches.dropFirst() { #expect(try await events(3 * count, of: watch) == seen) }
        for storage in storages { try await storage.close() }
    }

    @Test("look for each other's writes only while somebody watches, often at first and then seldom")
    func polling() async throws {
        let clock = SimulatedClock()
        let folder = try Folder()
        let other = try await folder.open()
        let storage = try await folder.open(clock: clock)
        #expect(clock.sleeperCount == 0)
        let watch = try await storage.watch(everything, after: .zero)
        _ = try await other.create(object("a"))
        await clock.sleepers(atLeast: 1)
        clock.advanceToNextDeadline()
        #expect(try await events(1, of: watch).map(\.object?.metadata.name) == ["a"])

        var pauses: [Int64] = []
        for _ in 0..<60 {
            await clock.sleepers(atLeast: 1)
            guard let deadline = clock.nextDeadline else { break }
            pauses.append((deadline - clock.now).milliseconds)
            clock.advance(to: deadline)
        }
        #expect(pauses.prefix(50).allSatisfy { $0 == 2 })
        #expect(pauses.last == 20)

        watch.cancel()
        #expect(clock.sleeperCount == 0)
        try await storage.close()
        try await other.close()
    }

    @Test("publish their own changes without a poll, in order with those of others")
    func ownChanges() async throws {
        let clock = SimulatedClock()
        let folder = try Folder()
        let other = try await folder.open()
        let storage = try await folder.open(clock: clock)
        let watch = try await storage.watch(everything, after: .zero)
        _ = try await storage.create(object("own"))
        #expect(try await events(1, of: watch).map(\.object?.metadata.name) == ["own"])

        _ = try await other.create(object("foreign"))
        _ = try await storage.create(object("own-2"))
        await clock.sleepers(atLeast: 1)
        clock.advanceToNextDeadline()
        #expect(try await events(2, of: watch).map(\.object?.metadata.name) == ["foreign", "own-2"])
        try await storage.close()
        try await other.close()
    }

    @Test("wait for each other's lock, and give up with a sentence that helps")
    func locking() async throws {
        let clock = SimulatedClock()
        let folder = try Folder()
        let storage = try await folder.open(clock: clock) { $0.busyTimeout = .seconds(1) }
        let holder = try HeldLock(folder)
        async let late = failure { try await storage.create(object("a")) }
        while clock.now.nanoseconds <= 1_000_000_000 {
            await clock.sleepers(atLeast: 1)
            clock.advanceToNextDeadline()
        }
        // The first try after the second has passed is the last.
        let ticker = Task {
            while !Task.isCancelled { await clock.sleepers(atLeast: 1); clock.advanceToNextDeadline() }
        }
        let error = try #require(await late)
        ticker.cancel()
        #expect(error.reason == .unavailable)
        #expect(error.message.contains(folder.file()) && error.message.contains("fuser"))
        try holder.release()

        // The lock is free again, and so is the storage.
        let written = Task { try await storage.create(object("b")) }
        _ = try await written.value
        #expect(try await storage.get(object("a").key) == nil)
        clock.advance(by: .seconds(1))
        try await storage.close()
    }

    @Test("write once the lock is free")
    func lockReleased() async throws {
        let clock = SimulatedClock()
        let folder = try Folder()
        let storage = try await folder.open(clock: clock)
        let holder = try HeldLock(folder)
        async let created = storage.create(object("a"))
        await clock.sleepers(atLeast: 1)
        try holder.release()
        clock.advanceToNextDeadline()
        #expect(try await created.metadata.resourceVersion == ResourceVersion(1))
        try await storage.close()
    }
}

/// The write lock of a folder's file, held by a program that knows nothing of Weir.
private final class HeldLock {
    private let connection: DatabaseQueue

    init(_ folder: Folder) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        connection = try DatabaseQueue(path: folder.file(), configuration: configuration)
        try connection.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
    }

    func release() throws {
        try connection.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try connection.close()
    }
}
