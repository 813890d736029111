import GRDB
import ObjectStore

/// The SQL of a list: kind, namespace and name in the database, labels and fields here.
struct ListStatement {
    private(set) var sql: String
    private(set) var arguments: [(any DatabaseValueConvertible)?] = []

    init(_ selection: ObjectSelection, after token: ContinueToken?) {
        var terms: [String] = []
        if let kind = selection.kind {
            terms.append("kind = ?")
            arguments.append(kind.description)
        }
        if let namespace = selection.namespace {
            terms.append("namespace = ?")
            arguments.append(namespace)
        }
        if !selection.namePrefix.isEmpty {
            terms.append("name >= ?")
            arguments.append(selection.namePrefix)
            if let end = Self.end(ofPrefix: selection.namePrefix) {
                terms.append("name < ?")
                arguments.append(end)
            }
        }
        for requirement in selection.fields.requirements where requirement.isEqual {
            guard let column = Self.columns[requirement.path] else { continue }
            terms.append("\(column) = ?")
            arguments.append(requirement.value)
        }
        if let token {
            terms.append("(kind, namespace, name) > (?, ?, ?)")
            arguments += [token.after.kind.description, token.after.namespace, token.after.name]
        }
        sql = "SELECT json, revision FROM object"
        if !terms.isEmpty { sql += " WHERE " + terms.joined(separator: " AND ") }
        sql += " ORDER BY kind, namespace, name"
    }

    /// The page of a query, at one point of the order of changes.
    static func page(_ query: ListQuery, in database: Database) throws -> ObjectPage {
        if let limit = query.limit, limit < 1 {
            throw ObjectError(.badRequest, "a list's limit is at least 1, not \(limit)")
        }
        let token = try query.continueToken.map { text throws(ObjectError) in try ContinueToken(parsing: text) }
        let list = ListStatement(query.selection, after: token)
        var objects: [Object] = []
        var version = ResourceVersion.zero
        var isComplete = true
        try database.inTransaction(.deferred) {
            version = try token?.resourceVersion ?? ResourceVersion(UInt64(ChangeRow.current(database)))
            let statement = try database.cachedStatement(sql: list.sql)
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(list.arguments))
            while let row = try rows.next() {
                let object = try ObjectRow.object(row[0], revision: row[1])
                guard query.selection.matches(object) else { continue }
                if objects.count == query.limit {
                    isComplete = false
                    break
                }
                objects.append(object)
            }
            return .commit
        }
        let last = isComplete ? nil : objects.last?.key
        return ObjectPage(
            objects: objects, resourceVersion: version,
            continueToken: last.map { ContinueToken(resourceVersion: version, after: $0).text })
    }

    private static let columns = ["metadata.name": "name", "metadata.namespace": "namespace", "metadata.uid": "uid"]

    /// The first text after all that begin with the prefix, in the order of bytes; nil where there is none.
    private static func end(ofPrefix prefix: String) -> String? {
        // The next scalar sorts right after in UTF-8 too; surrogates are no scalars.
        var scalars = Array(prefix.unicodeScalars)
        while let last = scalars.popLast() {
            guard last.value < 0x10FFFF else { continue }
            let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
            guard let scalar = UnicodeScalar(next) else { return nil }
            scalars.append(scalar)
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return String(text)
        }
        return nil
    }
}
