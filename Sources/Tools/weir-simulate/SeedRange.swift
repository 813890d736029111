import RaftSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Many seeds, one after another, until one fails.
struct SeedRange {
    let first: SimulationOptions
    let count: UInt64

    /// Runs them; the first run that failed, and how.
    func run() -> (options: SimulationOptions, invariant: Invariant)? {
        var events = 0
        var counts = SimulationCounts()
        let begin = (cpu: CPUTime.now, wall: CPUTime.wall)
        var told = begin.wall
        for place in 0..<count {
            var options = first
            options.seed = first.seed &+ place
            Trap.expect(in: options)
            let report = Simulation(options, willHandle: Trap.note).run()
            events += report.events
            counts.add(report.counts)
            if let violation = report.violation {
                SingleRun(options: options).tell(violation)
                return (options, violation.invariant)
            }
            if CPUTime.wall - told > 10 {
                told = CPUTime.wall
                say("\(place + 1) of \(count) seeds, \(events) events", to: STDERR_FILENO)
            }
        }
        let cpu = CPUTime.now - begin.cpu
        let tenths = Int((CPUTime.wall - begin.wall) * 10)
        print("\(counts)")
        print(
            "\(count) seeds from \(first.seed) on: no violation, \(events) events, "
                + "\(Int(Double(events) / cpu)) events a second of CPU, \(tenths / 10).\(tenths % 10) s")
        return nil
    }
}
