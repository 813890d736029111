/// Who of several nodes reconciles; without one a node always does.
///
/// Sources and caches run on every node, so that a new leader begins at once. All calls come from one task.
public protocol LeaderElection: Sendable {
    /// Returns when this node leads. Throws `CancellationError` as soon as the task is cancelled.
    func lead() async throws

    /// Returns when this node, which led, leads no more, or the task is cancelled.
    ///
    /// What runs then is cancelled at once: another node may reconcile the same key already.
    func lost() async

    /// Lets another node lead; called when this one drained, and never where a reconcile was left behind.
    func resign() async
}
