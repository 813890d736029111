/// How the process before this one ended, as metrics: what it could not be scraped for itself.
///
/// The composition root reads `last-exit.json` and adds this to `runtime.metrics`.
public struct LastExit: MetricSource, Hashable {
    /// How long the shutdown took.
    public var duration: Duration
    /// What the process ended with.
    public var exitCode: Int32
    /// Whether the verdict was `clean`.
    public var isClean: Bool

    /// The numbers of a report; nil duration and code where the process left none: it was killed.
    public init(duration: Duration?, exitCode: Int32?, verdict: String?) {
        self.duration = duration ?? .zero
        self.exitCode = exitCode ?? -1
        isClean = verdict == ExitReport.Verdict.clean.rawValue
    }

    /// Three gauges.
    public func collectMetrics() async -> [MetricFamily] {
        [
            MetricFamily(
                "weir_last_shutdown_duration_seconds", .gauge, help: "How long the last shutdown took.",
                value: duration.asSeconds),
            MetricFamily(
                "weir_last_shutdown_clean", .gauge, help: "1 where the last shutdown was clean.",
                value: isClean ? 1 : 0),
            MetricFamily(
                "weir_last_exit_code", .gauge, help: "What the last process ended with; -1 where it left no report.",
                value: Double(exitCode)),
        ]
    }
}
