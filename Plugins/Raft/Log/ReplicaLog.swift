/// A replica's log: the stored part, what is not stored yet, and how far it is committed and applied.
///
/// `applied <= applying <= committed <= last` always.
struct ReplicaLog: ~Copyable {
    private let storage: any LogStorage
    private(set) var unstable: UnstableLog
    private(set) var committed: LogIndex
    /// The last entry that was handed out to be applied.
    private(set) var applying: LogIndex
    private(set) var applied: LogIndex

    /// How large the entries may be that are handed out and not reported applied.
    private let applyingBytesMax: Int
    private var applyingBytes = 0
    private var isApplyingPaused = false

    init(_ storage: any LogStorage, applyingBytesMax: Int) {
        let last = storage.lastIndex
        guard let term = try? storage.term(at: last) else {
            preconditionFailure("the storage knows the term of its last entry")
        }
        self.storage = storage
        self.applyingBytesMax = applyingBytesMax
        unstable = UnstableLog(base: EntryID(term: term, index: last))
        committed = storage.firstIndex - 1
        applying = committed
        applied = committed
    }

    // MARK: Reading

    var firstIndex: LogIndex { unstable.snapshot.map { $0.last.index + 1 } ?? storage.firstIndex }
    var last: EntryID { unstable.last }

    /// The term of an entry of the log, or of the one before its first.
    func term(at index: LogIndex) throws(StorageError) -> Term {
        if let term = unstable.term(at: index) { return term }
        if index > last.index { throw .unavailable }
        if index + 1 < firstIndex { throw .compacted }
        return try storage.term(at: index)
    }

    func contains(_ id: EntryID) -> Bool {
        (try? term(at: id.index)) == id.term
    }

    /// Whether a log that ends with `other` has everything that this one might have committed (Raft §5.4.1).
    func isUpToDate(_ other: EntryID) -> Bool {
        other.term > last.term || (other.term == last.term && other.index >= last.index)
    }

    /// The entries from `first` on, as many as fit.
    func entries(from first: LogIndex, sizeBytesMax: Int) throws(StorageError) -> [Entry] {
        if first > last.index { return [] }
        return try entries(from: first, to: last.index + 1, sizeBytesMax: sizeBytesMax)
    }

    private func entries(
        from first: LogIndex, to end: LogIndex, sizeBytesMax: Int
    ) throws(StorageError) -> [Entry] {
        if first >= unstable.offset {
            let found = unstable.entries(from: first, to: end).prefix(sizeBytesMax: sizeBytesMax)
            return found.count == unstable.entries.count ? unstable.entries : Array(found)
        }
        if first < firstIndex { throw .compacted }
        let cut = min(end, unstable.offset)
        var found = try storage.entries(from: first, to: cut, sizeBytesMax: sizeBytesMax)
        guard end > cut, found.count == cut - first else { return found }
        let size = found.sizeBytes
        guard size < sizeBytesMax else { return found }
        let more = unstable.entries(from: cut, to: end).prefix(sizeBytesMax: sizeBytesMax - size)
        // A prefix has at least one entry, which may not fit behind those found.
        if more.count == 1 && size + more.sizeBytes > sizeBytesMax { return found }
        found.append(contentsOf: more)
        return found
    }

    /// The largest index up to `index` whose entry may be one that a log with `term` there has.
    ///
    /// The term there comes with it; 0 where it is compacted.
    func lastPossibleMatch(upTo index: LogIndex, term: Term) -> (index: LogIndex, term: Term) {
        var index = index
        while index > 0 {
            guard let own = try? self.term(at: index) else { return (index, 0) }
            if own <= term { return (index, own) }
            index = index - 1
        }
        return (0, 0)
    }

    func snapshot() throws(StorageError) -> Snapshot {
        if let snapshot = unstable.snapshot { return snapshot }
        return try storage.snapshot()
    }

    // MARK: Appending

    /// Appends entries of this replica's own leadership.
    mutating func append(_ entries: [Entry]) {
        unstable.append(entries, after: last)
    }

