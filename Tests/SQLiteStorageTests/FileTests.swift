import Foundation
import GRDB
import ObjectStore
import Testing
import WeirIO
import WeirSimulation

@testable import SQLiteStorage

@Suite("The file of an SQLite storage", .timeLimit(.minutes(1)))
struct FileTests {
    @Test("is written with a log, and synced at every commit")
    func settings() async throws {
        let folder = try Folder()
        let connection = try await Connections.openWriter(folder.file())
        let settings = try await connection.read { database in
            try ["journal_mode", "synchronous", "user_version", "application_id"].map {
                try String.fetchOne(database, sql: "PRAGMA \($0)")
            }
        }
        #expect(settings == ["wal", "2", "1", "1466263922"])
        try connection.close()
    }

    @Test("keeps objects, versions and changes over a restart")
    func restart() async throws {
        let folder = try Folder()
        let first = try await folder.open()
        let created = try await first.create(object("a"))
        let updated = try await first.update(object("a", size: 2), if: .none)
        let removed = try await first.delete(created.key, if: .none)
        try await first.close()
        #expect(!FileManager.default.fileExists(atPath: folder.file("objects.sqlite-wal")))

        let second = try await folder.open()
        #expect(try await second.currentVersion() == ResourceVersion(3))
        let watch = try await second.watch(everything, after: .zero)
        let seen = try await events(3, of: watch)
        #expect(seen.map(\.change) == [.added, .modified, .deleted])
        #expect(seen.map(\.object) == [created, updated, removed])
        #expect(try await second.create(object("a")).metadata.resourceVersion == ResourceVersion(4))
        try await second.close()
    }

    @Test("forgets old changes by number, and says so to a watch that needs them, also after a restart")
    func historyCount() async throws {
        let folder = try Folder()
        let first = try await folder.open { $0.historyMax = 100 }
        for turn in 0..<300 { _ = try await first.create(object("o-\(turn)")) }
        try await first.close()
        let rows = try await folder.connection().read { try Int.fetchOne($0, sql: "SELECT count(*) FROM change") }
        #expect((100..<125).contains(try #require(rows)))

        let second = try await folder.open { $0.historyMax = 100 }
        let error = await failure { try await second.watch(everything, after: ResourceVersion(1)) }
        #expect(error?.reason == .expired)
        #expect(try await second.currentVersion() == ResourceVersion(300))
        let watch = try await second.watch(everything, after: ResourceVersion(200))
        #expect(try await events(100, of: watch).count == 100)
        try await second.close()
    }

    @Test("forgets changes by age, but never the last one, which is the version counter")
    func historyAge() async throws {
        let folder = try Folder()
        let clock = SimulatedClock()
        let storage = try await folder.open(clock: clock) {
            $0.historyAgeMax = .seconds(60)
            $0.historyMax = 64
        }
        // Old changes are looked for at the first write, and then at every sixteenth.
        for turn in 0..<16 { _ = try await storage.create(object("o-\(turn)")) }
        clock.advance(by: .seconds(61))
        _ = try await storage.create(object("young"))
        let left = try await folder.connection().read {
            try Int64.fetchAll($0, sql: "SELECT revision FROM change ORDER BY revision")
        }
        #expect(left == [17])
        #expect(try await storage.currentVersion() == ResourceVersion(17))
        let watch = try await storage.watch(everything, after: ResourceVersion(17))
        let next = try await storage.create(object("next"))
        #expect(try await events(1, of: watch).map(\.object) == [next])
        try await storage.close()
    }

    @Test("expires a watch that reads old changes more slowly than they are forgotten")
    func slowReader() async throws {
        let folder = try Folder()
        let storage = try await folder.open { $0.historyMax = 600 }
        for turn in 0..<500 { _ = try await storage.create(object("o-\(turn)")) }
        let watch = try await storage.watch(everything, after: .zero)
        _ = try await watch.nextBatch()
        for turn in 500..<2_500 { _ = try await storage.create(object("o-\(turn)")) }
        let error = await failure { while try await watch.nextBatch() != nil {} }
        #expect(error?.reason == .expired)
        try await storage.close()
    }

    @Test("is refused where a newer Weir, another program or no database wrote it")
    func strangers() async throws {
        let newer = try Folder()
        try await (try await newer.open()).close()
        try await newer.connection().writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 99") }
        let newerError = await failure { try await newer.open() }
        #expect(newerError?.reason == .unavailable)
        #expect(
            newerError?.message.contains("newer Weir") == true && newerError?.message.contains(newer.file()) == true)

