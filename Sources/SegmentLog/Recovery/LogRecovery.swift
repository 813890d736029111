import Logging
import WeirRuntime

/// A segment as recovery hands it to the log.
struct RecoveredSegment: Sendable {
    var summary: SegmentSummary
    /// Open where it was read; always for the last segment.
    var file: (any DiskFile)?
    /// Known where it was read; always for the last segment.
    var index: SegmentIndex?
    /// Entries of `index` that are in the index files.
    var offsetEntriesStored = 0
    var timeEntriesStored = 0
    var damaged: [DamagedRange] = []
}

/// A log as recovery found it: everything in it is on the device.
struct RecoveredLog: Sendable {
    /// Ascending; the last one is written to.
    var segments: [RecoveredSegment]
    var state: LogState
    var recoveryFile: any DiskFile
    var recoverySequence: UInt64
    /// Bytes that were read and checked.
    var scannedBytes: Int64
    /// What the checkpoint on disk says; nil: there is none that is of use.
    var checkpoint: LogPoint?
    /// Below it the log is clean, as far as is known.
    var cleanOffset: Int64 = 0
}

/// Opens a log's folder: replays what came after the checkpoint, cuts the unsynced tail where it is
/// torn, keeps what lies around damage. Blocking; runs on one of the disk's threads.
///
/// Only the bytes behind the checkpoint are read. The recovery point says up to where the log was
/// synced: a bad batch below it is damage and stays; one at or above it is a tail that nobody was told
/// of, and is cut off with all that follows. Where the recovery point is lost, a bad batch with an
/// intact one behind it counts as damage: rather a hole that is named than a silent loss.
struct LogRecovery {
    let folder: LogFolder
    let settings: LogSettings
    let wallMilliseconds: Int64
    let logger: Logger
    let probe: SegmentLogProbe

    private var bases: [Int64] = []
    private var sealed: [RecoveredSegment] = []
    private var scanned: [RecoveredSegment] = []
    private var state = LogState(nextOffset: 0, nextIndex: 1, logStart: 0)
    private var synced: RecoveryPoint?
    private var checkpoint: LogPoint?
    /// Swaps that the checkpoint may not know of.
    private var swaps: [SegmentSwap] = []
    private var scannedBytes: Int64 = 0
    private var truncatedBytes: Int64 = 0
    private var hasNewDamage = false

    init(
        folder: LogFolder, settings: LogSettings, wallMilliseconds: Int64, logger: Logger, probe: SegmentLogProbe
    ) {
        self.folder = folder
        self.settings = settings
        self.wallMilliseconds = wallMilliseconds
        self.logger = logger
        self.probe = probe
    }

    /// The log, ready to be written to.
    mutating func run() throws(LogError) -> RecoveredLog {
        do throws(DiskError) {
            try finishSwaps()
            try readFolder()
        } catch {
            throw LogError(error)
        }
        guard !bases.isEmpty else {
            throw LogError(.notFound, "\(folder.path) holds no segment of a log; restore it or delete the folder")
        }
        let first = try begin()
        try scanSegments(from: first)
        do throws(DiskError) {
            return try finish()
        } catch {
            throw LogError(error)
        }
    }

    // MARK: What is there

    /// Finishes the swaps of cleaned segments that were decided, and removes what others wrote.
    private mutating func finishSwaps() throws(DiskError) {
        for name in try folder.disk.list(folder.path) {
            guard let base = FileNames.baseOffset(ofSwap: name) else { continue }
            if let swap = try folder.readSwap(base) {
                try folder.finish(swap)
                swaps.append(swap)
            } else {
                logger.error("\(folder.file(name)) is damaged; the segments that it speaks of may be too")
                try folder.disk.remove(folder.file(name))
            }
        }
        for name in try folder.disk.list(folder.path) where name.hasSuffix(FileNames.cleanedSuffix) {
            try folder.disk.remove(folder.file(name))
        }
    }

    private mutating func readFolder() throws(DiskError) {
        for name in try folder.disk.list(folder.path) {
            if let base = FileNames.baseOffset(ofLogFile: name) {
                bases.append(base)
            } else if name.hasSuffix(FileNames.deletedSuffix) || FileNames.drafts.contains(name) {
                try folder.disk.remove(folder.file(name))
            }
        }
        bases.sort()
        if let bytes = try folder.readAll(folder.file(FileNames.recoveryPoint)),
            let point = RecoveryPoint.newest(in: bytes), isOurs(point.topicID, point.partition)
        {
            synced = point
        }
    }

