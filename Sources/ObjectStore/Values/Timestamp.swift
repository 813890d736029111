/// A moment in UTC, to the second: how objects carry time (RFC 3339, `2026-11-21T15:30:00Z`).
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01 UTC.
    public var secondsSince1970: Int64

    /// The moment so many seconds after 1970-01-01 UTC.
    public init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    /// The moment that a clock's wall time stands for, without its fraction.
    public init(wallMilliseconds: Int64) {
        secondsSince1970 = Int64((Double(wallMilliseconds) / 1000).rounded(.down))
    }

    /// Whether `left` is before `right`.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }
}
