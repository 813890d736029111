public import WeirRuntime

/// Opens, makes and deletes logs: the local implementation here, the Raft one in RaftLog.
///
/// Callable from any thread; async, because it is an edge: opening recovers.
public protocol LogProvider: AnyObject, Sendable {
    /// The logs that are on disk, in no order: what a start opens, and what it finds orphaned.
    func list() async throws -> [LogIdentity]

    /// Makes the log and opens it.
    func create(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog

    /// Opens a log that is there, recovering what an unclean stop left.
    func open(_ identity: LogIdentity, settings: LogSettings, on loop: any Loop) async throws -> any ReplicatedLog

    /// Deletes the log, open or not. Returns when the name is free: the folder is renamed at once and
    /// unlinked later.
    func delete(_ identity: LogIdentity) async throws
}
