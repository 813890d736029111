import Synchronization

extension Gate {
    /// How many units were ever admitted, and how many of them ended: of one moment.
    ///
    /// Read half turns, word, half turns; the parity tells a crossing that is not counted yet.
    func progress() -> (word: GateWord, started: UInt64, ended: UInt64) {
        var halfTurns = startedHalfTurns.load(ordering: .acquiring)
        while true {
            let word = currentWord
            let again = startedHalfTurns.load(ordering: .acquiring)
            if again == halfTurns {
                let started = word.startedTotal(halfTurns: halfTurns)
                return (word, started, started &- UInt64(word.inFlight))
            }
            halfTurns = again
        }
    }

    /// The component's counts.
    package func snapshot() -> ComponentWork {
        let counts = settledCounts()
        let presence = currentPresence
        return ComponentWork(
            name: name, isClosed: counts.word.isClosed, isSealed: counts.word.isSealed,
            isReadOnly: counts.word.isReadOnly, inFlight: Int(counts.word.inFlight), queued: queue?.count ?? 0,
            peak: Int(peak.load(ordering: .relaxed)), recentPeak: Int(recentPeak.load(ordering: .relaxed)),
            started: counts.started, succeeded: counts.succeeded, failed: counts.failed,
            cancelled: counts.cancelled, abandoned: counts.abandoned,
            rejected: ComponentWork.Rejections(
                draining: rejectedDraining.load(ordering: .relaxed),
                readOnly: rejectedReadOnly.load(ordering: .relaxed),
                overLimit: rejectedOverLimit.load(ordering: .relaxed)),
            sessions: Int(presence.sessions), loops: Int(presence.loops),
            slowest: slowOperations?.running(now: domain.now.load(ordering: .relaxed)) ?? [])
    }

    /// Begins a new interval of `recentPeak`, at what is in flight now.
    func restartRecentPeak() {
        let inFlight = currentWord.inFlight
        // First: who finds `recentPeak` high enough does not look at `peak`.
        peak.max(inFlight, ordering: .relaxed)
        recentPeak.store(inFlight, ordering: .sequentiallyConsistent)
        // Who entered in between compared with the old peak: count him in.
        raisePeak(currentWord.inFlight)
    }

    private struct Counts {
        let word: GateWord
        let started: UInt64
        let succeeded: UInt64
        let failed: UInt64
        let cancelled: UInt64
        let abandoned: UInt64
    }

    /// Counts that add up: tried a few times while units end in between, because a failure is counted before its
    /// unit leaves. What is then still missing from `succeeded` is reported the next time: it never falls.
    private func settledCounts() -> Counts {
        var attempt = 0
        while true {
            let (word, started, ended) = progress()
            let failed = failed.load(ordering: .relaxed)
            let cancelled = cancelled.load(ordering: .relaxed)
            let abandoned = abandoned.load(ordering: .relaxed)
            let others = failed + cancelled + abandoned
            let derived = ended > others ? ended - others : 0
            attempt += 1
            if attempt < 64, ended < others || derived < succeededReported.load(ordering: .relaxed) { continue }
            let succeeded = succeededReported.max(derived, ordering: .relaxed).newValue
            return Counts(
                word: word, started: started, succeeded: succeeded, failed: failed, cancelled: cancelled,
                abandoned: abandoned)
        }
    }
}
