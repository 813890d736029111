import GRDB
import ObjectStore

/// Objects as the tables hold them: JSON without the resource version, which is a column of its own.
enum ObjectRow {
    /// The JSON of an object.
    static func text(_ object: Object) -> String {
        var object = object
        object.metadata.resourceVersion = nil
        return object.json.text
    }

    /// The object of a JSON text, at a revision.
    static func object(_ text: String, revision: Int64) throws(ObjectError) -> Object {
        var text = text
        text.makeContiguousUTF8()
        do throws(ObjectError) {
            var object = try Object(parsing: text.utf8, limits: limits)
            object.metadata.resourceVersion = ResourceVersion(UInt64(revision))
            return object
        } catch {
            throw ObjectError(.internalError, "what is stored at revision \(revision) is no object: \(error)")
        }
    }

    /// Wider than for input: what was once stored can be read.
    private static let limits = JSONLimits(depthMax: 512, bytesMax: .max)
}

/// An object as it stands in the table.
struct StoredObject {
    let id: Int64
    let uid: String
    let revision: Int64
    let text: String

    static func find(_ key: ObjectKey, in database: Database) throws -> StoredObject? {
        let statement = try database.cachedStatement(
            sql: "SELECT id, uid, revision, json FROM object WHERE kind = ? AND namespace = ? AND name = ?")
        return try Row.fetchOne(statement, arguments: [key.kind.description, key.namespace, key.name])
            .map { StoredObject(id: $0[0], uid: $0[1], revision: $0[2], text: $0[3]) }
    }

    func decoded() throws -> Object { try ObjectRow.object(text, revision: revision) }

    /// Throws where the object is not what the preconditions say; reads it only to say so.
    func check(_ preconditions: Preconditions) throws {
        let isSame = preconditions.uid == nil || preconditions.uid == uid
        let isUnchanged = preconditions.resourceVersion.map { $0.value == UInt64(revision) } ?? true
        if isSame && isUnchanged { return }
        try preconditions.check(decoded())
    }
}
