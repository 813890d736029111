/// A change as the hub shares it between its history and the watchers: handing it on costs one reference.
final class ChangeEntry: Sendable {
    let change: WatchHub.Change

    init(_ change: WatchHub.Change) {
        self.change = change
    }

    var version: ResourceVersion { change.version }

    /// What the change is to somebody who selects so; nil where it is nothing.
    func kind(for selection: ObjectSelection) -> WatchEvent.Change? {
        let matches = change.object.map(selection.matches) ?? false
        let matched = change.previous.map(selection.matches) ?? false
        switch (matched, matches) {
        case (false, true): return .added
        case (true, true): return .modified
        case (true, false): return .deleted
        case (false, false): return nil
        }
    }

    /// The event of the change, as `kind` says it.
    func event(_ kind: WatchEvent.Change) -> WatchEvent {
        guard kind == .deleted else { return WatchEvent(kind, change.object, at: version) }
        return WatchEvent(
            .deleted, WatchHub.Change(object: nil, previous: change.previous, version: version).result, at: version)
    }
}

/// The last changes, in order: a ring.
struct ChangeHistory {
    /// All changes after this version are known.
    private(set) var oldest: ResourceVersion
    /// The version of the last change.
    private(set) var last: ResourceVersion
    private var ring: [ChangeEntry] = []
    private var head = 0
    private let countMax: Int

    init(after version: ResourceVersion, countMax: Int) {
        oldest = version
        last = version
        self.countMax = countMax
    }

    /// How many changes may pass before watchers without events of their own are told how far they are.
    var bookmarkInterval: Int { max(1, countMax / 16) }

    mutating func append(_ entry: ChangeEntry) {
        precondition(entry.version > last, "changes are published in order: \(entry.version) came after \(last)")
        last = entry.version
        guard ring.count == countMax else { return ring.append(entry) }
        oldest = ring[head].version
        ring[head] = entry
        head = head + 1 == countMax ? 0 : head + 1
    }

    /// Forgets everything; the next change comes after `version`.
    mutating func reset(after version: ResourceVersion) {
        oldest = version
        last = version
        ring = []
        head = 0
    }

    /// The first changes after `version`. O(log n + countMax).
    func entries(after version: ResourceVersion, countMax most: Int) -> ArraySlice<ChangeEntry> {
        var low = 0
        var high = ring.count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].version <= version { low = middle + 1 } else { high = middle }
        }
        let end = min(ring.count, low + most)
        return (low..<end).map { self[$0] }[...]
    }

    private subscript(place: Int) -> ChangeEntry {
        let position = head + place
        return ring[position >= ring.count ? position - ring.count : position]
    }
}
