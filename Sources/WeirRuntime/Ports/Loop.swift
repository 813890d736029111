/// A serial executor of callbacks, as a port: the real one wraps a NIO event loop, the seeded one is
/// a queue that the simulator steps.
///
/// State that is *confined* to a loop is touched only by callbacks that run on it, so it needs no
/// lock. Classes confined to a loop are `@unchecked Sendable` with a comment that names the loop, and
/// check `preconditionIsCurrent()` at their seams.
public protocol Loop: AnyObject, Sendable {
    /// Whether the caller runs on this loop.
    var isCurrent: Bool { get }

    /// Monotonic time, possibly as old as the start of the current burst. Only on the loop.
    var now: MonotonicTime { get }

    /// Runs `body` on the loop, after what was executed before it. Callable from any thread.
    func execute(_ body: @escaping @Sendable () -> Void)

    /// Runs `body` on the loop at `deadline` or soon after it. Callable from any thread.
    @discardableResult
    func schedule(at deadline: MonotonicTime, _ body: @escaping @Sendable () -> Void) -> any ScheduledCallback

    /// Runs `body` once, on the loop, when the callbacks and the reads of the current burst are done.
    ///
    /// This is where work of a burst is gathered: one write for all appends, one flush for all
    /// responses. Only on the loop; a body added by such a body runs at the end of the next burst.
    func atEndOfBurst(_ body: @escaping @Sendable () -> Void)
}

/// A callback that waits for its time.
public protocol ScheduledCallback: Sendable {
    /// Takes the callback back. Does nothing where it ran or was cancelled before. From any thread.
    ///
    /// Cancelled on its loop, it does not run any more; cancelled elsewhere, it may be running meanwhile.
    func cancel()
}

extension Loop {
    /// Runs `body` on the loop `delay` from now. Only on the loop.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> any ScheduledCallback {
        schedule(at: now + delay, body)
    }

    /// Stops the process where the caller does not run on this loop.
    @inlinable
    public func preconditionIsCurrent(file: StaticString = #fileID, line: UInt = #line) {
        precondition(isCurrent, "this state is confined to another loop", file: file, line: line)
    }
}
