import GRDBSQLite

/// SQLite's C interface, with the statements of SQLiteStorage on the same tables: what storing costs without Weir.
final class RawSQLite {
    private var connection: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]
    private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// Opens a file that SQLiteStorage has made.
    init(_ path: String) {
        precondition(sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close(connection)
    }

    /// Replaces an object by compare-and-swap, in a transaction of its own.
    func update(kind: String, name: String, json: String) {
        run("BEGIN IMMEDIATE TRANSACTION")
        apply(kind: kind, name: name, json: json)
        run("COMMIT TRANSACTION")
    }

    /// Makes the log as long as it gets before it is begun anew: from then on its blocks are there already, and a sync
    /// costs less. One transaction.
    func fillLog(kind: String, names: [String], json: String) {
        run("BEGIN IMMEDIATE TRANSACTION")
        for turn in 0..<8_192 { apply(kind: kind, name: names[turn % names.count], json: json) }
        run("COMMIT TRANSACTION")
    }

    private func apply(kind: String, name: String, json: String) {
        let next = number("SELECT max(revision) FROM change") + 1
        let (id, revision, previous) = find(kind: kind, name: name)
        run("UPDATE object SET uid = ?, revision = ?, json = ? WHERE id = ?", ["uid", next, json, id])
        run(
            """
            INSERT INTO change (revision, time, kind, namespace, name, object, previous, previousRevision)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """, [next, Int64(1_700_000_000_000), kind, "default", name, json, previous, revision])
    }

    /// Reads one object.
    func find(kind: String, name: String) -> (id: Int64, revision: Int64, json: String) {
        let statement = prepared(
            "SELECT id, uid, revision, json FROM object WHERE kind = ? AND namespace = ? AND name = ?")
        bind([kind, "default", name], to: statement)
        precondition(sqlite3_step(statement) == SQLITE_ROW, "the benchmark reads what it has written")
        defer { sqlite3_reset(statement) }
        return (
            sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 2),
            String(cString: sqlite3_column_text(statement, 3))
        )
    }

    private func number(_ sql: String) -> Int64 {
        let statement = prepared(sql)
        precondition(sqlite3_step(statement) == SQLITE_ROW)
        defer { sqlite3_reset(statement) }
        return sqlite3_column_int64(statement, 0)
    }

    private func run(_ sql: String, _ values: [any Sendable] = []) {
        let statement = prepared(sql)
        bind(values, to: statement)
        let status = sqlite3_step(statement)
        precondition(
            status == SQLITE_DONE || status == SQLITE_ROW, "\(sql): \(String(cString: sqlite3_errmsg(connection)))")
        sqlite3_reset(statement)
    }

    private func prepared(_ sql: String) -> OpaquePointer? {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        precondition(sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK, sql)
        statements[sql] = statement
        return statement
    }

    private func bind(_ values: [any Sendable], to statement: OpaquePointer?) {
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            if let number = value as? Int64 {
                sqlite3_bind_int64(statement, place, number)
            } else if let text = value as? String {
                sqlite3_bind_text(statement, place, text, -1, transient)
            }
        }
    }
}
