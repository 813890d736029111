/// A log in memory: for tests, tools, and owners that keep all entries in memory anyway.
///
/// Confined to one thread. The owner writes what `Ready` asks for.
public final class MemoryStorage: LogStorage {
    /// The replica's own state, as stored.
    public var hardState: HardState
    /// What `initialState` says of the membership.
    public var configuration: ConfigurationState
    /// What is sent to replicas that need it; nil: `.snapshotTemporarilyUnavailable`.
    public var snapshotToSend: Snapshot?

    /// The place and term before the first entry.
    private var start: EntryID
    private var stored: [Entry] = []

    /// A log whose first entry follows `start`.
    public init(
        start: EntryID = EntryID(term: 0, index: 0), configuration: ConfigurationState = ConfigurationState(),
        hardState: HardState = HardState()
    ) {
        self.start = start
        self.configuration = configuration
        self.hardState = hardState
    }

    /// What is stored of the replica's own state.
    public func initialState() -> (hardState: HardState, configuration: ConfigurationState) {
        (hardState, configuration)
    }

    /// The stored entries, in order.
    public var entries: ArraySlice<Entry> { stored[...] }

    /// One past the start.
    public var firstIndex: LogIndex { start.index + 1 }

    /// The last entry, or the start.
    public var lastIndex: LogIndex { start.index + stored.count }

    /// The entries of the range.
    public func entries(
        from first: LogIndex, to end: LogIndex, sizeBytesMax: Int
    ) throws(StorageError) -> [Entry] {
        guard first > start.index else { throw .compacted }
        guard end <= lastIndex + 1 else { throw .unavailable }
        let range = stored[(first - start.index - 1)..<(end - start.index - 1)]
        return Array(range.prefix(sizeBytesMax: sizeBytesMax))
    }

    /// The term of the entry, or of the start.
    public func term(at index: LogIndex) throws(StorageError) -> Term {
        guard index >= start.index else { throw .compacted }
        guard index <= lastIndex else { throw .unavailable }
        return index == start.index ? start.term : stored[index - start.index - 1].term
    }

    /// `snapshotToSend`.
    public func snapshot() throws(StorageError) -> Snapshot {
        guard let snapshotToSend else { throw .snapshotTemporarilyUnavailable }
        return snapshotToSend
    }

    /// Stores the entries; what was stored from the first of them on is dropped.
    public func append(_ entries: [Entry]) {
        guard let first = entries.first else { return }
        precondition(first.index > start.index && first.index <= lastIndex + 1, "a log has no gaps")
        stored.removeSubrange((first.index - start.index - 1)...)
        stored.append(contentsOf: entries)
    }

    /// Drops the entries up to `index`, that included. Throws `.compacted` where they are dropped already.
    public func compact(to index: LogIndex) throws(StorageError) {
        guard index > start.index else { throw .compacted }
        guard index <= lastIndex else { throw .unavailable }
        let term = try term(at: index)
        stored.removeSubrange(..<(index - start.index))
        start = EntryID(term: term, index: index)
    }

    /// Drops all entries: the log begins anew after the snapshot.
    public func restore(_ snapshot: Snapshot) {
        stored = []
        start = snapshot.last
        configuration = snapshot.configuration
    }
}

extension Collection<Entry> {
    /// The first entries whose sizes together stay within `sizeBytesMax`; at least one.
    package func prefix(sizeBytesMax: Int) -> SubSequence {
        guard sizeBytesMax < .max, !isEmpty else { return self[...] }
        var end = index(after: startIndex)
        var size = self[startIndex].sizeBytes
        while end != endIndex {
            size += self[end].sizeBytes
            if size > sizeBytesMax { break }
            end = index(after: end)
        }
        return self[..<end]
    }
}