    private func isOurs(_ topicID: TopicID, _ partition: Int32) -> Bool {
        topicID == folder.identity.topicID && partition == folder.identity.partition
    }

    /// Takes what the checkpoint knows. Returns the place in `bases` of the segment to read first.
    private mutating func begin() throws(LogError) -> Int {
        let known = readCheckpoint()
        guard let checkpoint = known, let place = bases.firstIndex(of: checkpoint.active.baseOffset),
            let active = try openActive(checkpoint)
        else {
            state = LogState(nextOffset: bases[0], nextIndex: 1, logStart: bases[0])
            if let known, known.state.nextOffset <= bases[0] {
                // Its segment was deleted since: what it knew then goes on.
                state.epochs = known.state.epochs
                state.nextIndex = known.state.nextIndex
                // Of producers only where nothing came between: sequences and markers that were deleted unread would
                // make it say what is not so any more.
                if known.state.nextOffset == bases[0] {
                    state.producers = known.state.producers
                    state.transactions = known.state.transactions
                }
            }
            // One in a segment that was deleted since is old, and right.
            if let synced, synced.point.segment >= bases[0], !bases.contains(synced.point.segment) {
                logger.error("\(folder.path): the segment that was synced last is missing")
                self.synced = nil
            }
            return 0
        }
        state = checkpoint.state
        for summary in checkpoint.sealed where bases.contains(summary.baseOffset) {
            sealed.append(RecoveredSegment(summary: summary))
        }
        let kept = Set(sealed.map(\.summary.baseOffset))
        for base in bases[..<place] where !kept.contains(base) { removeQuietly(base) }
        bases.removeFirst(place)
        scanned.append(active)
        let point = LogPoint(
            segment: active.summary.baseOffset, position: active.summary.end, nextOffset: state.nextOffset,
            nextIndex: state.nextIndex)
        // One whose index was lost says less than it should: it is stored again when the log closes.
        if active.offsetEntriesStored == checkpoint.offsetEntryCount { self.checkpoint = point }
        if synced.map({ $0.point.isBefore(segment: point.segment, position: point.position) }) ?? true {
            let sequence = synced?.sequence ?? 0
            synced = RecoveryPoint(sequence: sequence, identity: folder.identity, point: point)
        }
        return 0
    }

    private func readCheckpoint() -> Checkpoint? {
        do throws(DiskError) {
            guard let bytes = try folder.readAll(folder.file(FileNames.checkpoint)) else { return nil }
            guard var checkpoint = Checkpoint(bytes), isOurs(checkpoint.topicID, checkpoint.partition) else {
                logger.warning("\(folder.path): the checkpoint is damaged or of another version; reading the whole log")
                return nil
            }
            for swap in swaps {
                swap.patch(&checkpoint.sealed)
                checkpoint.state.transactions.forgetAborted(swap.emptyAborts)
            }
            return checkpoint
        } catch {
            logger.warning("\(folder.path): the checkpoint cannot be read (\(error)); reading the whole log instead")
            return nil
        }
    }

    /// The segment the checkpoint lies in, with the part of its indexes that the checkpoint covers.
    private func openActive(_ checkpoint: Checkpoint) throws(LogError) -> RecoveredSegment? {
        do throws(DiskError) {
            let summary = checkpoint.active
            let file = try folder.disk.open(folder.logFile(summary.baseOffset), .existing)
            var segment = RecoveredSegment(summary: summary, file: file)
            if let index = try readActiveIndex(checkpoint) {
                segment.index = index
                segment.offsetEntriesStored = index.offsets.count
                segment.timeEntriesStored = index.times.count
            } else {
                let rebuilt = try IndexRebuild(folder: folder, settings: settings).run(
                    summary, file: file, epochs: checkpoint.state.epochs)
                segment.index = rebuilt.index
                segment.damaged = rebuilt.damaged
                probe.rebuiltIndex()
                logger.warning("\(file.path): its index was missing or damaged, and is made again")
            }
            return segment
        } catch {
            throw LogError(error)
        }
    }

    private func readActiveIndex(_ checkpoint: Checkpoint) throws(DiskError) -> SegmentIndex? {
        let size = SparseIndexFile.entrySizeBytes
        let base = checkpoint.active.baseOffset
        let offsetBytes = try folder.readAll(folder.offsetIndexFile(base)) ?? []
        let timeBytes = try folder.readAll(folder.timeIndexFile(base)) ?? []
        let offsetCount = checkpoint.offsetEntryCount * size
        let timeCount = checkpoint.timeEntryCount * size
        guard offsetBytes.count >= offsetCount, timeBytes.count >= timeCount,
            let offsets = folder.decode(Array(offsetBytes.prefix(offsetCount)), base, OffsetIndexEntry.self),
            let times = folder.decode(Array(timeBytes.prefix(timeCount)), base, TimeIndexEntry.self)
        else { return nil }
        return SegmentIndex(
            checkpoint.active, intervalBytes: settings.indexIntervalBytes, offsets: offsets, times: times,
            sizeBytesSinceEntry: checkpoint.sizeBytesSinceEntry)
    }

