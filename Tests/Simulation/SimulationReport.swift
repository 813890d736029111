/// What came of a run.
public struct SimulationReport: Sendable {
    /// What was run.
    public var options: SimulationOptions
    /// Events, of both phases.
    public var events: Int
    /// Ticks of virtual time.
    public var ticks: Int
    /// Everything that happened, folded: equal for every run of the same options.
    public var traceHash: UInt64
    /// How often what happened.
    public var counts: SimulationCounts
    /// What did not hold; nil where everything did.
    public var violation: Violation?

    /// The trace hash as 16 digits.
    public var traceHashText: String {
        let digits = String(traceHash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
