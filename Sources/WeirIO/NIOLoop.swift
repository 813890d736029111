public import NIOCore
import Synchronization
public import WeirRuntime

/// A NIO event loop as a `Loop`: callbacks and channels of one thread.
///
/// The end of a burst is a task of the event loop, queued when somebody first asks for it or for the
/// time. NIO reads all ready channels, then runs its queue, so that task comes after the reads of the
/// burst and after the callbacks that were queued when it was asked for.
///
/// `@unchecked Sendable`: `time`, `bodies` and `isEndQueued` are confined to `eventLoop`.
public final class NIOLoop: Loop, @unchecked Sendable {
    /// The loop that callbacks run on; channels registered with it share its thread.
    public let eventLoop: any EventLoop
    private let clock: any Clock
    private var time: MonotonicTime?
    private var bodies: [@Sendable () -> Void] = []
    private var spare: [@Sendable () -> Void] = []
    private var isEndQueued = false
    /// Made once, so that queueing it allocates no closure.
    private var endOfBurst: @Sendable () -> Void = {}

    init(_ eventLoop: any EventLoop, clock: any Clock) {
        self.eventLoop = eventLoop
        self.clock = clock
        endOfBurst = { [weak self] in self?.finishBurst() }
    }

    /// Whether the caller runs on the event loop's thread.
    public var isCurrent: Bool { eventLoop.inEventLoop }

    /// The time when it was first asked for in this burst. Only on the loop.
    public var now: MonotonicTime {
        preconditionIsCurrent()
        if let time { return time }
        let fresh = clock.now
        time = fresh
        queueEndOfBurst()
        return fresh
    }

    /// Runs `body` on the event loop, after what was executed before it; nothing once that is shut down.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        eventLoop.execute(body)
    }

    /// Runs `body` on the event loop at `deadline`; nothing once that is shut down.
    ///
    /// Cancelled on the loop, it will not run; cancelled elsewhere, it may be running meanwhile.
    @discardableResult
    public func schedule(at deadline: MonotonicTime, _ body: @escaping @Sendable () -> Void) -> any ScheduledCallback {
        let timer = NIOTimer(body)
        let point = NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
        let token = try? eventLoop.scheduleCallback(at: point, handler: timer)
        return NIOTimerCancellation(timer: timer, token: token)
    }

    /// Runs `body` after the channels and callbacks of this burst. Only on the loop.
    public func atEndOfBurst(_ body: @escaping @Sendable () -> Void) {
        preconditionIsCurrent()
        bodies.append(body)
        queueEndOfBurst()
    }

    private func queueEndOfBurst() {
        if isEndQueued { return }
        isEndQueued = true
        eventLoop.execute(endOfBurst)
    }

    private func finishBurst() {
        isEndQueued = false
        time = nil
        if bodies.isEmpty { return }
        // Two arrays take turns, so that a steady loop allocates none.
        swap(&bodies, &spare)
        for body in spare { body() }
        spare.removeAll(keepingCapacity: true)
    }
}

/// A body that runs at most once, and never after `cancel` returned on its loop.
private final class NIOTimer: NIOScheduledCallbackHandler, Sendable {
    private let body: @Sendable () -> Void
    private let isWaiting = Atomic<Bool>(true)

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }

    /// Whether it was still waiting; from then on it is not.
    func claim() -> Bool {
        isWaiting.exchange(false, ordering: .acquiringAndReleasing)
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        // The event loop takes due timers out by the batch: one of them may have cancelled this one.
        if claim() { body() }
    }
}

private struct NIOTimerCancellation: ScheduledCallback {
    let timer: NIOTimer
    let token: NIOScheduledCallback?

    func cancel() {
        if timer.claim() { token?.cancel() }
    }
}
