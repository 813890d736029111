internal import WeirRuntime

/// How long a key waits after a failure: twice as long each time, up to a limit.
public struct Backoff: Sendable, Hashable {
    /// After the first failure.
    public var base: Duration
    /// At most.
    public var delayMax: Duration

    /// 5 ms, 10 ms, 20 ms, … 1,000 s, as in Kubernetes, unless said otherwise.
    public init(base: Duration = .milliseconds(5), max delayMax: Duration = .seconds(1_000)) {
        precondition(base > .zero && delayMax >= base, "a back-off begins above zero and does not shrink")
        self.base = base
        self.delayMax = delayMax
    }

    /// The delay after so many failures in a row; zero after none.
    public func delay(afterFailures count: Int) -> Duration {
        guard count > 0 else { return .zero }
        // Nanoseconds of a base below 2^62 do not overflow before the shift that is checked here.
        let base = base.nanoseconds
        let doublings = count - 1
        guard doublings < base.leadingZeroBitCount - 1 else { return delayMax }
        return min(.nanoseconds(base << Int64(doublings)), delayMax)
    }
}
