import Synchronization

/// A value behind a lock whose hand-over Thread Sanitizer can follow.
///
/// The standard library's `Mutex` is not built for the sanitizer: two threads that take turns look like a race to it.
/// The release and acquire of `handedOver` say in instrumented code what the lock guarantees anyway. They excuse
/// nothing: what is touched outside of the lock is still reported.
struct Guarded<Value: Sendable>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let handedOver = Atomic<Bool>(false)

    init(_ value: Value) {
        mutex = Mutex(value)
    }

    /// Runs `body` alone; it neither awaits nor calls out.
    func withLock<Result: Sendable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try mutex.withLock { (value: inout sending Value) throws(Failure) -> Result in
            _ = handedOver.load(ordering: .acquiring)
            defer { handedOver.store(true, ordering: .releasing) }
            return try body(&value)
        }
    }
}
