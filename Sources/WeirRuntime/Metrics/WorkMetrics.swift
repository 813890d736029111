internal import Synchronization
internal import WorkTracking

/// The metrics of work and of the way down: what `runtime.metrics` holds from the start.
struct WorkMetrics: MetricSource {
    private weak let runtime: Runtime?

    init(_ runtime: Runtime) {
        self.runtime = runtime
    }

    func collectMetrics() async -> [MetricFamily] {
        guard let runtime else { return [] }
        let now = runtime.clock.now
        runtime.workRegistry.advanceClock(to: now.nanoseconds)
        let work = runtime.workRegistry.scrape()
        return Self.families(of: work.components) + runtime.shutdownFamilies(runtime.snapshot(of: work, now))
    }

    private static func families(of components: [ComponentWork]) -> [MetricFamily] {
        func family(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: (ComponentWork) -> Double
        ) -> MetricFamily {
            let samples = components.map {
                MetricFamily.Sample(value($0), labels: [MetricFamily.Label("component", $0.name)])
            }
            return MetricFamily("weir_work_\(name)", kind, help: help, samples: samples)
        }
        return [
            family("in_flight", .gauge, "Operations that run.") { Double($0.inFlight) },
            family("peak", .gauge, "The most operations that ran at once.") { Double($0.peak) },
            family("recent_peak", .gauge, "The most operations that ran at once since the last scrape.") {
                Double($0.recentPeak)
            },
            family("queued", .gauge, "Operations that wait at the component's limit.") { Double($0.queued) },
            family("started_total", .counter, "Operations admitted.") { Double($0.started) },
            family("succeeded_total", .counter, "Operations that did what was asked.") { Double($0.succeeded) },
            family("failed_total", .counter, "Operations that failed.") { Double($0.failed) },
            family("cancelled_total", .counter, "Operations that were cancelled.") { Double($0.cancelled) },
            family("abandoned_total", .counter, "Operations that nobody ended.") { Double($0.abandoned) },
            rejections(of: components),
            family("sessions", .gauge, "Sessions that are open.") { Double($0.sessions) },
            family("loops", .gauge, "Loops that run.") { Double($0.loops) },
            family("oldest_seconds", .gauge, "Age of the operation that runs longest, where they are listed.") {
                Double($0.oldest?.ageNanoseconds ?? 0) / 1e9
            },
        ]
    }

    private static func rejections(of components: [ComponentWork]) -> MetricFamily {
        let samples = components.flatMap { component in
            component.rejected.byReason.map {
                MetricFamily.Sample(
                    Double($0.count),
                    labels: [
                        MetricFamily.Label("component", component.name), MetricFamily.Label("reason", $0.reason.label),
                    ])
            }
        }
        return MetricFamily("weir_work_rejected_total", .counter, help: "Work refused, by reason.", samples: samples)
    }
}

extension Runtime {
    /// The metrics of drain and shutdown at the moment of a snapshot.
    fileprivate func shutdownFamilies(_ snapshot: RuntimeSnapshot) -> [MetricFamily] {
        let (began, records, stageBegan) = state.withLock { state in
            (state.shutdown.began, state.shutdown.records, state.shutdown.stageBegan)
        }
        let now = clock.now
        var stages = records.map { ($0.stage, $0.duration) }
        if let stageBegan, records.count < configuration.shutdown.stages.count {
            stages.append((configuration.shutdown.stages[records.count], now - stageBegan))
        }
        let samples = stages.map {
            MetricFamily.Sample($0.1.asSeconds, labels: [MetricFamily.Label("stage", $0.0.rawValue)])
        }
        return [
            MetricFamily(
                "weir_shutdown_state", .gauge,
                help: "0 running, 1 announcing, 2 handing over, 3 draining, 4 flushing, 5 stopping.",
                value: Double(snapshot.state.gaugeValue)),
            MetricFamily(
                "weir_shutdown_initiated_total", .counter, help: "Shutdowns begun by this process.",
                value: began == nil ? 0 : 1),
            MetricFamily(
                "weir_shutdown_in_flight_requests", .gauge, help: "Operations that a shutdown would wait for now.",
                value: Double(snapshot.inFlight)),
            MetricFamily(
                "weir_shutdown_duration_seconds", .gauge, help: "How long the shutdown has lasted; 0 before it began.",
                value: began.map { (now - $0).asSeconds } ?? 0),
            MetricFamily(
                "weir_shutdown_stage_duration_seconds", .gauge, help: "How long each stage has lasted.",
                samples: samples),
            MetricFamily(
                "weir_shutdown_worst_case_seconds", .gauge, help: "The longest that a shutdown can take.",
                value: configuration.shutdown.worstCase.asSeconds),
            MetricFamily(
                "weir_drain_seconds", .gauge, help: "How long the drain has lasted, an operator's or the last.",
                value: snapshot.draining?.asSeconds ?? 0),
            MetricFamily(
                "weir_drain_remaining", .gauge, help: "Operations that the drain still waits for.",
                value: snapshot.draining == nil ? 0 : Double(snapshot.inFlight)),
        ]
    }
}

extension Duration {
    var asSeconds: Double { Double(nanoseconds) / 1e9 }
}
