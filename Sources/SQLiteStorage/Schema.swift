import GRDB

/// The tables of a file, and how they become those of this version. docs/formats/objects-sqlite.md describes them.
enum Schema {
    /// `PRAGMA application_id`: "Weir". Tells our files from those of other programs.
    static let applicationID: Int64 = 0x5765_6972

    /// What brings a file of version `index` to version `index + 1`. Never changed once released; only added to.
    static let steps: [String] = [
        """
        CREATE TABLE object (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            uid TEXT NOT NULL,
            revision INTEGER NOT NULL,
            json TEXT NOT NULL
        );
        CREATE UNIQUE INDEX object_key ON object (kind, namespace, name);
        CREATE TABLE change (
            revision INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            kind TEXT NOT NULL,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            object TEXT,
            previous TEXT,
            previousRevision INTEGER
        );
        """
    ]

    /// `PRAGMA user_version` of the files that this version writes.
    static var version: Int { steps.count }

    /// A file that this version must not touch.
    enum Refusal: Error {
        case foreign
        case newer(version: Int)
    }

    /// Makes the tables, or brings them up to this version; changes nothing where they are.
    static func prepare(_ database: Database) throws {
        if try found(database) == version { return }
        // Looked at again under the write lock: another process may have been quicker.
        try database.inTransaction(.immediate) {
            for step in try found(database)..<version { try database.execute(sql: steps[step]) }
            try database.execute(sql: "PRAGMA user_version = \(version)")
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
            return .commit
        }
    }

    /// The version of the file; 0 for a new one.
    private static func found(_ database: Database) throws -> Int {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let owner = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard owner == applicationID else {
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
            guard owner == 0, version == 0, tables == 0 else { throw Refusal.foreign }
            return 0
        }
        guard version <= Self.version else { throw Refusal.newer(version: version) }
        return version
    }
}
