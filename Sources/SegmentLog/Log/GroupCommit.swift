import WeirRuntime

/// The writes and syncs of one loop's logs, gathered: one write a log and burst, one sync for all.
///
/// While a sync runs, what is written meanwhile waits for the next, which begins when it ends.
///
/// `@unchecked Sendable`: everything is confined to `loop`.
final class GroupCommit: @unchecked Sendable {
    let loop: any Loop
    /// Where its logs store their last checkpoints.
    let closing: GroupClose
    private let disk: any Disk
    private let clock: any Clock
    private let probe: SegmentLogProbe
    private var writers: [LocalLog] = []
    private var writing: [LocalLog] = []
    private var dirty: [LocalLog] = []
    private var isEndQueued = false
    private var isEnding = false
    private var isSyncing = false
    /// Made once, so that queueing it allocates nothing.
    private var endOfBurst: @Sendable () -> Void = {}

    init(loop: any Loop, disk: any Disk, clock: any Clock, probe: SegmentLogProbe) {
        self.loop = loop
        closing = GroupClose(loop: loop, disk: disk)
        self.disk = disk
        self.clock = clock
        self.probe = probe
        endOfBurst = { [weak self] in self?.finishBurst() }
    }

    /// Writes what `log` holds at the end of the burst. Once a burst and log.
    func willWrite(_ log: LocalLog) {
        writers.append(log)
        queueEndOfBurst()
    }

    /// Syncs what `log` has written, with everything else of the loop. Once a round and log.
    func needsSync(_ log: LocalLog) {
        dirty.append(log)
        if !isSyncing && !isEnding { queueEndOfBurst() }
    }

    private func queueEndOfBurst() {
        if isEndQueued { return }
        isEndQueued = true
        loop.atEndOfBurst(endOfBurst)
    }

    private func finishBurst() {
        isEndQueued = false
        isEnding = true
        swap(&writers, &writing)
        for log in writing { log.writeBurst() }
        isEnding = false
        startSync()
        for log in writing { log.answer() }
        writing.removeAll(keepingCapacity: true)
    }

    private func startSync() {
        guard !isSyncing, !dirty.isEmpty else { return }
        var files: [any DiskFile] = []
        var rounds: [(log: LocalLog, target: LogPoint, files: Range<Int>)] = []
        rounds.reserveCapacity(dirty.count)
        for log in dirty {
            let first = files.count
            guard let target = log.beginSync(&files) else { continue }
            rounds.append((log, target, first..<files.count))
        }
        dirty.removeAll(keepingCapacity: true)
        if rounds.isEmpty { return }
        isSyncing = true
        let started = clock.now
        let confined = LoopBound(rounds)
        disk.sync(files) { [self] results in
            let took = clock.now - started
            loop.execute { self.finishSync(confined.value, results, took) }
        }
    }

    private func finishSync(
        _ rounds: [(log: LocalLog, target: LogPoint, files: Range<Int>)], _ results: [Result<Void, DiskError>],
        _ took: Duration
    ) {
        isSyncing = false
        var failed = 0
        for round in rounds {
            var failure: DiskError?
            for index in round.files {
                if case .failure(let error) = results[index] {
                    failure = error
                    failed += 1
                }
            }
            round.log.finishSync(round.target, failure: failure)
        }
        probe.synced(files: results.count, failed: failed, took: took)
        startSync()
        for round in rounds { round.log.answer() }
    }
}
