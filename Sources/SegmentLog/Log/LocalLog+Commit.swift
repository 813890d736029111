import Logging
import NIOCore
import WeirRuntime

extension LocalLog {
    // MARK: Writing

    /// Writes what the burst appended. Called by the group commit, which answers waiters afterwards.
    func writeBurst() {
        isWriteQueued = false
        writePending()
        let isDue =
            sizeBytesSinceCheckpoint >= Int64(settings.checkpointIntervalBytes) || !checkpointWaiters.isEmpty
        if isDue, health == .good, checkpoint.isIdle {
            captureCheckpoint()
        }
    }

    /// Writes everything pending in one call (more where the disk takes less).
    func writePending() {
        guard !pending.isEmpty, health == .good || health == .full else { return }
        let segment = active
        if let filling = segment.filling, appended.position > filling.lowerBound { return }
        guard let file = segment.file else { preconditionFailure("the segment written to is open") }
        let size = Int(appended.position - written.position)
        do throws(DiskError) {
            try write(size, to: file)
        } catch {
            return refuse(error, file)
        }
        take(segment)
        probe.wrote(batches: pending.count, sizeBytes: size)
        pending.removeAll(keepingCapacity: true)
        pendingPrefixes.removeAll(keepingCapacity: true)
        if written.nextOffset != appended.nextOffset { changes.insert(.logEnd) }
        written = appended
        sizeBytesSinceCheckpoint += Int64(size)
        if health == .full { becomeGood() }
        advance()
        fillAhead(segment, file)
        if settings.durability == .synced || !flushWaiters.isEmpty { requestSync() } else { scheduleFlush() }
    }

    private func write(_ size: Int, to file: any DiskFile) throws(DiskError) {
        var failure: DiskError?
        pendingPrefixes.withUnsafeBytes { prefixes in
            writeVectors.removeAll(keepingCapacity: true)
            for (index, entry) in pending.enumerated() {
                let from = index * MemoryLayout<BatchPrefix>.stride
                writeVectors.append(
                    UnsafeRawBufferPointer(rebasing: prefixes[from..<from + StoredBatch.prefixSizeBytes]))
                // `pending` keeps the buffer's storage where it is until this returns.
                entry.bytes.withUnsafeReadableBytes { bytes in
                    writeVectors.append(UnsafeRawBufferPointer(rebasing: bytes[StoredBatch.prefixSizeBytes...]))
                }
            }
            var done = 0
            do throws(DiskError) {
                while true {
                    let count = try file.write(at: written.position + Int64(done), writeVectors)
                    done += count
                    if done == size { break }
                    drop(count)
                }
            } catch {
                failure = error
            }
        }
        writeVectors.removeAll(keepingCapacity: true)
        if let failure { throw failure }
    }

    /// Takes the first `count` bytes off the vectors: they were written.
    private func drop(_ count: Int) {
        var left = count
        var whole = 0
        while left > 0, left >= writeVectors[whole].count {
            left -= writeVectors[whole].count
            whole += 1
        }
        writeVectors.removeFirst(whole)
        if left > 0 { writeVectors[0] = UnsafeRawBufferPointer(rebasing: writeVectors[0][left...]) }
    }

    /// Notes the places of what was written.
    private func take(_ segment: Segment) {
        var position = written.position
        var index = written.nextIndex
        for entry in pending {
            segment.index?.note(entry.batch, position: position, index: index)
            if !entry.batch.isInternal {
                epochs.note(epoch: entry.batch.epoch, at: entry.batch.baseOffset)
                recent.note(offset: entry.batch.baseOffset, position: position)
            }
            position += Int64(entry.batch.sizeBytes)
            index += 1
        }
        segment.summary.end = position
        segment.summary.nextOffset = appended.nextOffset
        segment.summary.nextIndex = appended.nextIndex
        if let index = segment.index {
            segment.summary.firstTimestamp = index.firstTimestamp
            segment.summary.maxTimestamp = index.maxTimestamp
            segment.summary.maxTimestampOffset = index.maxTimestampOffset
        }
        segment.filledTo = max(segment.filledTo, position)
    }

    // MARK: Space

