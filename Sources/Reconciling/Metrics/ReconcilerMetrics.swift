internal import WeirRuntime

/// What a reconciler's metrics are read from, whatever its kind.
protocol ReconcilerReading: AnyObject, Sendable {
    /// The label `controller`.
    var metricName: String { get }
    var workerCountMax: Int { get }
    /// Whether this node reconciles; nil where nobody is elected.
    var isLeading: Bool? { get }
    var now: MonotonicTime { get }
    func readQueue() -> KeyQueue.Reading
}

/// A reconciler's metrics, by controller-runtime's names: existing dashboards show them as they are.
struct ReconcilerMetrics: MetricSource {
    private typealias Sample = MetricFamily.Sample
    private typealias Label = MetricFamily.Label

    private weak let reconciler: (any ReconcilerReading)?

    init(_ reconciler: any ReconcilerReading) {
        self.reconciler = reconciler
    }

    func collectMetrics() async -> [MetricFamily] {
        guard let reconciler else { return [] }
        let reading = reconciler.readQueue()
        return Self.reconcileFamilies(reconciler, reading) + Self.queueFamilies(reconciler, reading)
    }

    private static func reconcileFamilies(
        _ reconciler: any ReconcilerReading, _ reading: KeyQueue.Reading
    ) -> [MetricFamily] {
        let controller = Label("controller", reconciler.metricName)
        let probe = reading.probe
        func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: Int) -> MetricFamily {
            MetricFamily(
                "controller_runtime_\(name)", kind, help: help, samples: [Sample(Double(value), labels: [controller])])
        }
        let results = [
            ("success", probe.succeededCount), ("error", probe.failedCount), ("requeue", probe.requeuedCount),
            ("requeue_after", probe.requeuedAfterCount), ("cancelled", probe.cancelledCount),
        ]
        var families = [
            MetricFamily(
                "controller_runtime_reconcile_total", .counter, help: "Reconciles that ended, by result.",
                samples: results.map { Sample(Double($0.1), labels: [controller, Label("result", $0.0)]) }),
            family("reconcile_errors_total", .counter, "Reconciles that threw.", probe.failedCount),
            family(
                "terminal_reconcile_errors_total", .counter, "Reconciles that threw a terminal error.",
                probe.terminalCount),
            family(
                "reconcile_timeouts_total", .counter, "Reconciles that the reconciler's timeout cancelled.",
                probe.timedOutCount),
            MetricFamily(
                "controller_runtime_reconcile_time_seconds", .histogram, help: "How long reconciles took.",
                samples: probe.reconcileTime.samples([controller])),
            family(
                "max_concurrent_reconciles", .gauge, "How many keys are reconciled at once at most.",
                reconciler.workerCountMax),
            family("active_workers", .gauge, "How many keys are reconciled.", reading.processingSince.count),
        ]
        if let isLeading = reconciler.isLeading {
            families.append(
                MetricFamily(
                    "leader_election_master_status", .gauge, help: "Whether this node reconciles.",
                    samples: [Sample(isLeading ? 1 : 0, labels: [Label("name", reconciler.metricName)])]))
        }
        return families
    }

    private static func queueFamilies(
        _ reconciler: any ReconcilerReading, _ reading: KeyQueue.Reading
    ) -> [MetricFamily] {
        let labels = [Label("name", reconciler.metricName), Label("controller", reconciler.metricName)]
        func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ samples: [Sample]) -> MetricFamily {
            MetricFamily("workqueue_\(name)", kind, help: help, samples: samples)
        }
        let ages = reading.processingSince.map { Double((reconciler.now - $0).nanoseconds) / 1e9 }
        let depths = reading.readyCountByPriority.merging([.normal: 0]) { count, _ in count }
        return [
            family(
                "depth", .gauge, "Keys that are ready, by priority.",
                depths.sorted { $0.key < $1.key }.map {
                    Sample(Double($0.value), labels: labels + [Label("priority", "\($0.key.value)")])
                }),
            family(
                "adds_total", .counter, "How often a key became ready.",
                [
                    Sample(Double(reading.addCount), labels: labels)
                ]),
            family(
                "retries_total", .counter, "How often a key was added for later.",
                [
                    Sample(Double(reading.delayedAddCount), labels: labels)
                ]),
            family(
                "queue_duration_seconds", .histogram, "How long keys were ready before somebody took them.",
                reading.probe.queueTime.samples(labels)),
            family(
                "work_duration_seconds", .histogram, "How long keys were worked on.",
                reading.probe.workTime.samples(labels)),
            family(
                "unfinished_work_seconds", .gauge, "How long all the keys that are worked on have been, together.",
                [
                    Sample(ages.reduce(0, +), labels: labels)
                ]),
            family(
                "longest_running_processor_seconds", .gauge, "How long the oldest key that is worked on has been.",
                [
                    Sample(ages.max() ?? 0, labels: labels)
                ]),
        ]
    }
}
