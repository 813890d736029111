/// Where each leader epoch began: what tells a client that its log was cut (KIP-101, KIP-279).
struct EpochCache: Equatable, Sendable {
    struct Entry: Equatable, Sendable {
        var epoch: Int32
        var startOffset: Int64
    }

    /// Ascending in both fields.
    private(set) var entries: [Entry] = []

    /// Notes that a batch of `epoch` begins at `offset`. Cheap where the epoch is the last one.
    mutating func note(epoch: Int32, at offset: Int64) {
        if let last = entries.last, last.epoch >= epoch { return }
        if let last = entries.last, last.startOffset == offset { entries.removeLast() }
        entries.append(Entry(epoch: epoch, startOffset: offset))
    }

    /// The epoch that the batch at `offset` must have; nil where none is known.
    func epoch(at offset: Int64) -> Int32? {
        if let last = entries.last, last.startOffset <= offset { return last.epoch }
        return entries.last { $0.startOffset <= offset }?.epoch
    }

    /// The largest epoch not above `epoch`, and where it ended.
    func end(of epoch: Int32, logEndOffset: Int64) -> EpochEnd? {
        guard let index = entries.lastIndex(where: { $0.epoch <= epoch }) else { return nil }
        let next = index + 1
        let end = next < entries.count ? entries[next].startOffset : logEndOffset
        return EpochEnd(epoch: entries[index].epoch, endOffset: end)
    }

    /// Forgets epochs that ended at or below `offset`; the one that holds it begins there now.
    mutating func trim(below offset: Int64) {
        guard let holder = entries.lastIndex(where: { $0.startOffset <= offset }) else { return }
        entries.removeFirst(holder)
        entries[0].startOffset = offset
    }

    /// Forgets epochs that began at or above `offset`.
    mutating func truncate(to offset: Int64) {
        while let last = entries.last, last.startOffset >= offset, entries.count > 1 { entries.removeLast() }
    }

    mutating func append(_ entry: Entry) { entries.append(entry) }
}
