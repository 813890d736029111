import Glibc
public import WeirRuntime

/// The kernel's clocks: CLOCK_MONOTONIC for `now`, CLOCK_REALTIME for the wall.
///
/// `now` is on the same scale as NIO's `NIODeadline`, so a deadline may be handed from one to the
/// other. Time in which the machine is suspended does not count.
public struct SystemClock: Clock {
    /// A clock; all of them tell the same time.
    public init() {}

    /// CLOCK_MONOTONIC. Costs 20 to 60 ns.
    public var now: MonotonicTime { MonotonicTime(nanoseconds: SystemCall.nanoseconds(CLOCK_MONOTONIC)) }

    /// CLOCK_REALTIME; may jump when somebody sets it.
    public var wallMilliseconds: Int64 { SystemCall.nanoseconds(CLOCK_REALTIME) / 1_000_000 }

    /// Returns at `deadline` or soon after, or throws `CancellationError` once the task is cancelled.
    public func sleep(until deadline: MonotonicTime) async throws {
        try Task.checkCancellation()
        // The library's timer counts suspended time and is coarse, hence the loop; a day at a time keeps
        // a deadline of "never" within what it can express.
        while true {
            let left = (deadline - now).nanoseconds
            if deadline <= now { return }
            let day: Int64 = 86_400_000_000_000
            try await Task.sleep(nanoseconds: UInt64(left > 0 ? min(left, day) : day))
        }
    }
}
