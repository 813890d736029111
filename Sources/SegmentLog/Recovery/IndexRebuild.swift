import WeirRuntime

/// Makes the indexes of a segment again by reading it; keeps what lies around damage. Blocking.
struct IndexRebuild {
    let folder: LogFolder
    let settings: LogSettings

    /// The indexes of the segment up to `summary.end`, and what of it is damaged.
    func run(
        _ summary: SegmentSummary, file: any DiskFile, epochs: EpochCache
    ) throws(DiskError) -> (index: SegmentIndex, damaged: [DamagedRange]) {
        var index = SegmentIndex(
            baseOffset: summary.baseOffset, firstIndex: summary.firstIndex,
            intervalBytes: settings.indexIntervalBytes)
        var damaged: [DamagedRange] = []
        let end = min(summary.end, try file.size())
        let scanner = BatchScanner(window: FileWindow(file, end: end))
        var position: Int64 = 0
        var offset = summary.baseOffset
        var entry = summary.firstIndex
        var epoch = epochs.epoch(at: offset) ?? 0
        while position < end {
            if case .batch(let batch, let bytes) = try scanner.look(at: position, offset: offset, epoch: epoch) {
                index.note(batch, position: position, index: entry)
                if !isHeader(batch, bytes) { entry += batch.entryCount }
                position += Int64(batch.sizeBytes)
                offset = batch.nextOffset
                epoch = batch.epoch
                continue
            }
            let limit = max(offset, summary.nextOffset)
            let found = try scanner.findNext(after: position, offsets: offset...limit, epoch: epoch)
            let resumed = found.map { ($0.position, $0.batch.baseOffset) } ?? (summary.end, summary.nextOffset)
            damaged.append(DamagedRange(positions: position..<resumed.0, offsets: offset..<max(offset, resumed.1)))
            position = resumed.0
            offset = max(offset, resumed.1)
            entry += 1
        }
        if position < summary.end {
            damaged.append(
                DamagedRange(positions: position..<summary.end, offsets: offset..<max(offset, summary.nextOffset)))
        }
        return (index, damaged)
    }

    private func isHeader(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard batch.isInternal, case .header = InternalBatch(bytes) else { return false }
        return true
    }
}