    private func removeQuietly(_ base: Int64) {
        do throws(DiskError) { try folder.removeSegment(base) } catch {
            logger.warning("\(folder.path): a left-over segment stays (\(error))")
        }
    }

    // MARK: Reading

    private mutating func scanSegments(from first: Int) throws(LogError) {
        for place in first..<bases.count {
            do throws(DiskError) {
                let goesOn = try scan(place)
                if goesOn { continue }
            } catch {
                throw LogError(error)
            }
            for base in bases[(place + 1)...] {
                logger.warning("\(folder.logFile(base)): dropped, it follows an unsynced tail that was cut off")
                removeQuietly(base)
            }
            return
        }
    }

    /// Reads one segment; false where the log ends in it although more segments follow.
    private mutating func scan(_ place: Int) throws(DiskError) -> Bool {
        let base = bases[place]
        if scanned.last?.summary.baseOffset != base {
            let file = try folder.disk.open(folder.logFile(base), .existing)
            if base > state.nextOffset { state.nextOffset = base }
            var segment = RecoveredSegment(summary: SegmentSummary(baseOffset: base, firstIndex: state.nextIndex))
            segment.file = file
            scanned.append(segment)
        }
        let last = scanned.count - 1
        guard let file = scanned[last].file else { preconditionFailure("a segment being read is open") }
        let size = try file.size()
        let scanner = BatchScanner(window: FileWindow(file, end: size))
        var position = scanned[last].summary.end
        let next = place + 1 < bases.count ? bases[place + 1] : nil
        while true {
            switch try scanner.look(at: position, offset: state.nextOffset, epoch: state.epoch) {
            case .batch(let batch, let bytes):
                take(batch, bytes, at: position, into: last)
                position += Int64(batch.sizeBytes)
            case .end where !isSynced(base, position, next) || next == state.nextOffset:
                return try end(last, at: position, size: size, next: next)
            case .bad where !isSynced(base, position, next):
                if synced == nil, let found = try resume(scanner, position, next) {
                    skip(to: found, from: position, in: last)
                    position = found.position
                    continue
                }
                return try end(last, at: position, size: size, next: next)
            case .end, .bad:
                let found = try resume(scanner, position, next) ?? syncedEnd(base, size, next)
                skip(to: found, from: position, in: last)
                position = found.position
                if found.isEnd { return try end(last, at: position, size: size, next: next) }
            }
        }
    }

    private mutating func take(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, at position: Int64, into last: Int
    ) {
        if scanned[last].index == nil {
            var firstIndex = state.nextIndex
            if case .header(let header) = InternalBatch(bytes) { firstIndex = max(firstIndex, header.firstIndex) }
            scanned[last].summary.firstIndex = firstIndex
            scanned[last].index = SegmentIndex(
                baseOffset: scanned[last].summary.baseOffset, firstIndex: firstIndex,
                intervalBytes: settings.indexIntervalBytes)
        }
        scanned[last].index?.note(batch, position: position, index: state.nextIndex)
        state.replay(
            batch, bytes, segment: scanned[last].summary.baseOffset, position: position,
            wallMilliseconds: wallMilliseconds)
        scannedBytes += Int64(batch.sizeBytes)
    }

    /// Whether the byte is known to have been on the device.
    private func isSynced(_ base: Int64, _ position: Int64, _ next: Int64?) -> Bool {
        guard let synced else { return next != nil }
        return !(synced.point.segment < base || (synced.point.segment == base && synced.point.position <= position))
    }

    // MARK: Damage

    /// Where reading goes on behind damage.
    private struct Resumption {
        var position: Int64
        var offset: Int64
        var index: Int64
        /// Nothing is known to follow in this segment.
        var isEnd = false
    }

    private func resume(_ scanner: BatchScanner, _ position: Int64, _ next: Int64?) throws(DiskError) -> Resumption? {
        let limit = next ?? max(state.nextOffset, synced.map(\.point.nextOffset) ?? .max)
        guard state.nextOffset <= limit else { return nil }
        guard
            let found = try scanner.findNext(
                after: position, offsets: state.nextOffset...limit, epoch: state.epoch)
        else { return nil }
        return Resumption(position: found.position, offset: found.batch.baseOffset, index: state.nextIndex + 1)
    }

