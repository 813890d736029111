internal import KafkaWire
internal import SegmentLog
internal import Synchronization
public import WeirRuntime

/// What the broker counts: requests, errors, bytes, connections; and its partitions as they are when asked.
///
/// Thread-safe. What is counted for each request is one relaxed atomic addition.
public final class KafkaProbe: MetricSource {
    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
        func add(_ count: Int = 1) { value.wrappingAdd(UInt64(clamping: count), ordering: .relaxed) }
    }

    private struct Failure: Hashable {
        let api: ApiKey
        let error: ErrorCode
    }

    private let partitions: PartitionTable
    private let coordinators: CoordinatorMetrics?
    /// By API key; the last one counts keys that Kafka does not have.
    private let requests: [Counter]
    private let failures = Mutex<[Failure: UInt64]>([:])
    private let bytesInTotal = Counter()
    private let bytesOutTotal = Counter()
    private let opened = Counter()
    private let closed = Counter()
    private let refused = Counter()
    private let sessions = Atomic<Int>(0)
    private let sessionTargets = Atomic<Int>(0)
    private let sessionsEvicted = Counter()
    private let telemetryPushes = Counter()
    private let telemetryBytes = Counter()

    /// A probe that shows `partitions`, and what `coordinators` do.
    init(partitions: PartitionTable, coordinators: CoordinatorHost? = nil) {
        self.partitions = partitions
        self.coordinators = coordinators.map { CoordinatorMetrics(host: $0) }
        let keyMax = ApiKey.all.map(\.rawValue).max() ?? 0
        requests = (0...Int(keyMax) + 1).map { _ in Counter() }
    }

    func requestBegan(_ api: ApiKey) {
        let index = Int(api.rawValue)
        requests[requests.indices.contains(index) ? index : requests.count - 1].add()
    }

    func requestFailed(_ api: ApiKey, _ error: ErrorCode, count: Int = 1) {
        failures.withLock { $0[Failure(api: api, error: error), default: 0] += UInt64(count) }
    }

    func bytesIn(_ count: Int) { bytesInTotal.add(count) }
    func bytesOut(_ count: Int) { bytesOutTotal.add(count) }

    func connectionOpened(isRefused: Bool) {
        if isRefused { refused.add() } else { opened.add() }
    }

    func connectionClosed() { closed.add() }

    /// Fetch sessions and their partitions came or went; some were evicted.
    func fetchSessionsChanged(by count: Int, targets: Int, evicted: Int) {
        if count != 0 { sessions.wrappingAdd(count, ordering: .relaxed) }
        if targets != 0 { sessionTargets.wrappingAdd(targets, ordering: .relaxed) }
        if evicted != 0 { sessionsEvicted.add(evicted) }
    }

    /// A client pushed metrics, which were taken.
    func telemetryPushed(_ bytes: Int) {
        telemetryPushes.add()
        telemetryBytes.add(bytes)
    }

    /// The metrics as they are now.
    public func collectMetrics() async -> [MetricFamily] {
        let closedCount = closed.value.load(ordering: .relaxed)
        let openedCount = opened.value.load(ordering: .relaxed)
        return [
            requestFamily, failureFamily,
            MetricFamily(
                "weir_kafka_received_bytes_total", .counter, help: "Bytes that clients sent.",
                value: Double(bytesInTotal.value.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_sent_bytes_total", .counter, help: "Bytes of responses.",
                value: Double(bytesOutTotal.value.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_connections", .gauge, help: "Client connections that are open.",
                value: Double(openedCount - closedCount)),
            MetricFamily(
                "weir_kafka_connections_opened_total", .counter, help: "Client connections that were taken in.",
                value: Double(openedCount)),
            MetricFamily(
                "weir_kafka_connections_refused_total", .counter,
                help: "Client connections refused because of max.connections.",
                value: Double(refused.value.load(ordering: .relaxed))),
        ] + sessionFamilies + (await coordinators?.collect() ?? []) + (await partitionFamilies())
    }

    private var sessionFamilies: [MetricFamily] {
        [
            MetricFamily(
                "weir_kafka_fetch_sessions", .gauge, help: "Fetch sessions that are kept.",
                value: Double(sessions.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_fetch_session_partitions", .gauge, help: "Partitions that fetch sessions hold.",
                value: Double(sessionTargets.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_fetch_sessions_evicted_total", .counter,
                help: "Fetch sessions that made room for others.",
                value: Double(sessionsEvicted.value.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_telemetry_pushes_total", .counter, help: "Pushes of clients' metrics, taken and dropped.",
                value: Double(telemetryPushes.value.load(ordering: .relaxed))),
            MetricFamily(
                "weir_kafka_telemetry_bytes_total", .counter, help: "Bytes of those pushes.",
                value: Double(telemetryBytes.value.load(ordering: .relaxed))),
        ]
    }

    private var requestFamily: MetricFamily {
        let samples = requests.enumerated().compactMap { index, counter -> MetricFamily.Sample? in
            let count = counter.value.load(ordering: .relaxed)
            guard count > 0 else { return nil }
            let name = index == requests.count - 1 ? "unknown" : ApiKey(rawValue: Int16(index)).name
            return MetricFamily.Sample(Double(count), labels: [.init("api", name)])
        }
        return MetricFamily("weir_kafka_requests_total", .counter, help: "Requests, by API.", samples: samples)
    }

    private var failureFamily: MetricFamily {
        let counts = failures.withLock { $0 }.sorted {
            ($0.key.api.rawValue, $0.key.error.rawValue) < ($1.key.api.rawValue, $1.key.error.rawValue)
        }
        return MetricFamily(
            "weir_kafka_errors_total", .counter, help: "Errors answered, by API and code.",
            samples: counts.map { failure, count in
                MetricFamily.Sample(
                    Double(count), labels: [.init("api", failure.api.name), .init("error", failure.error.name)])
            })
    }

    // MARK: Partitions

    private struct PartitionGauges: Sendable {
        var labels: [MetricFamily.Label]
        var counts: PartitionCounts
        var offsets: (start: Int64, end: Int64, highWatermark: Int64, sizeBytes: Int64)?
        var parked: Int
    }

    private func partitionFamilies() async -> [MetricFamily] {
        var gauges: [PartitionGauges] = []
        for partition in partitions.snapshot().partitions.sorted(by: { $0.name < $1.name }) {
            gauges.append(await partition.loop.run { Self.gauges(of: partition) })
        }
        func family(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: (PartitionGauges) -> Double?
        ) -> MetricFamily {
            MetricFamily(
                "weir_kafka_partition_\(name)", kind, help: help,
                samples: gauges.compactMap { gauge in
                    value(gauge).map { MetricFamily.Sample($0, labels: gauge.labels) }
                })
        }
        return [
            family("log_start_offset", .gauge, "The first offset that can be read.") {
                $0.offsets.map { Double($0.start) }
            },
            family("log_end_offset", .gauge, "The next offset to be given.") { $0.offsets.map { Double($0.end) } },
            family("high_watermark", .gauge, "The first offset that consumers do not see.") {
                $0.offsets.map { Double($0.highWatermark) }
            },
            family("size_bytes", .gauge, "Bytes of the log.") { $0.offsets.map { Double($0.sizeBytes) } },
            family("parked_fetches", .gauge, "Fetches that wait for records.") { Double($0.parked) },
            family("produced_records_total", .counter, "Records appended.") { Double($0.counts.producedRecords) },
            family("produced_batches_total", .counter, "Batches appended.") { Double($0.counts.producedBatches) },
            family("produced_bytes_total", .counter, "Bytes of batches appended.") { Double($0.counts.producedBytes) },
            family("fetched_records_total", .counter, "Records in batches read for clients.") {
                Double($0.counts.fetchedRecords)
            },
            family("fetched_bytes_total", .counter, "Bytes read for clients.") { Double($0.counts.fetchedBytes) },
        ]
    }

    private static func gauges(of partition: ServedPartition) -> PartitionGauges {
        PartitionGauges(
            labels: [.init("topic", partition.identity.topic), .init("partition", "\(partition.identity.partition)")],
            counts: partition.counts,
            offsets: partition.log.map { ($0.logStartOffset, $0.logEndOffset, $0.highWatermark, $0.sizeBytes) },
            parked: partition.waiters.count)
    }
}
