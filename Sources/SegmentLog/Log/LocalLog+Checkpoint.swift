import Logging
import WeirRuntime

/// How far a checkpoint got.
enum CheckpointStage {
    case idle
    /// Captured at a point that is not synced yet.
    case captured(CapturedCheckpoint)
    /// Being stored.
    case storing

    var isIdle: Bool {
        if case .idle = self { true } else { false }
    }
}

/// A checkpoint, and what its index files need. It is encoded where it is stored: a log may have many producers.
struct CapturedCheckpoint: Sendable {
    var checkpoint: Checkpoint
    var point: LogPoint
    var baseOffset: Int64
    var offsets: ArraySlice<OffsetIndexEntry>
    var times: ArraySlice<TimeIndexEntry>
    /// The swaps that it knows of and those before it did not.
    var swaps: [Int64] = []
}

extension LocalLog {
    /// Takes down what follows from the log up to the written end. Nothing is pending.
    func captureCheckpoint() {
        guard pending.isEmpty, let index = active.index else { return }
        sizeBytesSinceCheckpoint = 0
        checkpoint = .captured(capture(index))
        if synced == written { storeCheckpoint() } else { requestSync() }
    }

    private func capture(_ index: SegmentIndex) -> CapturedCheckpoint {
        var state = LogState(nextOffset: written.nextOffset, nextIndex: written.nextIndex, logStart: logStart)
        // Entries before the point that are not committed yet belong to it all the same.
        for moving in movingLogStarts where moving.index < written.nextIndex {
            state.logStart = max(state.logStart, moving.offset)
        }
        state.epochs = epochs
        state.producers = producers
        state.transactions = transactions
        let checkpoint = Checkpoint(
            topicID: identity.topicID, partition: identity.partition, state: state, active: active.summary,
            offsetEntryCount: index.offsets.count, timeEntryCount: index.times.count,
            sizeBytesSinceEntry: index.sizeBytesSinceEntry, sealed: segments.dropLast().map(\.summary))
        return CapturedCheckpoint(
            checkpoint: checkpoint, point: written, baseOffset: active.baseOffset,
            offsets: index.offsets[active.offsetEntriesStored...], times: index.times[active.timeEntriesStored...],
            swaps: unknownSwaps.sorted())
    }

    /// Stores a captured checkpoint whose point is synced by now.
    func storeCheckpoint() {
        guard case .captured(let captured) = checkpoint,
            !synced.isBefore(segment: captured.point.segment, position: captured.point.position)
        else { return }
        store(captured) { _ in }
    }

    private func store(_ captured: CapturedCheckpoint, then: @escaping (DiskError?) -> Void) {
        checkpoint = .storing
        let folder = folder
        let isActive = captured.baseOffset == active.baseOffset
        background({ () -> DiskError? in
            do throws(DiskError) {
                let base = captured.baseOffset
                // A segment that was sealed meanwhile has stored its own, which hold these.
                if isActive {
                    try folder.writeIndex(folder.offsetIndexFile(base), captured.offsets, baseOffset: base)
                    try folder.writeIndex(folder.timeIndexFile(base), captured.times, baseOffset: base)
                }
                try folder.writeCheckpoint(captured.checkpoint.encoded())
                try folder.forgetSwaps(captured.swaps)
                return nil
            } catch {
                return error
            }
        }) { [self] error in
            checkpoint = .idle
            noteStored(captured.point, error)
            defer { answerCheckpointWaiters() }
            if error == nil {
                unknownSwaps.subtract(captured.swaps)
                if isActive, let segment = segments.first(where: { $0.baseOffset == captured.baseOffset }) {
                    segment.offsetEntriesStored = max(segment.offsetEntriesStored, captured.offsets.endIndex)
                    segment.timeEntriesStored = max(segment.timeEntriesStored, captured.times.endIndex)
                }
            }
            then(error)
        }
    }

    private func noteStored(_ point: LogPoint, _ error: DiskError?) {
        guard let error else {
            checkpointed = point
            return probe.wroteCheckpoint()
        }
        logger.warning("\(folder.path): the checkpoint could not be stored (\(error)); the next open reads more")
    }

    // MARK: Closing

    /// Syncs everything, stores a checkpoint at the end where the last one lies far back, and lets go of the files.
    public func close(then: @escaping (Result<Void, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        let confined = LoopBound(then)
        if health == .closed { return loop.execute { confined.value(.success(())) } }
        isClosing = true
        stopCleaning()
        guard health == .good || health == .full else {
            let refusal = refusal
            abandon()
            return loop.execute { confined.value(refusal.map { .failure($0) } ?? .success(())) }
        }
        flush { [self] result in
            guard health == .good || health == .full, case .success = result else {
                abandon()
                return then(result)
            }
            waitUntilIdle { self.finishClosing(then) }
        }
    }

    /// Everything is synced and nothing runs: cuts the zeros off and stores where the log ends.
    private func finishClosing(_ then: @escaping (Result<Void, LogError>) -> Void) {
        let confined = LoopBound(then)
        guard health == .good || health == .full, synced == appended, let file = active.file,
            let index = active.index
        else {
            // Appended meanwhile, or the disk failed.
            return close(then: then)
        }
        if isTailShort {
            let (end, filledTo) = (active.summary.end, active.filledTo)
            abandon()
            guard filledTo > end else { return loop.execute { confined.value(.success(())) } }
            return background({ try? file.truncate(to: end) }) { _ in confined.value(.success(())) }
        }
        let captured = capture(index)
        abandon()
        commit.closing.store(
            LastCheckpoint(folder: folder, file: file, end: active.summary.end, captured: captured)
        ) { [self] error in
            noteStored(captured.point, error)
            confined.value(.success(()))
        }
    }

    /// Whether the next open reads so little behind the stored checkpoint that another is not worth its syncs. An
    /// idle log closes without touching the disk.
    private var isTailShort: Bool {
        guard let checkpointed, checkpointed.segment == synced.segment else { return false }
        return synced.position - checkpointed.position <= Self.shortTailSizeBytesMax
    }

    /// What an open reads and checks in about the time that it takes to store a checkpoint.
    private static let shortTailSizeBytesMax: Int64 = 64 << 10

    /// Answers every waiter with `closed` and lets go of the files, at once.
    func abandon() {
        guard health != .closed else { return }
        stopCleaning()
        if health != .good { probe.refusing(-1) }
        health = .closed
        flushTimer?.cancel()
        flushTimer = nil
        let error = LogError(.closed, "\(folder.path) is closed")
        pending.removeAll()
        pendingPrefixes.removeAll()
        refuseWaiters(from: 0, error)
        countTransactions(open: 0, aborted: 0)
        probe.logClosed(identity, segments: segments.count, sizeBytes: sizeBytes)
        for segment in segments {
            segment.file = nil
            segment.index = nil
        }
        onChange = nil
        loop.execute { self.answerCheckpointWaiters() }
        onClosed?()
    }

    /// Abandons it from any thread; returns when its waiters' answers are queued.
    func abandonFromOutside() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.abandon()
                continuation.resume()
            }
        }
    }

    /// Calls back when no blocking job of the log runs any more.
    func waitUntilIdle(_ then: @escaping () -> Void) {
        if backgroundJobs == 0 { return then() }
        let before = whenIdle
        whenIdle = {
            before?()
            then()
        }
    }
}
