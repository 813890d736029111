internal import ObjectStore
internal import WeirRuntime

/// How one reconcile ended.
enum Outcome: Sendable {
    /// It said what is to become of the key.
    case succeeded(ReconcileResult)
    /// It threw: again after the back-off.
    case failed(any Error)
    /// It threw `TerminalError`: not again before the next change.
    case terminal(TerminalError)
    /// It was given up because the reconciler drains, or leads no more.
    case cancelled
}

/// A key that a worker has, and since when.
struct Taken: Sendable {
    var item: WorkQueue<ObjectKey>.Item
    var since: MonotonicTime
}

/// A reconcile that has ended.
struct Ended: Sendable {
    var taken: Taken
    var outcome: Outcome
    /// Whether the reconciler's timeout fired before the body returned.
    var hasTimedOut = false
}