    /// Writes zeros behind the end where few are left, on another thread.
    ///
    /// The stretch doubles while it is used up within a second, and halves where it lasts ten.
    private func fillAhead(_ segment: Segment, _ file: any DiskFile) {
        let most = Int64(settings.segmentSizeBytesMax)
        guard settings.durability == .synced, segment.filling == nil, health == .good,
            segment.filledTo - written.position < fillSizeBytes / 2, segment.filledTo < most
        else { return }
        let now = loop.now
        if let lastFill {
            let since = now - lastFill
            if since < .seconds(1) { fillSizeBytes = min(fillSizeBytes * 2, Self.fillSizeBytesMax) }
            if since > .seconds(10) { fillSizeBytes = max(fillSizeBytes / 2, Self.fillSizeBytesMin) }
        }
        lastFill = now
        let range = segment.filledTo..<min(segment.filledTo + fillSizeBytes, most)
        segment.filling = range
        background({
            Result { () throws(DiskError) in
                try file.zeroFill(from: range.lowerBound, count: range.upperBound - range.lowerBound)
            }
        }) { [self] result in
            segment.filling = nil
            if case .success = result {
                segment.filledTo = max(segment.filledTo, range.upperBound)
                probe.zeroFilled(range.upperBound - range.lowerBound)
            }
            // A failure is met again by the write that needs the room.
            if segment === active { if !pending.isEmpty { queueWrite() } } else { seal(segment) }
        }
    }

    // MARK: Syncing

    /// How far the recovery point on the device may lag behind, at least.
    private static let staleSizeBytesMax: Int64 = 4 << 20

    /// Has the written end synced with the loop's next round.
    func requestSync() {
        guard !isSyncQueued, !isNameUnsynced, synced != written, health == .good || health == .full else { return }
        isSyncQueued = true
        flushTimer?.cancel()
        flushTimer = nil
        commit.needsSync(self)
    }

    /// With `memory` durability: bounds how long written bytes stay unsynced.
    private func scheduleFlush() {
        if flushTimer != nil || isSyncQueued { return }
        flushTimer = loop.schedule(after: settings.flushInterval) { [weak self] in
            self?.flushTimer = nil
            self?.requestSync()
        }
    }

    /// Adds the files that are not synced. Returns the end they hold now; nil: nothing to sync.
    func beginSync(_ files: inout [any DiskFile]) -> LogPoint? {
        isSyncQueued = false
        guard !isNameUnsynced, synced != written, health == .good || health == .full else { return nil }
        for segment in unsyncedSegments {
            if let file = segment.file { files.append(file) }
        }
        if let file = active.file { files.append(file) }
        if synced.segment != storedPoint.segment || synced.position - storedPoint.position > Self.staleSizeBytesMax {
            // So that a power cut leaves one that is not much older than this.
            storedPoint = synced
            files.append(recoveryFile)
        }
        return written
    }

    /// Takes in what became of a sync that began at `target`.
    func finishSync(_ target: LogPoint, failure: DiskError?) {
        guard health == .good || health == .full else { return }
        if let failure { return fail(failure.description) }
        synced = target
        unsyncedSegments.removeAll { $0.baseOffset < target.segment && $0.summary.nextIndex <= target.nextIndex }
        writeRecoveryPoint()
        advance()
        dropSegmentsBelowLogStart()
        storeCheckpoint()
        if synced != written && settings.durability == .synced { requestSync() }
    }

    private func writeRecoveryPoint() {
        recoverySequence += 1
        let point = RecoveryPoint(sequence: recoverySequence, identity: identity, point: synced)
        do throws(DiskError) {
            try LogFolder.write(point.encoded(), to: recoveryFile, at: point.slotPosition)
        } catch {
            // An older one is right too: recovery reads more.
            logger.debug("\(folder.path): the recovery point could not be written (\(error))")
        }
    }

    // MARK: Commit

    /// Moves what follows from the written and the synced end.
    func advance() {
        let reached = settings.durability == .synced ? synced : written
        guard reached.nextIndex > committed.nextIndex else {
            // Rolled with nothing in the new segment: the old one may be cleaned.
            if reached.segment > committed.segment {
                committed = reached
                noteStable()
            }
            return
        }
        if reached.nextOffset > committed.nextOffset { changes.insert(.highWatermark) }
        committed = reached
        transactions.commit(below: committed.nextOffset)
        noteStable()
        while let moving = movingLogStarts.first, moving.index < committed.nextIndex {
            movingLogStarts.removeFirst()
            moveLogStart(to: moving.offset, by: moving.index)
        }
    }

