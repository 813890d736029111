import Synchronization
public import WeirRuntime

/// The counters of all logs of one data folder.
///
/// Thread-safe; counting costs one atomic addition for a burst or a sync, never one for a record.
public final class SegmentLogProbe: MetricSource {
    /// Upper bounds of the sync histogram, in microseconds.
    private static let syncBounds: [Int64] = [100, 250, 500, 1000, 2500, 5000, 10_000, 50_000, 250_000, 1_000_000]

    private final class Count: Sendable {
        private let value = Atomic<Int64>(0)
        func add(_ amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
        var current: Int64 { value.load(ordering: .relaxed) }
    }

    private struct LogName: Hashable {
        var topic: String
        var partition: Int32
    }

    private let openLogs = Count()
    private let segments = Count()
    private let sizeBytes = Count()
    private let appendedBatches = Count()
    private let appendedBytes = Count()
    private let writes = Count()
    private let zeroFilledBytes = Count()
    private let syncedFiles = Count()
    private let failedSyncs = Count()
    private let syncMicroseconds = Count()
    private let syncBuckets: [Count] = (0...SegmentLogProbe.syncBounds.count).map { _ in Count() }
    private let readBytes = Count()
    private let deviceReads = Count()
    private let rolledSegments = Count()
    private let deletedSegments = Count()
    private let checkpoints = Count()
    private let recoveries = Count()
    private let recoveredBytes = Count()
    private let truncatedBytes = Count()
    private let rebuiltIndexes = Count()
    private let fullRefusals = Count()
    private let refusingLogs = Count()
    private let openTransactions = Count()
    private let abortedTransactions = Count()
    /// What compaction counts.
    let cleaning = CleaningProbe()
    private let damage = Mutex<[LogName: (ranges: Int, bytes: Int64)]>([:])

    /// All zero.
    public init() {}

    func logOpened(segments count: Int, sizeBytes: Int64) {
        openLogs.add(1)
        segmentsChanged(by: count, sizeBytes: sizeBytes)
    }

    func logClosed(_ identity: LogIdentity, segments count: Int, sizeBytes: Int64) {
        openLogs.add(-1)
        segmentsChanged(by: -count, sizeBytes: -sizeBytes)
        damage.withLock { $0[LogName(topic: identity.topic, partition: identity.partition)] = nil }
        cleaning.forget(identity)
    }

    func segmentsChanged(by count: Int, sizeBytes change: Int64) {
        segments.add(Int64(count))
        sizeBytes.add(change)
    }

    func wrote(batches: Int, sizeBytes written: Int) {
        appendedBatches.add(Int64(batches))
        appendedBytes.add(Int64(written))
        sizeBytes.add(Int64(written))
        writes.add(1)
    }

    func zeroFilled(_ count: Int64) { zeroFilledBytes.add(count) }

    func synced(files: Int, failed: Int, took duration: Duration) {
        let microseconds = duration.nanoseconds / 1000
        syncedFiles.add(Int64(files))
        failedSyncs.add(Int64(failed))
        syncMicroseconds.add(microseconds)
        let bucket = Self.syncBounds.firstIndex { microseconds <= $0 } ?? Self.syncBounds.count
        syncBuckets[bucket].add(1)
    }

    func read(_ count: Int) { readBytes.add(Int64(count)) }
    func readFromDevice() { deviceReads.add(1) }
    func rolled() { rolledSegments.add(1) }
    func deleted(segments count: Int) { deletedSegments.add(Int64(count)) }
    func wroteCheckpoint() { checkpoints.add(1) }
    func rebuiltIndex() { rebuiltIndexes.add(1) }
    func refusedAsFull() { fullRefusals.add(1) }
    func refusing(_ change: Int64) { refusingLogs.add(change) }

    func transactionsChanged(open: Int, aborted: Int) {
        openTransactions.add(Int64(open))
        abortedTransactions.add(Int64(aborted))
    }

    func recovered(scannedBytes: Int64, truncatedBytes truncated: Int64) {
        recoveries.add(1)
        recoveredBytes.add(scannedBytes)
        truncatedBytes.add(truncated)
    }

