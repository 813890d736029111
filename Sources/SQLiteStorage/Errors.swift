import GRDB
import ObjectStore

/// What SQLite's errors mean to whoever runs the program: each names the file, and what to do.
enum Failure {
    /// The error as callers see it.
    static func described(_ error: any Error, _ path: String) -> ObjectError {
        switch error {
        case let error as ObjectError: error
        case let error as DatabaseError: described(error, path)
        case Schema.Refusal.foreign:
            ObjectError(
                .unavailable,
                "\(path) is an SQLite database of another program; name a file that is Weir's, or none yet")
        case Schema.Refusal.newer(let version):
            ObjectError(
                .unavailable,
                "\(path) was written by a newer Weir (its schema is version \(version), this one knows up to "
                    + "\(Schema.version)); use that Weir, or another file")
        default: ObjectError(.internalError, "\(path): \(error)")
        }
    }

    /// Whether another process or connection was in the way, and nothing was done.
    static func isBusy(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED
    }

    /// Whether what was written may be lost although a later sync succeeds: nothing may be written any more.
    static func isFailedSync(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return [.SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC].contains(error.extendedResultCode)
    }

    /// The storage was closed.
    static func closed(_ path: String) -> ObjectError {
        ObjectError(.unavailable, "the store in \(path) is closed")
    }

    /// The write lock was not to be had.
    static func locked(_ path: String, after timeout: String) -> ObjectError {
        ObjectError(
            .unavailable,
            "\(path) was locked by another process for \(timeout), so nothing was written; look for a program that "
                + "keeps a transaction open (fuser \(path)), then try again")
    }

    /// A queue is full.
    static func full(_ path: String, _ what: String, _ count: Int) -> ObjectError {
        ObjectError(.unavailable, "\(count) \(what) wait for \(path) already; try again later")
    }

    private static func described(_ error: DatabaseError, _ path: String) -> ObjectError {
        let said = error.message ?? error.resultCode.description
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return ObjectError(.unavailable, "\(path) is locked by another process; try again")
        case .SQLITE_FULL:
            return ObjectError(
                .unavailable,
                "no space is left for \(path), so nothing was written; free some on its disk, then try again")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return ObjectError(
                .unavailable, "\(path) cannot be written (\(said)); give this user the right to write it and its folder"
            )
        case .SQLITE_CANTOPEN:
            return ObjectError(
                .unavailable, "\(path) cannot be opened (\(said)); see that its folder is there and may be written")
        case .SQLITE_NOTADB:
            return ObjectError(
                .unavailable, "\(path) is no SQLite database; name another file, or move this one out of the way")
        case .SQLITE_CORRUPT:
            return ObjectError(
                .unavailable,
                "\(path) is damaged (\(said)); stop the programs that use it, keep a copy, then restore a backup or "
                    + "save what can be read: sqlite3 \(path) .recover")
        case .SQLITE_IOERR:
            return ObjectError(
                .unavailable,
                "the disk of \(path) failed (\(said), \(error.extendedResultCode)); see the system's log, then open it again"
            )
        case .SQLITE_TOOBIG:
            return ObjectError(.badRequest, "the object is larger than SQLite can store in \(path)")
        case .SQLITE_NOMEM:
            return ObjectError(.unavailable, "the system has no memory left for \(path)")
        case .SQLITE_MISUSE where said.contains("closed"):
            return closed(path)
        default:
            return ObjectError(.internalError, "\(path): SQLite says \(error.extendedResultCode): \(said)")
        }
    }
}
