import WeirRuntime

extension WorkDocument {
    /// The document of what the runtime shows.
    init(_ snapshot: RuntimeSnapshot) {
        state = snapshot.state.rawValue
        components = snapshot.components.map(Component.init)
    }
}

extension WorkDocument.Component {
    fileprivate init(_ snapshot: ComponentSnapshot) {
        let counts = snapshot.counts
        name = snapshot.name
        state = snapshot.state.rawValue
        inFlight = counts.inFlight
        peak = counts.peak
        started = counts.started
        succeeded = counts.succeeded
        failed = counts.failed
        cancelled = counts.cancelled
        abandoned = counts.abandoned
        rejected = counts.rejected
        sessions = counts.sessions
        loops = counts.loops
        oldest = snapshot.oldest.map {
            WorkDocument.Operation(name: $0.name, key: $0.key, ageMs: $0.age.milliseconds, phase: $0.phase ?? "")
        }
    }
}