    private func syncedEnd(_ base: Int64, _ size: Int64, _ next: Int64?) -> Resumption {
        if let synced, synced.point.segment == base {
            let point = synced.point
            return Resumption(
                position: point.position, offset: max(point.nextOffset, state.nextOffset),
                index: max(point.nextIndex, state.nextIndex), isEnd: point.position >= size)
        }
        return Resumption(position: size, offset: next ?? state.nextOffset, index: state.nextIndex + 1, isEnd: true)
    }

    private mutating func skip(to found: Resumption, from position: Int64, in last: Int) {
        let range = DamagedRange(
            positions: position..<max(position, found.position), offsets: state.nextOffset..<found.offset)
        state.nextOffset = found.offset
        state.nextIndex = found.index
        scanned[last].damaged.append(range)
        if scanned[last].index == nil {
            scanned[last].index = SegmentIndex(
                baseOffset: scanned[last].summary.baseOffset, firstIndex: scanned[last].summary.firstIndex,
                intervalBytes: settings.indexIntervalBytes)
        }
        report(range, in: scanned[last].summary.baseOffset)
    }

    private func report(_ range: DamagedRange, in base: Int64) {
        probe.found(range, in: folder.identity)
        logger.error(
            """
            \(folder.logFile(base)): bytes \(range.positions.lowerBound) to \(range.positions.upperBound) are \
            damaged; offsets \(range.offsets.lowerBound) up to \(range.offsets.upperBound) cannot be read. What lies \
            before and after is served; restore the file from a copy to get them back
            """)
    }

    // MARK: Ends

    /// Notes where the segment's batches end. Returns whether the log goes on in the next segment.
    private mutating func end(_ last: Int, at position: Int64, size: Int64, next: Int64?) throws(DiskError) -> Bool {
        guard let file = scanned[last].file else { preconditionFailure("a segment being read is open") }
        if position < size || position > size {
            if position < size { truncatedBytes += try countOfNonZeroTail(file, from: position, to: size) }
            try file.truncate(to: position)
        }
        scanned[last].summary.end = position
        scanned[last].summary.nextOffset = state.nextOffset
        scanned[last].summary.nextIndex = state.nextIndex
        if let index = scanned[last].index {
            scanned[last].summary.firstTimestamp = index.firstTimestamp
            scanned[last].summary.maxTimestamp = index.maxTimestamp
            scanned[last].summary.maxTimestampOffset = index.maxTimestampOffset
        }
        return next == state.nextOffset
    }

    /// Bytes of a tail that hold something: zeros written ahead are no loss.
    private func countOfNonZeroTail(_ file: any DiskFile, from start: Int64, to end: Int64) throws(DiskError) -> Int64 {
        let window = FileWindow(file, end: end)
        guard let first = try window.bytes(at: start, count: Int(min(64, end - start))),
            first.contains(where: { $0 != 0 })
        else { return 0 }
        return end - start
    }

    private mutating func finish() throws(DiskError) -> RecoveredLog {
        try dropEmptyLast()
        let wasReadWhole = checkpoint == nil && sealed.isEmpty && scanned.count == bases.count && scannedBytes > 0
        for place in scanned.indices.dropLast() { try seal(place) }
        for segment in scanned {
            try rewriteUnsynced(segment)
            try segment.file?.sync()
        }
        try folder.disk.syncDirectory(folder.path)
        var segments = sealed + scanned
        state.logStart = min(max(state.logStart, 0), state.nextOffset)
        state.transactions.trim(below: state.logStart)
        while segments.count > 1, segments[0].summary.nextOffset <= state.logStart {
            removeQuietly(segments[0].summary.baseOffset)
            segments.removeFirst()
        }
        let recoveryFile = try folder.disk.open(folder.file(FileNames.recoveryPoint), .createIfMissing)
        probe.recovered(scannedBytes: scannedBytes, truncatedBytes: truncatedBytes)
        if truncatedBytes > 0 {
            logger.info("\(folder.path): cut \(truncatedBytes) bytes of an unsynced tail")
        }
        var recovered = RecoveredLog(
            segments: segments, state: state, recoveryFile: recoveryFile,
            recoverySequence: (synced?.sequence ?? 0) + 1, scannedBytes: scannedBytes, checkpoint: checkpoint)
        recovered.cleanOffset = min(try folder.readCleaningPoint() ?? 0, state.nextOffset)
        try writeRecoveryPoint(&recovered)
        if wasReadWhole || scanned.count > 1 || scannedBytes > 1 << 20 || !swaps.isEmpty {
            try checkpoint(&recovered)
            try folder.forgetSwaps(swaps.map(\.summary.baseOffset))
        }
        return recovered
    }

