import Logging
import WeirRuntime

/// A pass that is under way.
///
/// `@unchecked Sendable`: confined to its log's loop.
final class OngoingCleaning: @unchecked Sendable {
    let limits: CleaningLimits
    let started: MonotonicTime
    let then: (Result<CleaningOutcome, LogError>) -> Void
    /// Nil until the log is ready for it.
    var pass: CleaningPass?
    /// What is to be no more than begun.
    var isStopped = false
    /// The wait for the pace.
    var timer: (any ScheduledCallback)?
    /// Bytes that the pace knows of.
    var pacedBytes: Int64 = 0
    /// Whether its segments took others' place.
    var hasSwapped = false

    init(
        _ limits: CleaningLimits, started: MonotonicTime, then: @escaping (Result<CleaningOutcome, LogError>) -> Void
    ) {
        self.limits = limits
        self.started = started
        self.then = then
    }
}

extension LocalLog {
    /// What compaction would find now. O(segments).
    public func cleaning(wallMilliseconds: Int64) -> CleaningNeed {
        loop.preconditionIsCurrent()
        guard settings.compacts, !isUncleanable, health == .good || health == .full, !isClosing else { return .none }
        var need = CleaningNeed.none
        for segment in segments[..<cleanableCount(wallMilliseconds)] {
            guard segment.summary.nextOffset > cleanOffset else {
                need.cleanBytes += segment.summary.end
                continue
            }
            need.dirtyBytes += segment.summary.end
            let first = segment.summary.firstTimestamp
            let age = wallMilliseconds.subtractingReportingOverflow(first)
            if first >= 0, !age.overflow, age.partialValue > settings.maxCompactionLagMilliseconds {
                need.isOverdue = true
            }
        }
        need.isDue = need.dirtyBytes > 0 && (need.isOverdue || need.dirtyRatio > settings.minCleanableDirtyRatio)
        probe.cleaning.sawDirty(need.dirtyRatio, of: identity)
        return need
    }

    /// How many segments from the first one on may be cleaned: sealed, on the device, decided, and old enough.
    private func cleanableCount(_ wallMilliseconds: Int64) -> Int {
        let stable = min(lastStableOffset, committed.nextOffset)
        let (newest, overflow) = wallMilliseconds.subtractingReportingOverflow(settings.minCompactionLagMilliseconds)
        let hasLag = settings.minCompactionLagMilliseconds > 0 && !overflow
        return segments.dropLast().prefix { segment in
            let summary = segment.summary
            return segment.isSealed && summary.nextOffset <= stable && summary.nextIndex <= synced.nextIndex
                && summary.baseOffset < synced.segment && summary.baseOffset < committed.segment
                && !unsyncedSegments.contains { $0 === segment }
                && (!hasLag || summary.nextOffset <= cleanOffset || summary.maxTimestamp <= newest)
        }.count
    }

    /// Goes over the sealed segments and leaves the last record of each key.
    public func clean(_ limits: CleaningLimits, then: @escaping (Result<CleaningOutcome, LogError>) -> Void) {
        loop.preconditionIsCurrent()
        let confined = LoopBound(then)
        func fail(_ error: LogError) { loop.execute { confined.value(.failure(error)) } }
        if isClosing { return fail(LogError(.closed, "\(folder.path) is being closed")) }
        if let refusal { return fail(refusal) }
        guard cleaning == nil else { return fail(LogError(.exists, "\(folder.path) is being compacted already")) }
        let ongoing = OngoingCleaning(limits, started: clock.now) { result in confined.value(result) }
        cleaning = ongoing
        loop.execute { self.prepare(ongoing, attemptsLeft: 3) }
    }

    /// Ends the pass that is under way.
    public func stopCleaning() {
        loop.preconditionIsCurrent()
        guard let cleaning, !cleaning.isStopped else { return }
        cleaning.isStopped = true
        guard let timer = cleaning.timer else { return }
        // Nothing of it runs now: whoever waits for it is told at once.
        timer.cancel()
        cleaning.timer = nil
        loop.execute { self.goOn(cleaning) }
    }

    // MARK: Before the pass