        let foreign = try Folder()
        try await foreign.connection().write { try $0.execute(sql: "CREATE TABLE song (title TEXT)") }
        let foreignError = await failure { try await foreign.open() }
        #expect(foreignError?.message.contains("another program") == true)
        let tables = try await foreign.connection().read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master")
        }
        #expect(tables == 1, "nothing was changed")

        let text = try Folder()
        try Data(repeating: 65, count: 8_192).write(to: URL(fileURLWithPath: text.file()))
        let textError = await failure { try await text.open() }
        #expect(textError?.message.contains("no SQLite database") == true)
    }

    @Test("is refused where its folder is not there")
    func noFolder() async throws {
        let error = await failure {
            try await SQLiteStorage.open("/nowhere/objects.sqlite", clock: SystemClock())
        }
        #expect(error?.reason == .unavailable)
        #expect(error?.message.contains("/nowhere/objects.sqlite") == true && error?.message.contains("folder") == true)
    }

    @Test("says where it is damaged, and goes on with what can be read")
    func damage() async throws {
        let folder = try Folder()
        let first = try await folder.open()
        for turn in 0..<200 { _ = try await first.create(object("o-\(turn)")) }
        try await first.close()
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.file()))
        let size = try handle.seekToEnd()
        for page in stride(from: UInt64(4_096), to: size, by: 4_096) {
            try handle.seek(toOffset: page)
            try handle.write(contentsOf: Data(repeating: 0xFF, count: 512))
        }
        try handle.close()
        let second = try await folder.open()
        let error = await failure { try await second.list(ListQuery(ObjectSelection())) }
        #expect(error?.reason == .unavailable)
        #expect(error?.message.contains("damaged") == true && error?.message.contains(".recover") == true)
        try? await second.close()
    }

    @Test("that is full refuses a write with nothing changed, and takes the next once there is room")
    func full() async throws {
        let folder = try Folder()
        let connection = try await Connections.openWriter(folder.file())
        let configuration = SQLiteStorage.Configuration()
        let readers = Readers(
            path: folder.file(), configuration: Connections.reading, connectionsMax: 1, waitingMax: 10)
        let feed = ChangeFeed(readers, path: folder.file(), configuration: configuration, clock: SystemClock())
        let writer = Writer(
            connection, path: folder.file(), configuration: configuration, clock: SystemClock(), feed: feed)
        try await connection.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 20") }
        var large = object("large")
        large.content["data"] = .string(String(repeating: "x", count: 100_000))
        let error = await failure { try await writer.write(.create(large, text: ObjectRow.text(large))) }
        #expect(error?.reason == .unavailable)
        #expect(error?.message.contains("no space") == true && error?.message.contains(folder.file()) == true)
        #expect(try await readers.read { try ChangeRow.current($0) } == 0)

        try await connection.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1000") }
        let created = try await writer.write(.create(large, text: ObjectRow.text(large)))
        #expect(created.metadata.resourceVersion == ResourceVersion(1))
        await writer.close()
        try await readers.close()
        try connection.close()
    }

    @Test("that may not be written is read, and refuses writes")
    func readOnly() async throws {
        let folder = try Folder()
        let connection = try await Connections.openWriter(folder.file())
        try await connection.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = 1") }
        let readers = Readers(
            path: folder.file(), configuration: Connections.reading, connectionsMax: 1, waitingMax: 10)
        let feed = ChangeFeed(
            readers, path: folder.file(), configuration: SQLiteStorage.Configuration(), clock: SystemClock())
        let writer = Writer(
            connection, path: folder.file(), configuration: SQLiteStorage.Configuration(), clock: SystemClock(),
            feed: feed)
        let error = await failure { try await writer.write(.create(object("a"), text: ObjectRow.text(object("a")))) }
        #expect(error?.reason == .unavailable)
        #expect(error?.message.contains("cannot be written") == true)
        await writer.close()
        try await readers.close()
        try connection.close()
    }

    @Test("of a storage that is closed is let go of; later calls are refused, watches end")
    func closed() async throws {
        let folder = try Folder()
        let storage = try await folder.open()
        let watch = try await storage.watch(everything, after: .zero)
        async let rest = watch.nextBatch()
        try await storage.close()
        #expect(try await rest == nil)
        for error in [
            await failure { try await storage.get(object("a").key) },
            await failure { try await storage.create(object("a")) },
            await failure { try await storage.list(ListQuery(ObjectSelection())) },
            await failure { try await storage.watch(everything, after: .zero) },
            await failure { try await storage.currentVersion() },
        ] {
            #expect(error?.reason == .unavailable)
            #expect(error?.message.contains("closed") == true)
        }
        try await storage.close()
    }

    @Test("takes no object that is larger than the limit")
    func sizes() async throws {
        let folder = try Folder()
        let storage = try await folder.open { $0.objectSizeBytesMax = 1_000 }
        var large = object("large")
        large.content["data"] = .string(String(repeating: "x", count: 1_000))
        #expect(await failure { try await storage.create(large) }?.reason == .badRequest)
        try await storage.close()
    }
}
