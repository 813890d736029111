import SegmentLog
import WeirRuntime

extension Broker {
    /// Rolls and deletes, in every partition, what its topic's settings say is due by now.
    ///
    /// One hop to each partition's loop; returns when all have looked. Deleting is the log's own background work.
    public func enforceRetention() async {
        let now = clock.wallMilliseconds
        for partition in partitions.snapshot().partitions {
            await partition.loop.run { partition.log?.enforceRetention(wallMilliseconds: now) }
        }
    }

    /// How long to wait between two looks (`log.retention.check.interval.ms`).
    public var retentionCheckInterval: Duration { .milliseconds(settings.retentionCheckIntervalMilliseconds) }
}
