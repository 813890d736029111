#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// The kernel's clock, for programs that embed the runtime without WeirIO.
public struct ProcessClock: Clock {
    /// The kernel's clock.
    public init() {}

    /// `CLOCK_MONOTONIC`.
    public var now: MonotonicTime { MonotonicTime(nanoseconds: Self.read(CLOCK_MONOTONIC)) }

    /// `CLOCK_REALTIME`, in milliseconds.
    public var wallMilliseconds: Int64 { Self.read(CLOCK_REALTIME) / 1_000_000 }

    /// Returns at `deadline`, or throws as soon as the task is cancelled.
    public func sleep(until deadline: MonotonicTime) async throws {
        while true {
            let left = deadline - now
            guard left > .zero else { return try Task.checkCancellation() }
            try await Task.sleep(nanoseconds: UInt64(left.nanoseconds))
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
