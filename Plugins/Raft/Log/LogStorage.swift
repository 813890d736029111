/// The stored part of a group's log, as its replica reads it.
///
/// The owner writes what `Ready` asks for; the replica only reads, from its own thread, and expects to see
/// what was written. Calls are a range of entries, never an entry. With asynchronous storage writes a
/// write may become visible before it is reported, not after.
public protocol LogStorage: AnyObject {
    /// What was stored of the replica's own state, and the membership as of what is applied.
    func initialState() -> (hardState: HardState, configuration: ConfigurationState)

    /// The entries from `first` up to, not with, `end`: as many as fit into `sizeBytesMax`, at least one.
    ///
    /// Throws `.compacted` where `first` is below `firstIndex`. `end` is at most one past `lastIndex`.
    func entries(from first: LogIndex, to end: LogIndex, sizeBytesMax: Int) throws(StorageError) -> [Entry]

    /// The term of a stored entry, or of the one just before the first.
    func term(at index: LogIndex) throws(StorageError) -> Term

    /// The first stored entry; one past what was compacted or is in the snapshot.
    var firstIndex: LogIndex { get }

    /// The last stored entry; `firstIndex - 1` where there is none.
    var lastIndex: LogIndex { get }

    /// The state to send to a replica that needs entries which are compacted.
    ///
    /// Throws `.snapshotTemporarilyUnavailable` to be asked again later.
    func snapshot() throws(StorageError) -> Snapshot
}

/// Why stored entries cannot be had.
public enum StorageError: Error, Hashable, Sendable {
    /// They were compacted; a snapshot stands for them.
    case compacted
    /// They are not there.
    case unavailable
    /// The snapshot is being made.
    case snapshotTemporarilyUnavailable
}
