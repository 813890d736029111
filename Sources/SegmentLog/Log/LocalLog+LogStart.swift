import Logging
import WeirRuntime

extension LocalLog {
    /// Moves the log start by an internal entry; `then` gets it when that is committed.
    public func advanceLogStart(to offset: Int64?, then: @escaping (Result<Int64, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        let confined = LoopBound(then)
        func answer(_ result: Result<Int64, LogError>) { loop.execute { confined.value(result) } }
        if isClosing { return answer(.failure(LogError(.closed, "\(folder.path) is being closed"))) }
        if let refusal, health != .full { return answer(.failure(refusal)) }
        let target = offset ?? committed.nextOffset
        guard target >= 0, target <= committed.nextOffset else {
            return answer(
                .failure(
                    LogError(
                        .offsetOutOfRange,
                        "\(folder.path): offset \(target) is above the high watermark \(committed.nextOffset)")))
        }
        let moving = movingLogStarts.last?.offset ?? logStart
        if target <= logStart { return answer(.success(logStart)) }
        do throws(LogError) {
            var index = appended.nextIndex - 1
            if target > moving {
                index = try appendInternal(.logStart(target))
                movingLogStarts.append((index, target))
            }
            logStartWaiters.append(until: index, then)
        } catch {
            answer(.failure(error))
        }
    }

    /// Takes in a log start whose entry was committed; segments below it go.
    func moveLogStart(to offset: Int64, by index: Int64) {
        guard offset > logStart else { return }
        logStart = offset
        logStartIndex = index
        changes.insert(.logStart)
        epochs.trim(below: offset)
        transactions.trim(below: offset)
        noteStable()
        dropSegmentsBelowLogStart()
    }

    /// Deletes whole segments below the log start, once the entry that says so is on the device: a power
    /// cut must not leave a log without its beginning.
    func dropSegmentsBelowLogStart() {
        guard segments.count > 1, segments[0].summary.nextOffset <= logStart, !isSwapping else { return }
        guard logStartIndex < synced.nextIndex else { return requestSync() }
        var dropped: [Segment] = []
        while segments.count > 1, segments[0].summary.nextOffset <= logStart,
            segments[0].summary.nextIndex <= synced.nextIndex, segments[0].filling == nil
        {
            dropped.append(segments.removeFirst())
        }
        if dropped.isEmpty { return }
        probe.segmentsChanged(by: -dropped.count, sizeBytes: -dropped.reduce(0) { $0 + $1.summary.end })
        probe.deleted(segments: dropped.count)
        let bases = dropped.map(\.baseOffset)
        logger.info("\(folder.path): deleting \(bases.count) segments below the log start \(logStart)")
        let folder = folder
        background({ folder.retire(bases) }) { [self] retired in
            loop.schedule(after: settings.fileDeleteDelay) {
                folder.disk.background { for path in retired { try? folder.disk.remove(path) } }
            }
        }
    }

    /// Expires producers, rolls and deletes what is due. O(segments).
    public func enforceRetention(wallMilliseconds: Int64) {
        loop.preconditionIsCurrent()
        guard health == .good || health == .full, !isClosing else { return }
        producers.expire(unusedSince: wallMilliseconds - settings.producerExpirationMilliseconds)
        rollIfOld(wallMilliseconds)
        dropSegmentsBelowLogStart()
        guard settings.deletesOldSegments else { return }
        let count = max(countOfExpired(wallMilliseconds), countOverSize())
        guard count > 0 else { return }
        if count == segments.count {
            do throws(LogError) { try roll() } catch { return }
            guard count < segments.count else { return }
        }
        let target = segments[count - 1].summary.nextOffset
        guard target > logStart, target <= stableOffset else { return }
        advanceLogStart(to: target) { [self] result in
            if case .failure(let error) = result {
                logger.warning("\(folder.path): retention could not move the log start (\(error))")
            }
        }
    }

    private func rollIfOld(_ wallMilliseconds: Int64) {
        let first = active.summary.firstTimestamp
        guard health == .good, first >= 0, active.summary.nextOffset > active.baseOffset,
            wallMilliseconds - first > settings.rollAgeMillisecondsMax
        else { return }
        do throws(LogError) { try roll() } catch {
            logger.warning("\(folder.path): the segment could not be rolled (\(error))")
        }
    }

    /// How many segments from the first on hold only records that are too old.
    private func countOfExpired(_ wallMilliseconds: Int64) -> Int {
        guard let age = settings.retentionMilliseconds, age >= 0 else { return 0 }
        var count = 0
        for (place, segment) in segments.enumerated() {
            // One that holds markers alone is as old as the first of them.
            let newest = max(segment.summary.maxTimestamp, segment.summary.firstTimestamp)
            guard isDeletable(segment) else { break }
            // Nothing with a time in it, as where all was compacted away: it goes with what comes after it.
            if newest < 0 { continue }
            guard wallMilliseconds - newest > age else { break }
            count = place + 1
        }
        return count
    }

    /// How many segments from the first on the log can lose and still be as large as it should be.
    private func countOverSize() -> Int {
        guard let size = settings.retentionBytes, size >= 0 else { return 0 }
        var over = sizeBytes - size
        return segments.prefix { segment in
            over -= segment.summary.end
            return over >= 0 && isDeletable(segment)
        }.count
    }

    /// Only below the last stable offset: what a transaction that has not ended wrote stays until it has.
    private func isDeletable(_ segment: Segment) -> Bool {
        segment.summary.nextOffset > segment.baseOffset && segment.summary.nextOffset <= stableOffset
            && (segment !== active || pending.isEmpty)
    }
}

extension LogFolder {
    /// Renames the files of segments, so that a start does not take them for live. Returns the new paths.
    func retire(_ bases: [Int64]) -> [String] {
        var retired: [String] = []
        for base in bases {
            for path in [logFile(base), offsetIndexFile(base), timeIndexFile(base)] {
                do throws(DiskError) {
                    try disk.rename(path, to: path + FileNames.deletedSuffix)
                    retired.append(path + FileNames.deletedSuffix)
                } catch {
                    // Not there: an index that was never stored. Anything else is met by the next start.
                }
            }
        }
        try? disk.syncDirectory(path)
        return retired
    }
}
