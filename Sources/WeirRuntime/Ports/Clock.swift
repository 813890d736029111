/// Time, as a port: the real one is in WeirIO, the virtual one in WeirSimulation.
///
/// Thread-safe. Reading it costs 20 to 60 ns, so the data path reads its loop's `now` instead, which
/// is taken once a burst.
public protocol Clock: Sendable {
    /// Monotonic time: for durations and deadlines, never shown to anybody.
    var now: MonotonicTime { get }

    /// Milliseconds since 1970-01-01 UTC: what records and reports carry.
    var wallMilliseconds: Int64 { get }

    /// Returns at `deadline`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(until deadline: MonotonicTime) async throws
}

extension Clock {
    /// Returns after `duration`, or throws `CancellationError` as soon as the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        try await sleep(until: now + duration)
    }
}

/// A point in monotonic time; only differences between two of one clock mean something.
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since a start that the clock chose.
    public var nanoseconds: Int64

    /// The point `nanoseconds` after the clock's start.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether `left` comes before `right`.
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The point `duration` later; saturates instead of overflowing.
    public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// How much later `left` is than `right`.
    public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }
}

extension Duration {
    /// The whole nanoseconds of the duration, saturated to 64 bits (292 years).
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
    }

    /// The whole milliseconds of the duration, rounded toward zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