    /// Answers everybody whose stage was reached, in the order of the offsets.
    func answer() {
        while let then = writtenWaiters.pop(below: written.nextIndex) { then(.success(())) }
        while let then = committedWaiters.pop(below: committed.nextIndex) { then(.success(())) }
        while let then = logStartWaiters.pop(below: committed.nextIndex) { then(.success(logStart)) }
        while let then = flushWaiters.pop(below: synced.nextIndex) { then(.success(())) }
        tellChanges()
    }

    /// Has everything appended synced with the next round.
    public func flush(then: @escaping (Result<Void, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        let confined = LoopBound(then)
        if let refusal, health != .full { return loop.execute { confined.value(.failure(refusal)) } }
        if synced == appended { return loop.execute { confined.value(.success(())) } }
        flushWaiters.append(until: appended.nextIndex - 1, then)
        requestSync()
    }

    // MARK: Failing

    /// Takes back what could not be written; the file keeps nothing of it.
    private func refuse(_ error: DiskError, _ file: any DiskFile) {
        guard error.code == .full else { return fail(error.description) }
        do throws(DiskError) {
            try file.truncate(to: written.position)
            active.filledTo = written.position
        } catch {
            return fail(error.description)
        }
        probe.refusedAsFull()
        becomeFull()
        if let refusal { dropUnwritten(refusal) }
    }

    /// Forgets what was appended and not written, producers' sequences too; its waiters get `error`.
    private func dropUnwritten(_ error: LogError) {
        for entry in pending.reversed() {
            if let undo = entry.undo { producers.revert(undo) }
        }
        transactions.truncate(to: written.nextOffset)
        pending.removeAll(keepingCapacity: true)
        pendingPrefixes.removeAll(keepingCapacity: true)
        appended = written
        movingLogStarts.removeAll { $0.index >= written.nextIndex }
        refuseWaiters(from: written.nextIndex, error)
    }

    func refuseWaiters(from index: Int64, _ error: LogError) {
        let failed =
            writtenWaiters.removeAll(from: index) + committedWaiters.removeAll(from: index)
            + flushWaiters.removeAll(from: index)
        let failedStarts = logStartWaiters.removeAll(from: index)
        if failed.isEmpty && failedStarts.isEmpty { return }
        // Not here: an append may be what met the failure.
        let confined = LoopBound((failed, failedStarts))
        loop.execute {
            for then in confined.value.0 { then(.failure(error)) }
            for then in confined.value.1 { then(.failure(error)) }
        }
    }

    func becomeFull() {
        guard health == .good else { return }
        health = .full
        changes.insert(.health)
        probe.refusing(1)
        logger.warning("\(folder.path): no room on the device; writes are refused until there is")
        askForRoom()
    }

    private func becomeGood() {
        health = .good
        changes.insert(.health)
        probe.refusing(-1)
        logger.info("\(folder.path): there is room on the device again")
    }

    /// Asks the disk from time to time, and takes writes again when there is room.
    private func askForRoom() {
        loop.schedule(after: .milliseconds(200)) { [weak self] in
            guard let self, health == .full else { return }
            let folder = folder
            background({ Result { () throws(DiskError) in try folder.disk.bytesAvailable(folder.path) } }) { result in
                guard self.health == .full else { return }
                guard case .success(let available) = result, available >= Self.roomBytesMin else {
                    return self.askForRoom()
                }
                self.becomeGood()
                self.tellChanges()
            }
        }
    }

    /// What must be free before writes are taken again.
    private static let roomBytesMin: Int64 = 1 << 20

    /// Refuses writes from now on: what the disk says about them is not believed any more.
    func fail(_ reason: String) {
        guard health == .good || health == .full else { return }
        if health == .good { probe.refusing(1) }
        health = .failed(reason)
        changes.insert(.health)
        logger.error("\(folder.path): the disk failed (\(reason)); writes are refused from now on")
        guard let refusal else { return }
        dropUnwritten(refusal)
        refuseWaiters(from: 0, refusal)
        loop.execute {
            self.answerCheckpointWaiters()
            self.tellChanges()
        }
    }
}
