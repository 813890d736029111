extension SQLiteStorage {
    /// The limits of a storage, and how it waits.
    public struct Configuration: Sendable, Hashable {
        /// How long a write, or the opening, waits for another process that holds the file's write lock.
        public var busyTimeout: Duration = .seconds(10)
        /// How many changes are kept for watches that begin in the past; at least one is.
        public var historyMax = 16_384
        /// How old a change may get before it is forgotten; the last one is kept whatever its age.
        public var historyAgeMax: Duration = .seconds(24 * 3600)
        /// How many writes may wait for the disk; one more is refused.
        public var waitingWritesMax = 8_192
        /// How many writes share one transaction, and so one sync of the disk.
        public var groupMax = 256
        /// How many reads may wait for a connection; one more is refused.
        public var waitingReadsMax = 65_536
        /// The largest object, as bytes of its JSON (etcd's limit).
        public var objectSizeBytesMax = 1_572_864
        /// How often another process's writes are looked for while some come, and there are watchers.
        public var pollInterval: Duration = .milliseconds(2)
        /// How often they are looked for when none came for a while.
        public var pollIntervalMax: Duration = .milliseconds(20)
        /// How many events may wait for one watcher; a slower one is told to list again.
        public var watcherQueueMax = 1_024

        /// Limits that fit most programs.
        public init() {}

        func check() {
            precondition(historyMax >= 1, "the last change is the revision counter, and is always kept")
            precondition(groupMax >= 1, "a transaction holds at least one write")
            precondition(pollInterval > .zero && pollIntervalMax >= pollInterval, "polls have a time between them")
        }
    }
}