    /// Has a checkpoint stored that lies behind everything to be cleaned and knows of every swap: where the log is
    /// opened after a crash, positions in cleaned segments mean nothing.
    private func prepare(_ ongoing: OngoingCleaning, attemptsLeft: Int) {
        if let refusal { return finish(ongoing, .failure(refusal)) }
        if ongoing.isStopped { return finish(ongoing, nil) }
        let segments = segments[..<cleanableCount(clock.wallMilliseconds)]
        guard settings.compacts, let last = segments.last, last.summary.nextOffset > cleanOffset else {
            return finish(ongoing, nil)
        }
        if let damaged = segments.first(where: { !$0.damaged.isEmpty }) {
            let failure = CleaningFailure.damaged(
                path: folder.logFile(damaged.baseOffset), position: damaged.damaged[0].positions.lowerBound)
            return finish(ongoing, .failure(failure.error))
        }
        if unknownSwaps.isEmpty, let checkpointed, checkpointed.segment > last.baseOffset {
            ongoing.pass = CleaningPass(plan(segments.map(\.summary)), in: folder, limits: ongoing.limits)
            return goOn(ongoing)
        }
        guard attemptsLeft > 0 else {
            let reason = "\(folder.path): no checkpoint could be stored, which compaction needs; see the log's warnings"
            return finish(ongoing, .failure(LogError(.full, reason)))
        }
        requestCheckpoint { [self] in prepare(ongoing, attemptsLeft: attemptsLeft - 1) }
    }

    private func plan(_ segments: [SegmentSummary]) -> CleaningPlan {
        let end = segments.last?.nextOffset ?? 0
        let aborted = transactions.aborted
        var known: [Int64: CleaningRules.LastBatch] = [:]
        for (id, producer) in producers.producers where producer.batches.last.map({ $0.baseOffset < end }) ?? true {
            known[id] = CleaningRules.LastBatch(
                offset: producer.batches.last?.lastOffset, producerEpoch: producer.epoch)
        }
        return CleaningPlan(
            segments: segments, dirtyFrom: max(cleanOffset, segments.first?.baseOffset ?? 0),
            groupSizeBytesMax: Int64(min(settings.segmentSizeBytesMax, Int(Int32.max))),
            indexIntervalBytes: settings.indexIntervalBytes,
            rules: CleaningRules(
                wallMilliseconds: clock.wallMilliseconds,
                deleteRetentionMilliseconds: settings.deleteRetentionMilliseconds, producers: known,
                isAborted: { aborted.isAborted(producerID: $0, offset: $1) }))
    }

    /// Has a checkpoint stored as soon as nothing is pending; `then` when it is, or could not be.
    private func requestCheckpoint(then: @escaping () -> Void) {
        checkpointWaiters.append(then)
        guard checkpoint.isIdle else { return }
        if pending.isEmpty { captureCheckpoint() } else { queueWrite() }
    }

    /// Has the swaps known to a checkpoint, so that they need not be remembered. One that is being stored already may
    /// not know them; what is left then, the next pass or the next open does.
    private func forgetSwaps(attemptsLeft: Int) {
        guard attemptsLeft > 0, refusal == nil, !isClosing, !unknownSwaps.isEmpty else { return }
        requestCheckpoint { [self] in forgetSwaps(attemptsLeft: attemptsLeft - 1) }
    }

    func answerCheckpointWaiters() {
        let waiters = checkpointWaiters
        checkpointWaiters = []
        for waiter in waiters { waiter() }
    }

    // MARK: The pass

    /// Takes the next step, unless the pass was stopped.
    private func goOn(_ ongoing: OngoingCleaning) {
        guard let pass = ongoing.pass else { return finish(ongoing, nil) }
        if ongoing.isStopped || refusal != nil {
            return background({ pass.discard() }) { [self] in finish(ongoing, nil) }
        }
        background({ Result { () throws(CleaningFailure) in try pass.step() } }) { [self] result in
            switch result {
            case .success(.more): waitForPace(ongoing, pass)
            case .success(.finishedGroup(let group)): swap(group, ongoing, pass)
            case .success(.finished): complete(ongoing, pass)
            case .failure(let failure):
                // Segments that were deleted meanwhile cannot be opened: the next pass goes without them.
                let isOutdated = !holds(pass.plan.segments.filter { !pass.isSwapped($0) })
                background({ pass.discard() }) { [self] in
                    finish(ongoing, isOutdated ? nil : .failure(failure.error))
                }
            }
        }
    }

    private func waitForPace(_ ongoing: OngoingCleaning, _ pass: CleaningPass) {
        let bytes = pass.workBytes
        let delay = ongoing.limits.pace.take(bytes - ongoing.pacedBytes, now: clock.now)
        ongoing.pacedBytes = bytes
        guard delay > .milliseconds(1), !ongoing.isStopped else { return goOn(ongoing) }
        ongoing.timer = loop.schedule(after: delay) { [self] in
            ongoing.timer = nil
            goOn(ongoing)
        }
    }

    /// Whether the log still has these segments, in this order.
    private func holds(_ summaries: [SegmentSummary]) -> Bool {
        guard let base = summaries.first?.baseOffset, let place = segments.firstIndex(where: { $0.baseOffset == base })
        else { return summaries.isEmpty }
        return segments[place...].prefix(summaries.count).map(\.summary) == summaries
    }

