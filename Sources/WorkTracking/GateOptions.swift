/// What a component's owner chose for its gate.
public struct GateOptions: Sendable, Hashable {
    /// Whether the operations that are running are listed by name and age.
    public enum SlowOperations: Sendable, Hashable {
        /// They are only counted.
        case counted
        /// Up to 64 at a time are listed; the table costs about 6 KiB a component.
        case listed
    }

    /// How many operations may run at once; nil is no limit. Nested work is let in beyond it.
    public var maxConcurrent: Int?

    /// How many callers may wait at the limit; the next one is refused `overLimit`.
    public var queueCountMax: Int

    /// Whether the operations that are running are listed by name and age.
    public var slowOperations: SlowOperations

    /// No limit, and nothing listed, unless said otherwise.
    public init(
        maxConcurrent: Int? = nil, queueCountMax: Int = 1_024, slowOperations: SlowOperations = .counted
    ) {
        self.maxConcurrent = maxConcurrent
        self.queueCountMax = queueCountMax
        self.slowOperations = slowOperations
    }
}

/// What an operation does to what its component keeps.
public enum Access: Sendable, Hashable {
    /// Changes nothing; admitted while the component is read-only.
    case read
    /// Changes something.
    case write
}

/// How an operation ended.
public enum Outcome: Sendable, Hashable {
    /// It did what was asked.
    case succeeded
    /// It failed.
    case failed
    /// It was cancelled.
    case cancelled
    /// Nobody ended it.
    case abandoned
}
