import WeirRuntime

/// A search by time in one segment: values only, so that it runs off the loop.
private struct TimeSearch: Sendable {
    /// What is looked for.
    enum Goal: Sendable {
        /// The first record of at least this timestamp.
        case atLeast(Int64)
        /// The first of the records with the largest timestamp.
        case largest
    }

    let file: any DiskFile
    let goal: Goal
    /// Where the run begins, and the offset of the batch there.
    let start: ReadStart
    /// Offsets that count.
    let offsets: Range<Int64>
    let damaged: [DamagedRange]

    /// What was found in the segment. Blocking.
    func run() throws(DiskError) -> TimestampedOffset? {
        let window = FileWindow(file, end: min(start.limit, try file.size()))
        let scanner = BatchScanner(window: window)
        var position = start.position
        var offset = start.offset
        var best: TimestampedOffset?
        while position < window.end {
            guard case .batch(let batch, let bytes) = try scanner.look(at: position, offset: offset, epoch: 0) else {
                guard let range = damaged.first(where: { $0.positions.contains(position) }) else { break }
                position = range.positions.upperBound
                offset = range.offsets.upperBound
                continue
            }
            if batch.baseOffset >= offsets.upperBound { break }
            if batch.nextOffset > offsets.lowerBound, batch.recordCount > 0, !batch.isControl,
                let found = look(into: batch, bytes, best)
            {
                best = found
                if case .atLeast = goal { return found }
            }
            position += Int64(batch.sizeBytes)
            offset = batch.nextOffset
        }
        return best
    }

    private func look(
        into batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, _ best: TimestampedOffset?
    ) -> TimestampedOffset? {
        switch goal {
        case .atLeast(let timestamp):
            guard batch.maxTimestamp >= timestamp else { return nil }
            return RecordSearch(batch: batch, bytes: bytes, offsets: offsets).first(atLeast: timestamp)
        case .largest:
            guard batch.maxTimestamp > best?.timestamp ?? -1 else { return nil }
            let found = RecordSearch(batch: batch, bytes: bytes, offsets: offsets).largest()
            guard let found, found.timestamp > best?.timestamp ?? -1 else { return nil }
            return found
        }
    }
}

extension LocalLog {
    /// The first committed record of at least `timestamp`; looks into the batch. On a disk thread.
    public func findOffset(
        timestamp: Int64, then: @escaping (Result<TimestampedOffset?, LogError>) -> Void
    ) {
        loop.preconditionIsCurrent()
        search(.atLeast(timestamp), then)
    }

    /// The first committed record with the largest timestamp. On a disk thread.
    public func findLargestTimestamp(then: @escaping (Result<TimestampedOffset?, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        search(.largest, then)
    }

    private func search(
        _ goal: TimeSearch.Goal, _ then: @escaping (Result<TimestampedOffset?, LogError>) -> Void
    ) {
        let bases: [Int64]
        switch goal {
        case .atLeast(let timestamp):
            bases = segments.filter { $0.summary.maxTimestamp >= timestamp }.map(\.baseOffset)
        case .largest:
            // The largest first; where what has it is below the log start, a later one may have less.
            bases = segments.filter { $0.summary.maxTimestamp >= 0 }
                .sorted { ($1.summary.maxTimestamp, $0.baseOffset) < ($0.summary.maxTimestamp, $1.baseOffset) }
                .map(\.baseOffset)
        }
        search(goal, bases[...], nil, then)
    }

    /// Searches the segments in turn; `best` is what earlier ones gave.
    private func search(
        _ goal: TimeSearch.Goal, _ bases: ArraySlice<Int64>, _ best: TimestampedOffset?,
        _ then: @escaping (Result<TimestampedOffset?, LogError>) -> Void
    ) {
        if health == .closed { return then(.failure(LogError(.closed, "\(folder.path) is closed"))) }
        // By offset: cleaning may have put its records into the segment before it.
        guard let base = bases.first, let segment = segment(holding: base) else {
            if bases.isEmpty { return then(.success(best)) }
            return search(goal, bases.dropFirst(), best, then)
        }
        if case .largest = goal, let best, best.timestamp >= segment.summary.maxTimestamp {
            return then(.success(best))
        }
        guard let file = segment.file, let index = segment.index else {
            return load(segment) { [self] in
                search(goal, bases, best, then)
            } failed: {
                then(.failure($0))
            }
        }
        let job = job(goal, segment, file, index)
        background({ Result { () throws(DiskError) in try job.run() } }) { [self] result in
            switch (result, goal) {
            case (.failure(let error), _): then(.failure(LogError(error)))
            case (.success(let found?), .atLeast): then(.success(found))
            case (.success(let found), _):
                let better = found.map { $0.timestamp > best?.timestamp ?? -1 } ?? false
                search(goal, bases.dropFirst(), better ? found : best, then)
            }
        }
    }

    private func job(
        _ goal: TimeSearch.Goal, _ segment: Segment, _ file: any DiskFile, _ index: SegmentIndex
    ) -> TimeSearch {
        let isLast = segment.baseOffset == committed.segment
        let limit = isLast ? committed.position : segment.summary.end
        var from = segment.baseOffset
        switch goal {
        case .atLeast(let timestamp): from = max(index.floor(timestamp: timestamp), min(logStart, committed.nextOffset))
        case .largest:
            let newest = segment.summary.maxTimestampOffset
            from = newest >= logStart && newest < committed.nextOffset ? newest : logStart
        }
        let floor = index.floor(offset: from) ?? (segment.baseOffset, 0)
        let start = ReadStart(offset: floor.offset, position: floor.position, limit: limit)
        return TimeSearch(
            file: file, goal: goal, start: start, offsets: logStart..<max(logStart, committed.nextOffset),
            damaged: segment.damaged)
    }
}
