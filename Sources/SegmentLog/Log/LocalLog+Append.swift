import Logging
public import NIOCore
import WeirRuntime

/// The first 16 bytes of a batch, with the offset and the epoch it was given: the rest is written as
/// the producer sent it.
struct BatchPrefix {
    /// Base offset, big-endian.
    var offset: UInt64
    /// Length and leader epoch, big-endian.
    var lengthAndEpoch: UInt64

    init(offset: Int64, sizeBytes: Int, epoch: Int32) {
        self.offset = UInt64(bitPattern: offset).bigEndian
        let length = UInt64(UInt32(sizeBytes - StoredBatch.lengthEnd))
        lengthAndEpoch = (length << 32 | UInt64(UInt32(bitPattern: epoch))).bigEndian
    }
}

/// A batch on its way to the file.
struct PendingBatch {
    /// Its fields, with the offset and epoch it was given.
    var batch: StoredBatch
    /// Its bytes, as they came.
    var bytes: ByteBuffer
    /// What takes its producer's state back.
    var undo: ProducerStates.Undo?
}

extension LocalLog {
    /// Appends one batch; it is written with all of its burst and synced with all of its loop.
    public func append(
        _ bytes: ByteBuffer, from origin: AppendOrigin, until stage: AppendStage,
        then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        loop.preconditionIsCurrent()
        try admit()
        var batch = try Self.fields(of: bytes)
        let hasProducer = batch.producerID >= 0
        if hasProducer, case .duplicate(let baseOffset, let lastOffset) = try check(batch, origin) {
            wait(forDuplicateEndingAt: lastOffset, until: stage, then)
            return AppendReceipt(baseOffset: baseOffset, lastOffset: lastOffset, isDuplicate: true)
        }
        try makeRoom(for: batch)
        batch.baseOffset = appended.nextOffset
        batch.epoch = 0
        let undo = hasProducer ? advanceProducer(batch) : nil
        let index = appended.nextIndex
        enqueue(PendingBatch(batch: batch, bytes: bytes, undo: undo))
        switch stage {
        case .written: writtenWaiters.append(until: index, then)
        case .committed: committedWaiters.append(until: index, then)
        }
        return AppendReceipt(baseOffset: batch.baseOffset, lastOffset: batch.nextOffset - 1)
    }

    /// Refuses what comes after the log began to refuse.
    func admit() throws(LogError) {
        if isClosing { throw LogError(.closed, "\(folder.path) is being closed") }
        guard let refusal else { return }
        if health == .full { probe.refusedAsFull() }
        throw refusal
    }

    private func check(_ batch: StoredBatch, _ origin: AppendOrigin) throws(LogError) -> ProducerStates.Verdict {
        switch origin {
        case .client: return try producers.check(batch)
        case .coordinator:
            try producers.checkUnsequenced(batch)
            return .new
        }
    }

    /// Takes in the batch that goes to the end.
    private func advanceProducer(_ batch: StoredBatch) -> ProducerStates.Undo {
        let undo = producers.advance(batch, baseOffset: batch.baseOffset, wallMilliseconds: clock.wallMilliseconds)
        if undo.opensTransaction { transactions.open(batch.producerID, at: appended) }
        return undo
    }

    /// The fields of a batch that a log can take.
    private static func fields(of bytes: ByteBuffer) throws(LogError) -> StoredBatch {
        let fields = bytes.withUnsafeReadableBytes { StoredBatch($0) }
        guard let fields, fields.sizeBytes == bytes.readableBytes, fields.magic == 2 else {
            throw LogError(.invalidBatch, "the bytes are not one whole record batch of format 2")
        }
        guard fields.recordCount > 0, fields.lastOffsetDelta == fields.recordCount - 1 else {
            throw LogError(
                .invalidBatch,
                "the batch says it has \(fields.recordCount) records, the last at \(fields.lastOffsetDelta)")
        }
        if fields.isControl {
            throw LogError(.invalidBatch, "a control batch is the log's own to write")
        }
        if fields.isTransactional, fields.producerID < 0 {
            throw LogError(.invalidBatch, "a batch of a transaction names its producer")
        }
        return fields
    }

    /// A batch that is there already: its waiter waits for its commit, at most for everybody's before it.
    private func wait(
        forDuplicateEndingAt lastOffset: Int64, until stage: AppendStage,
        _ then: @escaping (Result<Void, LogError>) -> Void
    ) {
        let reached = stage == .written ? written.nextOffset : committed.nextOffset
        if lastOffset < reached {
            let confined = LoopBound(then)
            return loop.execute { confined.value(.success(())) }
        }
        switch stage {
        case .written: writtenWaiters.append(until: appended.nextIndex - 1, then)
        case .committed: committedWaiters.append(until: appended.nextIndex - 1, then)
        }
    }

    /// Puts a batch behind the others; it is written when the burst ends.
    func enqueue(_ entry: PendingBatch) {
        let batch = entry.batch
        pendingPrefixes.append(
            BatchPrefix(offset: batch.baseOffset, sizeBytes: batch.sizeBytes, epoch: batch.epoch))
        pending.append(entry)
        appended.position += Int64(batch.sizeBytes)
        appended.nextOffset = batch.nextOffset
        appended.nextIndex += 1
        queueWrite()
    }