    // MARK: The swap

    /// Has a segment that was written take the place of those that it stands for.
    private func swap(_ group: CleaningPass.CleanedGroup, _ ongoing: OngoingCleaning, _ pass: CleaningPass) {
        let folder = folder
        guard group.isChanged else {
            forgetAborted(group.emptyAborts)
            return background({ folder.discardCleaned(group.summary.baseOffset) }) { [self] in
                waitForPace(ongoing, pass)
            }
        }
        guard refusal == nil, holds(group.replaced) else {
            ongoing.isStopped = true
            return goOn(ongoing)
        }
        if let base = group.replaced.map(\.baseOffset).first(where: { loading[$0] != nil }) {
            loading[base]?.append { self.swap(group, ongoing, pass) }
            return
        }
        isSwapping = true
        let swap = SegmentSwap(
            identity, replaced: group.replaced.map(\.baseOffset), summary: group.summary,
            emptyAborts: group.emptyAborts)
        background({ Result { () throws(LogFolder.SwapFailure) in try folder.install(swap) } }) { [self] result in
            isSwapping = false
            defer { resumeAfterSwap() }
            switch result {
            case .success:
                take(group)
                pass.noteSwapped(group)
                ongoing.hasSwapped = true
                waitForPace(ongoing, pass)
            case .failure(.before(let error)):
                background({ pass.discard() }) { [self] in finish(ongoing, .failure(LogError(error))) }
            case .failure(.halfway(let error)):
                // The folder holds parts of both: only opening it anew puts that right.
                fail("a cleaned segment could not be put in its place: \(error)")
                finish(ongoing, .failure(LogError(error)))
            }
        }
    }

    /// Names transactions no more whose data is gone.
    private func forgetAborted(_ markers: [Int64]) {
        guard !markers.isEmpty, health != .closed else { return }
        transactions.forgetAborted(markers)
        noteStable()
    }

    private func take(_ group: CleaningPass.CleanedGroup) {
        forgetAborted(group.emptyAborts)
        // An abandoned log has let go of its files.
        guard health != .closed,
            let first = segments.firstIndex(where: { $0.baseOffset == group.summary.baseOffset })
        else { return }
        let segment = Segment(RecoveredSegment(summary: group.summary))
        segment.isSealed = true
        segments.replaceSubrange(first..<first + group.replaced.count, with: [segment])
        unknownSwaps.insert(group.summary.baseOffset)
        let before = group.replaced.reduce(0) { $0 + $1.end }
        probe.segmentsChanged(by: 1 - group.replaced.count, sizeBytes: group.summary.end - before)
    }

    private func resumeAfterSwap() {
        let waiters = afterSwap
        afterSwap = []
        for waiter in waiters { waiter() }
        dropSegmentsBelowLogStart()
    }

    // MARK: The end

    /// The pass went over everything: notes up to where the log is clean.
    private func complete(_ ongoing: OngoingCleaning, _ pass: CleaningPass) {
        cleanOffset = max(cleanOffset, pass.cleanOffset)
        let (folder, offset) = (folder, cleanOffset)
        background({ Result { () throws(DiskError) in try folder.writeCleaningPoint(offset) } }) { [self] result in
            if case .failure(let error) = result {
                logger.warning("\(folder.path): the cleaning point could not be stored (\(error))")
            }
            finish(ongoing, pass)
        }
    }

    private func finish(_ ongoing: OngoingCleaning, _ pass: CleaningPass) {
        var outcome = pass.outcome
        outcome.cleanOffset = cleanOffset
        finish(ongoing, .success(outcome))
    }

    /// Answers whoever asked for the pass; nil: it was stopped, or had nothing to do.
    private func finish(_ ongoing: OngoingCleaning, _ result: Result<CleaningOutcome, LogError>?) {
        cleaning = nil
        if ongoing.hasSwapped { forgetSwaps(attemptsLeft: 3) }
        switch result {
        case .failure(let error):
            probe.cleaning.failed()
            if error.code == .storage, !isUncleanable {
                isUncleanable = true
                probe.cleaning.foundUncleanable(identity)
            }
            ongoing.then(.failure(error))
        case .success(var outcome):
            outcome.duration = clock.now - ongoing.started
            probe.cleaning.cleaned(outcome)
            ongoing.then(.success(outcome))
        case nil:
            var outcome = ongoing.pass?.outcome ?? CleaningOutcome()
            outcome.cleanOffset = cleanOffset
            outcome.wasStopped = ongoing.isStopped || ongoing.pass != nil
            outcome.duration = clock.now - ongoing.started
            if outcome.wasStopped { probe.cleaning.cleaned(outcome) }
            ongoing.then(.success(outcome))
        }
    }
}
