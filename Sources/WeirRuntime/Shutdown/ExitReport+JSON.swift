extension ExitReport {
    /// The report as JSON, in the shape of `docs/operating.md`, with a line feed at the end.
    ///
    /// Durations are whole milliseconds, rounded to the nearest.
    public var json: String {
        var text = JSONText()
        text.object { report in
            report.member("verdict", verdict.rawValue)
            report.member("exitCode", exitCode)
            report.member("signal", signal)
            report.member("durationMs", duration.roundedMilliseconds)
            report.key("stages")
            report.array(stages) { $0.write($1) }
            report.key("components")
            report.array(components) { $0.write($1) }
        }
        return text.text + "\n"
    }
}

extension JSONText {
    /// Writes the members that counters have in reports and in `GET /weir/v1/work`.
    public mutating func members(_ counts: WorkCounts) {
        member("inFlight", counts.inFlight)
        member("peak", counts.peak)
        member("started", counts.started)
        member("succeeded", counts.succeeded)
        member("failed", counts.failed)
        member("cancelled", counts.cancelled)
        member("abandoned", counts.abandoned)
        key("rejected")
        object { reasons in
            for (reason, count) in counts.rejected.sorted(by: { $0.key < $1.key }) { reasons.member(reason, count) }
        }
        member("sessions", counts.sessions)
        member("loops", counts.loops)
    }

    /// Writes a running operation: `{"name", "key", "ageMs", "phase"}`.
    public mutating func write(_ operation: RunningOperation) {
        object { text in
            text.member("name", operation.name)
            text.member("key", operation.key)
            text.member("ageMs", operation.age.roundedMilliseconds)
            text.member("phase", operation.phase)
        }
    }

    fileprivate mutating func write(_ stage: ExitReport.StageReport) {
        object { text in
            text.member("name", stage.stage.rawValue)
            text.member("durationMs", stage.duration.roundedMilliseconds)
            text.member("outcome", stage.outcome.rawValue)
        }
    }

    fileprivate mutating func write(_ component: ExitReport.ComponentReport) {
        object { text in
            text.member("name", component.name)
            text.members(component.counts)
            text.member("drainMs", component.drain.roundedMilliseconds)
            text.key("slowest")
            text.array(component.slowest) { $0.write($1) }
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded to the nearest.
    var roundedMilliseconds: Int64 { (nanoseconds &+ 500_000) / 1_000_000 }
}