    func queueWrite() {
        if isWriteQueued { return }
        isWriteQueued = true
        commit.willWrite(self)
    }

    /// Appends an internal entry. Returns its Raft index.
    func appendInternal(_ entry: InternalBatch) throws(LogError) -> Int64 {
        let bytes = entry.encoded(offset: appended.nextOffset, epoch: 0)
        guard let batch = bytes.withUnsafeBytes({ StoredBatch($0) }) else {
            preconditionFailure("an internal batch has a header")
        }
        try makeRoom(for: batch)
        let index = appended.nextIndex
        // Encoded anew where making room moved nothing: the offset is the same in the next segment.
        enqueue(PendingBatch(batch: batch, bytes: ByteBuffer(bytes: bytes), undo: nil))
        return index
    }

    // MARK: Segments

    /// Rolls the segment where the batch does not fit or is too late for it.
    func makeRoom(for batch: StoredBatch) throws(LogError) {
        let size = Int64(batch.sizeBytes)
        let most = Int64(min(settings.segmentSizeBytesMax, Int(UInt32.max)))
        guard size + 200 <= most || batch.isInternal else {
            throw LogError(.tooLarge, "a batch of \(size) bytes does not fit into a segment of \(most)")
        }
        let hasOffsets = appended.nextOffset > active.baseOffset
        guard hasOffsets else { return }
        let first = active.index?.firstTimestamp ?? -1
        let isOld =
            first >= 0 && batch.maxTimestamp >= 0
            && batch.maxTimestamp.subtractingReportingOverflow(first).partialValue > settings.rollAgeMillisecondsMax
        let isFar =
            batch.lastOffsetDelta >= 0
            && appended.nextOffset + Int64(batch.lastOffsetDelta) - active.baseOffset > Int64(Int32.max)
        guard appended.position + size > most || isOld || isFar else { return }
        try roll()
    }

    /// Begins a new segment; what is pending goes into the old one first.
    ///
    /// Where that has to wait for zeros being written, the old segment grows past its size instead.
    func roll() throws(LogError) {
        if !pending.isEmpty {
            writePending()
            if let refusal { throw refusal }
            if !pending.isEmpty { return }
        }
        let header = SegmentHeader(identity, firstIndex: appended.nextIndex, termBefore: 0)
        let bytes = InternalBatch.header(header).encoded(offset: appended.nextOffset, epoch: 0)
        let path = folder.logFile(appended.nextOffset)
        let file: any DiskFile
        do throws(DiskError) {
            file = try folder.disk.open(path, .createNew)
            do throws(DiskError) {
                try LogFolder.write(bytes, to: file, at: 0)
            } catch {
                try? folder.disk.remove(path)
                throw error
            }
        } catch {
            let failure = LogError(error)
            if failure.code == .full { becomeFull() } else { fail(failure.message) }
            throw failure
        }
        let old = active
        var summary = SegmentSummary(baseOffset: appended.nextOffset, firstIndex: appended.nextIndex)
        summary.end = Int64(bytes.count)
        var recovered = RecoveredSegment(summary: summary, file: file)
        recovered.index = SegmentIndex(
            baseOffset: summary.baseOffset, firstIndex: summary.firstIndex, intervalBytes: settings.indexIntervalBytes)
        segments.append(Segment(recovered))
        unsyncedSegments.append(old)
        appended.segment = summary.baseOffset
        appended.position = summary.end
        written = appended
        recent.removeAll()
        probe.rolled()
        probe.segmentsChanged(by: 1, sizeBytes: summary.end)
        syncName()
        seal(old)
    }

    /// Makes the new segment's name durable; until then nothing in it is committed.
    private func syncName() {
        isNameUnsynced = true
        let folder = folder
        background({ Result { () throws(DiskError) in try folder.disk.syncDirectory(folder.path) } }) { [self] result in
            isNameUnsynced = false
            if case .failure(let error) = result { fail(error.description) } else { requestSync() }
            answer()
        }
    }

    /// Cuts the zeros behind a segment that is full, and stores its indexes.
    func seal(_ segment: Segment) {
        guard segment.filling == nil, segment !== active, let file = segment.file, var index = segment.index else {
            return
        }
        let summary = segment.summary
        index.seal(nextOffset: summary.nextOffset, position: summary.end, nextIndex: summary.nextIndex)
        segment.index = index
        let offsets = index.offsets[segment.offsetEntriesStored...]
        let times = index.times[segment.timeEntriesStored...]
        let folder = folder
        background({ () -> DiskError? in
            do throws(DiskError) {
                if try file.size() > summary.end { try file.truncate(to: summary.end) }
                let base = summary.baseOffset
                try folder.writeIndex(folder.offsetIndexFile(base), offsets, baseOffset: base)
                try folder.writeIndex(folder.timeIndexFile(base), times, baseOffset: base)
                return nil
            } catch {
                return error
            }
        }) { [self] error in
            if let error { logger.warning("\(file.path): its indexes could not be stored (\(error))") }
            segment.isSealed = true
            segment.offsetEntriesStored = index.offsets.count
            segment.timeEntriesStored = index.times.count
            segment.lastRead = readCount
            closeUnread()
        }
    }
}
