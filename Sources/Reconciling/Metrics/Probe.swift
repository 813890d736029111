internal import WeirRuntime

/// The counters of one reconciler; guarded by the lock of its `KeyQueue`.
struct Probe: Sendable {
    var succeededCount = 0
    var failedCount = 0
    var requeuedCount = 0
    var requeuedAfterCount = 0
    var cancelledCount = 0
    var terminalCount = 0
    var timedOutCount = 0
    /// Keys that were dropped because the reconciler drained.
    var droppedCount = 0
    var reconcileTime = Histogram(bounds: Histogram.reconcileBounds)
    var queueTime = Histogram(bounds: Histogram.queueBounds)
    var workTime = Histogram(bounds: Histogram.queueBounds)

    mutating func record(_ ended: Ended, at now: MonotonicTime) {
        let duration = now - ended.taken.since
        reconcileTime.record(duration)
        workTime.record(duration)
        if ended.hasTimedOut { timedOutCount += 1 }
        switch ended.outcome {
        case .succeeded(let result):
            switch result.next {
            case .nothing: succeededCount += 1
            case .retry: requeuedCount += 1
            case .later: requeuedAfterCount += 1
            }
        case .failed: failedCount += 1
        case .terminal:
            failedCount += 1
            terminalCount += 1
        case .cancelled: cancelledCount += 1
        }
    }
}
