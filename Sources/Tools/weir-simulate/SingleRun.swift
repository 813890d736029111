import ArgumentParser
import RaftSimulation

/// One seed, told in full.
struct SingleRun {
    let options: SimulationOptions

    /// Events of the trace that are told of a failing run.
    static let tailEvents = 80

    /// Runs it; the invariant that did not hold.
    func run() -> Invariant? {
        Trap.expect(in: options)
        let begin = CPUTime.now
        let report = Simulation(options, willHandle: Trap.note).run()
        let seconds = CPUTime.now - begin
        if let violation = report.violation {
            tell(violation)
            return violation.invariant
        }
        print("seed \(options.seed): trace \(report.traceHashText), \(report.events) events, \(report.ticks) ticks")
        print("  \(report.counts)")
        print("  \(Int(Double(report.events) / seconds)) events a second of CPU")
        return nil
    }

    /// Tells what did not hold, the end of the trace, and how to see it again.
    func tell(_ violation: Violation) {
        say("seed \(options.seed): VIOLATION at event \(violation.event)")
        say("  \(violation.invariant.rawValue), node \(violation.node): \(violation.explanation)")
        tellTail(before: violation.event)
        _ = Simulation(options, traceFrom: violation.event - Self.tailEvents, tell: { say("  \($0)") }).run()
    }

    /// Tells of a run that a trap ended, and traps again.
    func tellTrap(at event: Int) throws {
        say("seed \(options.seed): TRAP at event \(event): consensus found one of its own invariants broken")
        tellTail(before: event)
        _ = Simulation(options, traceFrom: event - Self.tailEvents, tell: { say("  \($0)") }).run()
        say("  it did not trap again")
        throw ExitCode.failure
    }

    private func tellTail(before event: Int) {
        say("repeat with:")
        say("  weir-simulate \(options.arguments)")
        say("  weir-simulate \(options.arguments) --trace-from \(max(1, event - 1000))")
        say("  weir-simulate \(options.arguments) --minimise")
        say("trace:")
    }

    /// Tells everything from an event on.
    func trace(from event: Int) throws {
        let report = Simulation(options, traceFrom: event, tell: { say($0) }).run()
        if report.violation != nil { throw ExitCode.failure }
    }

    /// Says in one line what did not hold.
    func runBriefly() throws {
        let report = Simulation(options).run()
        guard let violation = report.violation else { return print("sound \(report.traceHashText)") }
        print("violation \(violation.event) \(violation.invariant)")
        throw ExitCode.failure
    }
}
