/// What a plugin may take of its host at most.
struct Limits {
    /// The longest object, patch, query, key or value.
    static let argumentBytesMax = 8 << 20
    /// The longest kind, namespace, name, topic or header name.
    static let nameBytesMax = 1_024
    /// The longest line of the log; longer ones are cut.
    static let logLineBytesMax = 8 << 10
    /// The longest sentence that a plugin can give as a reason.
    static let messageBytesMax = 1_024
    /// Operations that are open at once.
    static let operationsMax = 4_096
    /// Watches that are open at once.
    static let watchesMax = 64
    /// Results that were not released yet.
    static let resultsMax = 4_096
    /// Headers of a record.
    static let headersMax = 1_024
    /// Records that one call consumes.
    static let recordsMax = 10_000
    /// Different refusals that are told apart in log and metrics.
    static let refusalsMax = 64
    /// Threads that tell watches their events.
    static let watchThreadsMax = 4
}
