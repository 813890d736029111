internal import Synchronization
internal import WorkTracking

/// Carries a worker's loop handle into its task: a noncopyable value captured by a closure cannot be consumed.
final class WorkerLoop: Sendable {
    private let handle: Mutex<LoopHandle?>

    /// Counts one more loop of the gate. Throws `WorkRejected` while it drains.
    init(of gate: Gate) throws(WorkRejected) {
        let started = try gate.startLoop()
        handle = Mutex(consume started)
    }

    /// Ends the loop, once.
    func end() {
        let taken = handle.withLock { $0.take() }
        taken?.end()
    }
}
