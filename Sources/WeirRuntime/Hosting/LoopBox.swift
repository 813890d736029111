internal import Synchronization
internal import WorkTracking

/// Carries a loop's handle into its task: a noncopyable value captured by a closure cannot be consumed.
final class LoopBox: Sendable {
    private let handle: Mutex<LoopHandle?>

    /// Takes the handle over.
    init(_ handle: consuming LoopHandle) {
        self.handle = Mutex(consume handle)
    }

    /// Ends the loop, once.
    func end() {
        let taken = handle.withLock { $0.take() }
        taken?.end()
    }
}
