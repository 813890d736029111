internal import WeirRuntime

/// Counts of durations by upper bound, as Prometheus wants them.
struct Histogram: Sendable {
    /// The upper bounds in seconds, rising; what is above all of them is counted too.
    let bounds: [Double]
    private var counts: [Int]
    private var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Controller-runtime's bounds of `controller_runtime_reconcile_time_seconds`.
    static let reconcileBounds = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
        1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
    ]

    /// Controller-runtime's bounds of `workqueue_queue_duration_seconds` and `workqueue_work_duration_seconds`.
    static let queueBounds = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1_000]

    mutating func record(_ duration: Duration) {
        let seconds = Double(duration.nanoseconds) / 1e9
        sum += seconds
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < seconds { low = middle + 1 } else { high = middle }
        }
        counts[low] += 1
    }

    func samples(_ labels: [MetricFamily.Label]) -> [MetricFamily.Sample] {
        var samples: [MetricFamily.Sample] = []
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
            samples.append(
                MetricFamily.Sample(
                    Double(total), labels: labels + [MetricFamily.Label("le", bound)], suffix: "_bucket"))
        }
        samples.append(MetricFamily.Sample(sum, labels: labels, suffix: "_sum"))
        samples.append(MetricFamily.Sample(Double(total), labels: labels, suffix: "_count"))
        return samples
    }
}
