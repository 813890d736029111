/// The end of the log that is not known to be stored, or a snapshot that is not.
struct UnstableLog: ~Copyable, Sendable {
    /// The entry before `entries`: the last one that is stored, or the snapshot's.
    private(set) var base: EntryID
    /// What follows it.
    private(set) var entries: [Entry] = []
    /// How many of the entries were handed out to be stored.
    private var inProgressCount = 0
    /// What replaces the whole stored log, until it is stored itself.
    private(set) var snapshot: Snapshot?
    private var isSnapshotInProgress = false

    init(base: EntryID) { self.base = base }

    /// The place of the first entry.
    var offset: LogIndex { base.index + 1 }

    var last: EntryID { entries.last?.id ?? base }

    /// The term of an entry from the base on; nil below it.
    func term(at index: LogIndex) -> Term? {
        guard index > base.index else { return index == base.index ? base.term : nil }
        let place = index - offset
        return place < entries.count ? entries[place].term : nil
    }

    /// The entries from `first` up to, not with, `end`.
    func entries(from first: LogIndex, to end: LogIndex) -> ArraySlice<Entry> {
        entries[(first - offset)..<(end - offset)]
    }

    // MARK: Storing

    /// Entries that were not handed out yet.
    var nextEntries: [Entry] {
        inProgressCount == 0 ? entries : Array(entries[inProgressCount...])
    }

    var hasNextEntries: Bool { inProgressCount < entries.count }

    /// The snapshot that was not handed out yet.
    var nextSnapshot: Snapshot? { isSnapshotInProgress ? nil : snapshot }

    /// Notes that all of it was handed out.
    mutating func acceptInProgress() {
        inProgressCount = entries.count
        isSnapshotInProgress = snapshot != nil
    }

    /// Drops what is stored up to `id`, if that entry is still the one here.
    ///
    /// It may have been replaced meanwhile; then what was stored is not what is here.
    mutating func stored(upTo id: EntryID) {
        guard id.index > base.index, term(at: id.index) == id.term else { return }
        let count = id.index - base.index
        base = id
        if count == entries.count {
            entries = []
        } else {
            entries.removeFirst(count)
        }
        inProgressCount = max(0, inProgressCount - count)
    }

    /// Drops the snapshot, if it is still the one up to `index`.
    mutating func storedSnapshot(_ index: LogIndex) {
        guard let snapshot, snapshot.last.index == index else { return }
        self.snapshot = nil
        isSnapshotInProgress = false
    }

    // MARK: Changing

    mutating func restore(_ snapshot: Snapshot) {
        self = UnstableLog(base: snapshot.last)
        self.snapshot = snapshot
    }

    /// Puts entries at their places; what was there and after them is dropped.
    ///
    /// `previous` is the entry before the first of them.
    mutating func append(_ appended: [Entry], after previous: EntryID) {
        if previous.index == last.index {
            if entries.isEmpty { entries = appended } else { entries.append(contentsOf: appended) }
        } else if previous.index <= base.index {
            base = previous
            entries = appended
            inProgressCount = 0
        } else {
            let kept = previous.index - base.index
            entries.removeSubrange(kept...)
            entries.append(contentsOf: appended)
            inProgressCount = min(inProgressCount, kept)
        }
    }
}
