/// How large an object log may get, and what it keeps.
public struct ObjectLogLimits: Sendable, Hashable {
    /// The largest object, in bytes of its key and its JSON: etcd's limit of a request.
    public var objectSizeBytesMax = 3 << 19
    /// Below this size the log is left alone, whatever of it is dead.
    public var logSizeBytesMin = 8 << 20
    /// Above it, the log is written anew when it is so many times as large as what lives.
    public var deadFactorMax = 2
    /// The records of one batch, in bytes; a larger object is a batch of its own.
    public var batchSizeBytesMax = 512 << 10
    /// Writes that wait for the log, in bytes of their records; more are refused.
    public var waitingSizeBytesMax = 64 << 20
    /// Objects written anew between two bursts of writes, in bytes; more where the writes are more.
    public var refreshSizeBytesMax = 64 << 10
    /// Changes that are kept for watches from an older version.
    public var historyMax = 4_096

    /// The defaults.
    public init() {}

    /// Bytes of a segment: a log can only be cut where one ends.
    var segmentSizeBytes: Int { max(logSizeBytesMin / 4, objectSizeBytesMax + 1024, batchSizeBytesMax + 1024) }
}
