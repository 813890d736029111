import RaftSimulation
import Testing

@Suite struct SimulationTests {
    @Test("no invariant is broken in fifty drawn runs, and the group goes on after each")
    func fiftySeeds() {
        var counts = SimulationCounts()
        for seed in 1...50 {
            var options = SimulationOptions(seed: UInt64(seed))
            options.mix = .swarm
            options.steps = 6000
            let report = Simulation(options).run()
            #expect(report.violation == nil, "weir-simulate \(options.arguments)")
            #expect(report.events >= 6000)
            counts.add(report.counts)
        }
        #expect(counts[.wedged] <= 2)
    }

    @Test("in twenty drawn runs every kind of trouble happens")
    func faultsBite() {
        var counts = SimulationCounts()
        for seed in 101...120 {
            var options = SimulationOptions(seed: UInt64(seed))
            options.mix = .swarm
            options.steps = 8000
            counts.add(Simulation(options).run().counts)
        }
        for kind in SimulationCounts.Kind.allCases where kind != .wedged {
            #expect(counts[kind] > 0, "no \(kind) in twenty runs")
        }
        #expect(counts[.elections] > 40)
        #expect(counts[.acknowledged] > 1000)
    }

    @Test("a run's trace follows from its seed, and from nothing else")
    func sameSeedSameTrace() {
        var options = SimulationOptions(seed: 7)
        options.mix = .swarm
        options.steps = 3000
        let first = Simulation(options).run()
        var lines = 0
        // Telling the trace changes nothing.
        let second = Simulation(options, traceFrom: 1, tell: { _ in lines += 1 }).run()
        #expect(first.traceHash == second.traceHash)
        #expect(first.counts == second.counts)
        #expect(lines > 1000)
        options.seed = 8
        #expect(Simulation(options).run().traceHash != first.traceHash)
    }

    @Test("a fault that is left out does not happen")
    func withoutFaults() {
        var options = SimulationOptions(seed: 3)
        options.steps = 3000
        options.without = Set(Fault.allCases)
        let report = Simulation(options).run()
        #expect(report.violation == nil)
        let troubles: [SimulationCounts.Kind] = [
            .lost, .duplicated, .blocked, .crashes, .powerCuts, .damaged, .pauses, .changesProposed, .snapshotsTaken,
            .reads, .transfersAsked,
        ]
        for kind in troubles { #expect(report.counts[kind] == 0, "\(kind)") }
        #expect(report.counts[.elections] == 1)
        #expect(report.counts[.acknowledged] > 100)
    }

    @Test("a run of one node has no rival, and goes on after its crashes")
    func oneNode() {
        var options = SimulationOptions(seed: 5)
        options.steps = 2000
        options.nodeCount = 1
        options.without = [.membership]
        let report = Simulation(options).run()
        #expect(report.violation == nil)
        #expect(report.counts[.acknowledged] > 0)
    }
}