    /// Writes what is not known to be on the device once more, so that the sync that follows speaks of it.
    ///
    /// Where a sync failed before, the kernel may take those pages for clean: the next sync succeeds and
    /// means nothing.
    private func rewriteUnsynced(_ segment: RecoveredSegment) throws(DiskError) {
        guard let file = segment.file, let synced, synced.point.segment <= segment.summary.baseOffset else { return }
        var position = synced.point.segment == segment.summary.baseOffset ? synced.point.position : 0
        let window = FileWindow(file, end: segment.summary.end)
        while position < segment.summary.end {
            let size = Int(min(1 << 20, segment.summary.end - position))
            guard let bytes = try window.bytes(at: position, count: size) else { return }
            position += Int64(try file.write(at: position, [bytes]))
        }
    }

    /// A last segment without even a header is one that a crash interrupted while it was made.
    private mutating func dropEmptyLast() throws(DiskError) {
        guard let last = scanned.last, last.summary.end == 0 else { return }
        if scanned.count > 1 {
            try folder.removeSegment(last.summary.baseOffset)
            scanned.removeLast()
            return
        }
        guard let file = last.file else { return }
        let header = SegmentHeader(folder.identity, firstIndex: state.nextIndex, termBefore: state.epoch)
        let bytes = InternalBatch.header(header).encoded(offset: state.nextOffset, epoch: state.epoch)
        try LogFolder.write(bytes, to: file, at: 0)
        scanned[0].summary.end = Int64(bytes.count)
        scanned[0].summary.firstIndex = state.nextIndex
        scanned[0].index = SegmentIndex(
            baseOffset: last.summary.baseOffset, firstIndex: state.nextIndex,
            intervalBytes: settings.indexIntervalBytes)
    }

    /// Writes the indexes of a segment that was read to its end and is not the last one.
    private mutating func seal(_ place: Int) throws(DiskError) {
        guard var index = scanned[place].index else { return }
        let summary = scanned[place].summary
        index.seal(nextOffset: summary.nextOffset, position: summary.end, nextIndex: summary.nextIndex)
        let base = summary.baseOffset
        try folder.writeIndex(folder.offsetIndexFile(base), index.offsets[...], baseOffset: base)
        try folder.writeIndex(folder.timeIndexFile(base), index.times[...], baseOffset: base)
        scanned[place].index = index
    }

    private func writeRecoveryPoint(_ recovered: inout RecoveredLog) throws(DiskError) {
        guard let last = recovered.segments.last else { return }
        let point = RecoveryPoint(
            sequence: recovered.recoverySequence, identity: folder.identity,
            point: LogPoint(
                segment: last.summary.baseOffset, position: last.summary.end, nextOffset: state.nextOffset,
                nextIndex: state.nextIndex))
        try LogFolder.write(point.encoded(), to: recovered.recoveryFile, at: point.slotPosition)
        if try recovered.recoveryFile.size() < 576 { try recovered.recoveryFile.truncate(to: 576) }
        try recovered.recoveryFile.sync()
    }

    private func checkpoint(_ recovered: inout RecoveredLog) throws(DiskError) {
        let last = recovered.segments.count - 1
        guard let index = recovered.segments[last].index else { return }
        let summary = recovered.segments[last].summary
        let base = summary.baseOffset
        try folder.writeIndex(
            folder.offsetIndexFile(base), index.offsets[recovered.segments[last].offsetEntriesStored...],
            baseOffset: base)
        try folder.writeIndex(
            folder.timeIndexFile(base), index.times[recovered.segments[last].timeEntriesStored...], baseOffset: base)
        recovered.segments[last].offsetEntriesStored = index.offsets.count
        recovered.segments[last].timeEntriesStored = index.times.count
        let checkpoint = Checkpoint(
            topicID: folder.identity.topicID, partition: folder.identity.partition, state: state, active: summary,
            offsetEntryCount: index.offsets.count, timeEntryCount: index.times.count,
            sizeBytesSinceEntry: index.sizeBytesSinceEntry,
            sealed: recovered.segments.dropLast().map(\.summary))
        try folder.writeCheckpoint(checkpoint.encoded())
        recovered.checkpoint = LogPoint(
            segment: base, position: summary.end, nextOffset: state.nextOffset, nextIndex: state.nextIndex)
        probe.wroteCheckpoint()
    }
}