    /// Takes over a leader's entries behind `previous`; false where the logs do not agree there.
    ///
    /// Only from the first conflict on something is dropped: a late message must not truncate what a later one brought.
    mutating func append(_ entries: [Entry], after previous: EntryID) -> Bool {
        guard contains(previous) else { return false }
        guard let conflict = entries.firstIndex(where: { !contains($0.id) }) else { return true }
        let before = conflict == 0 ? previous : entries[conflict - 1].id
        precondition(before.index >= committed, "a leader never conflicts with what is committed")
        unstable.append(conflict == 0 ? entries : Array(entries[conflict...]), after: before)
        return true
    }

    mutating func restore(_ snapshot: Snapshot) {
        committed = snapshot.last.index
        unstable.restore(snapshot)
    }

    // MARK: Storing

    mutating func acceptUnstable() { unstable.acceptInProgress() }
    mutating func stored(upTo id: EntryID) { unstable.stored(upTo: id) }
    mutating func storedSnapshot(_ index: LogIndex) { unstable.storedSnapshot(index) }

    // MARK: Committing

    /// Moves the commit index on, never back; `index` must be in the log.
    mutating func commit(to index: LogIndex) {
        guard index > committed else { return }
        precondition(index <= last.index, "only what is in the log can be committed")
        committed = index
    }

    /// Takes over a commit index that was stored.
    mutating func loadCommit(_ index: LogIndex) {
        precondition(index >= committed && index <= last.index, "the stored commit index lies outside the stored log")
        committed = index
    }

    // MARK: Applying

    var hasSnapshotToStore: Bool { unstable.snapshot != nil }

    /// How far may be applied: only what is stored, unless `allowUnstable`.
    private func appliable(allowUnstable: Bool) -> LogIndex {
        allowUnstable ? committed : min(committed, unstable.base.index)
    }

    func hasNextCommitted(allowUnstable: Bool) -> Bool {
        if isApplyingPaused || hasSnapshotToStore { return false }
        return applying < appliable(allowUnstable: allowUnstable)
    }

    /// The next entries to apply, as many as fit; nothing while a snapshot waits to be stored.
    func nextCommitted(allowUnstable: Bool) -> [Entry] {
        guard hasNextCommitted(allowUnstable: allowUnstable) else { return [] }
        let end = appliable(allowUnstable: allowUnstable) + 1
        let room = applyingBytesMax - applyingBytes
        guard let entries = try? entries(from: applying + 1, to: end, sizeBytesMax: room) else {
            preconditionFailure("entries are not compacted before they are applied")
        }
        return entries
    }

    /// Notes that entries up to `index` were handed out.
    mutating func acceptApplying(_ index: LogIndex, sizeBytes: Int, allowUnstable: Bool) {
        precondition(index <= committed, "only what is committed is applied")
        applying = index
        applyingBytes += sizeBytes
        // Where the size cut it short, the next entry would cross the limit.
        isApplyingPaused = applyingBytes >= applyingBytesMax || index < appliable(allowUnstable: allowUnstable)
    }

    /// Notes that everything up to `index` was applied.
    mutating func applied(to index: LogIndex, sizeBytes: Int) {
        precondition(index >= applied && index <= committed, "applied is between what was and what is committed")
        applied = index
        applying = max(applying, index)
        applyingBytes = max(0, applyingBytes - sizeBytes)
        isApplyingPaused = applyingBytes >= applyingBytesMax
    }

    /// Whether a committed entry that is not applied yet changes the membership.
    var hasUnappliedConfigurationChange: Bool {
        var next = applied + 1
        while next <= committed {
            guard let page = try? entries(from: next, to: committed + 1, sizeBytesMax: applyingBytesMax) else {
                preconditionFailure("entries are not compacted before they are applied")
            }
            if page.contains(where: { $0.kind != .normal }) { return true }
            next = next + page.count
        }
        return false
    }
}
