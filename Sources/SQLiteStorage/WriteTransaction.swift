import GRDB
import ObjectStore

/// A group of writes in one transaction: each is checked against what stands there by then, and applied or refused.
///
/// A write that is refused has changed nothing, so the others need no savepoint.
struct WriteTransaction {
    /// What became of a group.
    struct Outcome {
        /// The revision before the first.
        var start: Int64
        /// Of each write, in order.
        var results: [Result<Object, ObjectError>] = []
        /// What was changed, in order: for watchers. Previous objects are read when somebody watches.
        var changes: [(object: Object?, previous: StoredObject?, revision: Int64)] = []
    }

    let database: Database
    let milliseconds: Int64
    private var outcome: Outcome

    /// Applies a group; the caller has begun the transaction, and commits it.
    static func apply(_ group: [WaitingWrite], to database: Database, milliseconds: Int64) throws -> Outcome {
        var transaction = WriteTransaction(
            database: database, milliseconds: milliseconds, outcome: Outcome(start: try ChangeRow.current(database)))
        transaction.outcome.results.reserveCapacity(group.count)
        for write in group {
            do {
                transaction.outcome.results.append(.success(try transaction.apply(write.change)))
            } catch let error as ObjectError {
                transaction.outcome.results.append(.failure(error))
            }
        }
        return transaction.outcome
    }

    private mutating func apply(_ change: WaitingWrite.Change) throws -> Object {
        switch change {
        case .create(let object, let text): try create(object, text)
        case .update(let object, let text, let preconditions): try update(object, text, if: preconditions)
        case .delete(let key, let preconditions): try delete(key, if: preconditions)
        }
    }

    private mutating func create(_ object: Object, _ text: String) throws -> Object {
        let key = object.key
        guard try StoredObject.find(key, in: database) == nil else { throw ObjectError.alreadyExists(key) }
        let revision = nextRevision
        try database.cachedStatement(
            sql: "INSERT INTO object (kind, namespace, name, uid, revision, json) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            key.kind.description, key.namespace, key.name, object.metadata.uid, revision, text,
        ])
        try record(revision, key, text: text, object: object, previous: nil)
        return object.at(revision)
    }

    private mutating func update(_ object: Object, _ text: String, if preconditions: Preconditions) throws -> Object {
        let key = object.key
        guard let stored = try StoredObject.find(key, in: database) else { throw ObjectError.notFound(key) }
        try stored.check(preconditions)
        let revision = nextRevision
        try database.cachedStatement(sql: "UPDATE object SET uid = ?, revision = ?, json = ? WHERE id = ?")
            .execute(arguments: [object.metadata.uid, revision, text, stored.id])
        try record(revision, key, text: text, object: object, previous: stored)
        return object.at(revision)
    }

    private mutating func delete(_ key: ObjectKey, if preconditions: Preconditions) throws -> Object {
        guard let stored = try StoredObject.find(key, in: database) else { throw ObjectError.notFound(key) }
        try stored.check(preconditions)
        let object = try stored.decoded()
        let revision = nextRevision
        try database.cachedStatement(sql: "DELETE FROM object WHERE id = ?").execute(arguments: [stored.id])
        try record(revision, key, text: nil, object: nil, previous: stored)
        return object.at(revision)
    }

    private var nextRevision: Int64 { outcome.start + Int64(outcome.changes.count) + 1 }

    private mutating func record(
        _ revision: Int64, _ key: ObjectKey, text: String?, object: Object?, previous: StoredObject?
    ) throws {
        try ChangeRow.insert(
            revision, key, object: text, previous: previous, milliseconds: milliseconds, in: database)
        outcome.changes.append((object?.at(revision), previous, revision))
    }
}

extension Object {
    /// The object with another resource version.
    func at(_ revision: Int64) -> Object {
        var object = self
        object.metadata.resourceVersion = ResourceVersion(UInt64(revision))
        return object
    }
}
