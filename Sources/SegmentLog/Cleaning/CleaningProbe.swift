import Synchronization
import WeirRuntime

/// The counters of compaction in all logs of one data folder. Thread-safe.
final class CleaningProbe: Sendable {
    private struct LogName: Hashable, Comparable {
        var topic: String
        var partition: Int32

        init(_ identity: LogIdentity) {
            topic = identity.topic
            partition = identity.partition
        }

        static func < (left: LogName, right: LogName) -> Bool {
            (left.topic, left.partition) < (right.topic, right.partition)
        }
    }

    private struct Counts {
        var passes: Int64 = 0
        var stopped: Int64 = 0
        var failed: Int64 = 0
        var readBytes: Int64 = 0
        var writtenBytes: Int64 = 0
        var reclaimedBytes: Int64 = 0
        var keptRecords: Int64 = 0
        var droppedRecords: Int64 = 0
        var unreadableBatches: Int64 = 0
        var lastDuration = Duration.zero
        /// The dirty part of each compacted log, when it was looked at last.
        var dirtyRatios: [LogName: Double] = [:]
        var uncleanable: Set<LogName> = []
    }

    private let counts = Mutex(Counts())

    func cleaned(_ outcome: CleaningOutcome) {
        counts.withLock { counts in
            if outcome.wasStopped { counts.stopped += 1 } else { counts.passes += 1 }
            counts.readBytes += outcome.readBytes
            counts.writtenBytes += outcome.writtenBytes
            counts.reclaimedBytes += outcome.reclaimedBytes
            counts.keptRecords += outcome.keptRecords
            counts.droppedRecords += outcome.droppedRecords
            counts.unreadableBatches += outcome.unreadableBatches
            counts.lastDuration = outcome.duration
        }
    }

    func failed() { counts.withLock { $0.failed += 1 } }

    func sawDirty(_ ratio: Double, of identity: LogIdentity) {
        counts.withLock { $0.dirtyRatios[LogName(identity)] = ratio }
    }

    func foundUncleanable(_ identity: LogIdentity) {
        counts.withLock { counts in
            counts.dirtyRatios[LogName(identity)] = nil
            counts.uncleanable.insert(LogName(identity))
        }
    }

    func forget(_ identity: LogIdentity) {
        counts.withLock { counts in
            counts.dirtyRatios[LogName(identity)] = nil
            counts.uncleanable.remove(LogName(identity))
        }
    }

    func families() -> [MetricFamily] {
        let now = counts.withLock { $0 }
        func gauge(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
            MetricFamily("weir_log_cleaning_\(name)", .gauge, help: help, value: value)
        }
        func counter(_ name: String, _ help: String, _ value: Int64) -> MetricFamily {
            MetricFamily("weir_log_cleaning_\(name)_total", .counter, help: help, value: Double(value))
        }
        return [
            counter("passes", "Passes of compaction over a log, finished.", now.passes),
            counter("stopped", "Passes that were given up, as for a drain.", now.stopped),
            counter("failed", "Passes that failed.", now.failed),
            counter("read_bytes", "Bytes of segments read by compaction.", now.readBytes),
            counter("written_bytes", "Bytes of segments written by compaction.", now.writtenBytes),
            counter("reclaimed_bytes", "Bytes that logs shrank by.", now.reclaimedBytes),
            counter("kept_records", "Records that compaction met and left.", now.keptRecords),
            counter("dropped_records", "Records that compaction removed.", now.droppedRecords),
            counter("unreadable_batches", "Batches met that could not be decoded, and stay.", now.unreadableBatches),
            gauge("last_seconds", "How long the last pass took.", Double(now.lastDuration.nanoseconds) / 1e9),
            gauge("max_dirty_ratio", "The largest dirty part of a compacted log.", now.dirtyRatios.values.max() ?? 0),
            MetricFamily(
                "weir_log_uncleanable", .gauge, help: "Logs that are not compacted any more: they are damaged.",
                samples: now.uncleanable.sorted().map {
                    .init(1, labels: [.init("topic", $0.topic), .init("partition", "\($0.partition)")])
                }),
        ]
    }
}