    func found(_ range: DamagedRange, in identity: LogIdentity) {
        let name = LogName(topic: identity.topic, partition: identity.partition)
        damage.withLock { damage in
            let known = damage[name] ?? (0, 0)
            damage[name] = (known.ranges + 1, known.bytes + range.positions.upperBound - range.positions.lowerBound)
        }
    }

    /// The counters as they are now.
    public func collectMetrics() async -> [MetricFamily] {
        counters() + [syncFamily()] + damageFamilies() + cleaning.families()
    }

    private func counters() -> [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ count: Count) -> MetricFamily {
            MetricFamily("weir_log_\(name)", .gauge, help: help, value: Double(count.current))
        }
        func counter(_ name: String, _ help: String, _ count: Count) -> MetricFamily {
            MetricFamily("weir_log_\(name)_total", .counter, help: help, value: Double(count.current))
        }
        return [
            gauge("open_logs", "Logs that are open.", openLogs),
            gauge("segments", "Segments of the open logs.", segments),
            gauge("size_bytes", "Bytes of the open logs, indexes not counted.", sizeBytes),
            gauge("refusing_logs", "Logs that refuse writes: the disk is full or failed.", refusingLogs),
            gauge("open_transactions", "Transactions that have begun in a log and have no marker.", openTransactions),
            gauge("aborted_transactions", "Aborted transactions that the logs still hold.", abortedTransactions),
            counter("appended_batches", "Batches written.", appendedBatches),
            counter("appended_bytes", "Bytes of batches written.", appendedBytes),
            counter("writes", "Write calls, one for the appends of a burst.", writes),
            counter("zero_filled_bytes", "Bytes of zeros written ahead of the ends.", zeroFilledBytes),
            counter("synced_files", "Files synced, some of them side by side.", syncedFiles),
            counter("failed_syncs", "Files whose sync failed; their logs refuse writes.", failedSyncs),
            counter("read_bytes", "Bytes of batches read for fetches.", readBytes),
            counter("device_reads", "Reads that had to wait for the device.", deviceReads),
            counter("rolled_segments", "Segments begun because the one before was full or old.", rolledSegments),
            counter("deleted_segments", "Segments deleted below the log start.", deletedSegments),
            counter("checkpoints", "Checkpoints written.", checkpoints),
            counter("recoveries", "Logs opened.", recoveries),
            counter("recovered_bytes", "Bytes read and checked to open logs.", recoveredBytes),
            counter("truncated_bytes", "Bytes of unsynced tails cut off when logs were opened.", truncatedBytes),
            counter("rebuilt_indexes", "Indexes that were missing or damaged and made again.", rebuiltIndexes),
            counter("full_refusals", "Bursts of appends refused because the disk was full.", fullRefusals),
        ]
    }

    private func syncFamily() -> MetricFamily {
        var samples: [MetricFamily.Sample] = []
        var total: Int64 = 0
        for (index, bucket) in syncBuckets.enumerated() {
            total += bucket.current
            let bound = index < Self.syncBounds.count ? "\(Double(Self.syncBounds[index]) / 1_000_000)" : "+Inf"
            samples.append(.init(Double(total), labels: [.init("le", bound)], suffix: "_bucket"))
        }
        samples.append(.init(Double(syncMicroseconds.current) / 1_000_000, suffix: "_sum"))
        samples.append(.init(Double(total), suffix: "_count"))
        return MetricFamily(
            "weir_log_sync_seconds", .histogram, help: "How long group commits waited for the device.",
            samples: samples)
    }

    private func damageFamilies() -> [MetricFamily] {
        let known = damage.withLock { $0 }.sorted {
            ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition)
        }
        func labels(_ name: LogName) -> [MetricFamily.Label] {
            [.init("topic", name.topic), .init("partition", "\(name.partition)")]
        }
        return [
            MetricFamily(
                "weir_log_damaged_ranges", .gauge, help: "Ranges found damaged, which are not served.",
                samples: known.map { .init(Double($0.value.ranges), labels: labels($0.key)) }),
            MetricFamily(
                "weir_log_damaged_bytes", .gauge, help: "Bytes in ranges found damaged.",
                samples: known.map { .init(Double($0.value.bytes), labels: labels($0.key)) }),
        ]
    }
}
