/// What the runtime and its components do at one moment: what `GET /weir/v1/work` shows.
public struct RuntimeSnapshot: Sendable, Hashable {
    /// The runtime's state.
    public var state: RuntimeState
    /// A row for each gate, sorted by name: components, and the observing gates beside them.
    public var components: [ComponentSnapshot]
    /// How long the way down, or an operator's drain of everything, has lasted; nil while neither runs.
    public var draining: Duration?

    /// Operations in flight in all components, without those that only observe.
    public var inFlight: Int {
        components.reduce(0) { $0 + ($1.isObserving ? 0 : $1.counts.inFlight) }
    }
}

/// One component at one moment.
public struct ComponentSnapshot: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The state.
    public var state: ComponentState
    /// The counters.
    public var counts: WorkCounts
    /// The operation that runs longest, where the component lists its operations.
    public var oldest: RunningOperation?
    /// Whether its gate only observes the process and is never waited for.
    public var isObserving: Bool
}

extension RuntimeSnapshot {
    /// A table for people: what SIGQUIT prints.
    public var table: String {
        var lines = ["weir: \(state.rawValue), \(inFlight) in flight"]
        let width = max(9, components.map(\.name.count).max() ?? 0)
        func row(_ cells: [String]) -> String {
            let name = cells[0] + String(repeating: " ", count: max(0, width - cells[0].count))
            return name
                + cells.dropFirst().map { "  " + String(repeating: " ", count: max(0, 9 - $0.count)) + $0 }.joined()
        }
        lines.append(row(["component", "state", "inFlight", "peak", "started", "failed", "sessions", "loops"]))
        for component in components {
            let counts = component.counts
            var line = row([
                component.name, component.state.rawValue, "\(counts.inFlight)", "\(counts.peak)", "\(counts.started)",
                "\(counts.failed)", "\(counts.sessions)", "\(counts.loops)",
            ])
            if let oldest = component.oldest {
                line += "  oldest: \(oldest.name) \(oldest.key) \(oldest.age.inSeconds) \(oldest.phase ?? "")"
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
