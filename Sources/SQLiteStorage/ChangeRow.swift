import GRDB
import ObjectStore

/// Changes as the table holds them: in the order of their revisions, without a gap.
///
/// The last row is never removed: it is the revision counter.
enum ChangeRow {
    /// Which changes the table holds: all after `known`, up to `current`.
    struct Bounds: Sendable {
        var known: UInt64
        var current: UInt64
    }

    static func bounds(_ database: Database) throws -> Bounds {
        // Two look-ups, each the end of a B-tree; `min` and `max` in one SELECT would read the whole table.
        let statement = try database.cachedStatement(
            sql: "SELECT (SELECT min(revision) FROM change), (SELECT max(revision) FROM change)")
        let row = try Row.fetchOne(statement)
        let oldest: Int64? = row?[0]
        let newest: Int64? = row?[1]
        return Bounds(known: UInt64(max(0, (oldest ?? 1) - 1)), current: UInt64(newest ?? 0))
    }

    /// The revision of the last change.
    static func current(_ database: Database) throws -> Int64 {
        let statement = try database.cachedStatement(sql: "SELECT max(revision) FROM change")
        return try Int64.fetchOne(statement) ?? 0
    }

    /// The changes after `revision`, at most `countMax`.
    static func changes(
        after revision: UInt64, countMax: Int, in database: Database
    ) throws -> [WatchHub.Change] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT revision, object, previous, previousRevision FROM change
                WHERE revision > ? ORDER BY revision LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [Int64(clamping: revision), countMax]).map { row in
            let revision: Int64 = row[0]
            let object: String? = row[1]
            let previous: String? = row[2]
            return try WatchHub.Change(
                object: object.map { try ObjectRow.object($0, revision: revision) },
                previous: previous.map { try ObjectRow.object($0, revision: row[3]) },
                version: ResourceVersion(UInt64(revision)))
        }
    }

    static func insert(
        _ revision: Int64, _ key: ObjectKey, object: String?, previous: StoredObject?, milliseconds: Int64,
        in database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO change (revision, time, kind, namespace, name, object, previous, previousRevision)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            revision, milliseconds, key.kind.description, key.namespace, key.name, object, previous?.text,
            previous?.revision,
        ])
    }

    /// Forgets changes that are too many or too old, a bounded number at a time; never the last.
    static func trim(keeping countMax: Int, newerThan milliseconds: Int64, in database: Database) throws {
        let bounds = try bounds(database)
        let last = Int64(bounds.current)
        let oldest = Int64(bounds.known) + 1
        let young = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT revision FROM change WHERE time >= ? ORDER BY revision LIMIT 1"),
            arguments: [milliseconds])
        let firstKept = min(max(last - Int64(countMax) + 1, young ?? last), last, oldest + trimMax)
        guard firstKept > oldest else { return }
        try database.cachedStatement(sql: "DELETE FROM change WHERE revision < ?").execute(arguments: [firstKept])
    }

    /// How many changes are looked at for their removal at a time.
    static let trimMax: Int64 = 4_096
    /// How many changes are written between two removals.
    static func trimInterval(keeping countMax: Int) -> Int { min(512, max(1, countMax / 4)) }
}
