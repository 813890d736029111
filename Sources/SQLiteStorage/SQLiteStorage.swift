import GRDB
public import ObjectStore
public import WeirRuntime

/// Keeps objects in an SQLite file, which several processes may share.
///
/// Every write is on the disk when it returns; writes that come at once share one sync. Watchers see each change of
/// the file once and in order, whichever process made it: those of this storage at once, those of others within
/// `pollIntervalMax`. The order of changes goes on after a restart. SQLite runs on threads of its own; no call blocks
/// the caller's.
///
/// ```swift
/// let storage = try await SQLiteStorage.open("objects.sqlite", clock: SystemClock())
/// ```
///
/// docs/formats/objects-sqlite.md describes the file.
public final class SQLiteStorage: Storage {
    /// The file.
    public let path: String
    private let configuration: Configuration
    private let connection: DatabaseQueue
    private let points: Readers
    private let scans: Readers
    private let feed: ChangeFeed
    private let writer: Writer

    /// Opens the file, or makes it; its folder has to be there.
    ///
    /// - Parameters:
    ///   - path: The file. SQLite keeps two more beside it while it is open: `-wal` and `-shm`.
    ///   - clock: Times the wait for other processes' locks, the polls for their writes, and the age of changes.
    /// - Throws: `ObjectError.unavailable`, which names the file and what to do.
    public static func open(
        _ path: String, configuration: Configuration = Configuration(), clock: any Clock
    ) async throws -> SQLiteStorage {
        configuration.check()
        let deadline = clock.now + configuration.busyTimeout
        while true {
            do {
                let connection = try await Connections.openWriter(path)
                return SQLiteStorage(connection, path, configuration, clock)
            } catch  where Failure.isBusy(error) {
                // Two that make or recover one file at once: SQLite lets one of them through.
                guard clock.now < deadline else {
                    throw Failure.locked(path, after: "\(configuration.busyTimeout)")
                }
                try await clock.sleep(for: .milliseconds(2))
            } catch {
                throw Failure.described(error, path)
            }
        }
    }

    private init(
        _ connection: DatabaseQueue, _ path: String, _ configuration: Configuration, _ clock: any Clock
    ) {
        self.connection = connection
        self.path = path
        self.configuration = configuration
        let readers = { (connectionsMax: Int) in
            Readers(
                path: path, configuration: Connections.reading, connectionsMax: connectionsMax,
                waitingMax: configuration.waitingReadsMax)
        }
        points = readers(2)
        scans = readers(2)
        feed = ChangeFeed(scans, path: path, configuration: configuration, clock: clock)
        writer = Writer(connection, path: path, configuration: configuration, clock: clock, feed: feed)
    }

    deinit {
        feed.close()
    }

    /// The object with that key; nil where there is none.
    public func get(_ key: ObjectKey) async throws -> Object? {
        let stored = try await points.read { try StoredObject.find(key, in: $0) }
        return try stored?.decoded()
    }

    /// The objects that a query selects, in the order of their keys, at one point of the order of changes.
    public func list(_ query: ListQuery) async throws -> ObjectPage {
        try await scans.read { try ListStatement.page(query, in: $0) }
    }

    /// Stores an object that is not there yet, and returns it with its resource version.
    public func create(_ object: Object) async throws -> Object {
        try await writer.write(.create(object, text: text(object)))
    }

    /// Replaces an object, and returns the new one with its resource version.
    public func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try await writer.write(.update(object, text: text(object), preconditions))
    }

    /// Removes an object, and returns it as it was, with the resource version of its removal.
    public func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try await writer.write(.delete(key, preconditions))
    }

    /// Every change after `version` to objects that the query selects: each once, in order, without a gap.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await feed.watch(query, after: version)
    }

    /// The resource version of the last change, by whichever process.
    public func currentVersion() async throws -> ResourceVersion {
        ResourceVersion(UInt64(try await points.read { try ChangeRow.current($0) }))
    }

    /// Finishes the writes that were accepted, ends all watches and closes the file.
    public func close() async throws {
        await writer.close()
        feed.close()
        do {
            try await points.close()
            try await scans.close()
            try await connection.closeOnItsThread()
        } catch {
            throw Failure.described(error, path)
        }
    }

    private func text(_ object: Object) throws(ObjectError) -> String {
        let text = ObjectRow.text(object)
        guard text.utf8.count <= configuration.objectSizeBytesMax else {
            throw ObjectError(
                .badRequest,
                "\(object.key.kind) '\(object.key.name)' has \(text.utf8.count) bytes as JSON; "
                    + "at most \(configuration.objectSizeBytesMax) can be stored")
        }
        return text
    }
}
