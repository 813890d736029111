import Dispatch
import GRDB

/// How connections to a file are made.
///
/// One `DatabaseQueue` a connection, and not a `DatabasePool`: the pool comes up with `synchronous` NORMAL whatever
/// was asked for, writes to every file that it opens without a log, and asks for the schema's version at every read.
enum Connections {
    /// A connection that writes: with a write-ahead log, synced at every commit.
    static func openWriter(_ path: String) async throws -> DatabaseQueue {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try makeWriter(path) }) }
        }
    }

    /// What a connection that reads is made with.
    static var reading: Configuration {
        var configuration = Configuration()
        configuration.label = "weir.sqlite.reader"
        configuration.readonly = true
        // A reader waits only while a log is recovered or removed, and then on its own thread.
        configuration.busyMode = .timeout(10)
        return configuration
    }

    private static func makeWriter(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "weir.sqlite.writer"
        configuration.foreignKeysEnabled = false
        // Who waits for the lock waits on the clock.
        configuration.busyMode = .immediateError
        let connection = try DatabaseQueue(path: path, configuration: configuration)
        do {
            try connection.inDatabase { database in
                try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
                try verifySettings(database)
                try Schema.prepare(database)
                // After much was written at once the log is cut to this size when it is next begun anew.
                try database.execute(sql: "PRAGMA journal_size_limit = 16777216")
            }
            return connection
        } catch {
            try? connection.close()
            throw error
        }
    }

    /// Reads back what durability rests on.
    private static func verifySettings(_ database: Database) throws {
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode")
        let synchronous = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard mode == "wal", synchronous == 2 else {
            throw DatabaseError(
                resultCode: .SQLITE_CANTOPEN,
                message: "its disk allows no write-ahead log: journal mode \(mode ?? "none"), synchronous "
                    + "\(synchronous ?? -1)")
        }
    }
}
