import RaftSimulation
import Testing

/// What is broken on purpose must be noticed: a checker that never objects proves nothing.
@Suite struct SabotageTests {
    @Test(
        "what is broken on purpose is noticed",
        arguments: [
            (SimulationOptions.Sabotage.forgottenVote, [Invariant.oneVotePerTerm]),
            (.lyingSync, [.recovered, .damageNoticed]),
            (.doubleApply, [.stateMachineSafety]),
            (.earlyAnswers, [.storedBeforeAnswer]),
            (.deafFollower, [.progress]),
            (.staleReads, [.linearizableRead]),
        ])
    func sabotageIsNoticed(sabotage: SimulationOptions.Sabotage, invariants: [Invariant]) {
        for seed in 1...20 {
            var options = SimulationOptions(seed: UInt64(seed))
            options.steps = 4000
            options.sabotage = sabotage
            guard let violation = Simulation(options).run().violation else { continue }
            #expect(invariants.contains(violation.invariant), "\(violation)")
            #expect(violation.event > 0 && !violation.explanation.isEmpty)
            return
        }
        Issue.record("in twenty seeds nobody noticed \(sabotage)")
    }

    @Test("a violation is found again by the arguments that it is reported with")
    func violationRepeats() throws {
        var options = SimulationOptions(seed: 1)
        options.steps = 4000
        options.sabotage = .doubleApply
        let report = Simulation(options).run()
        let violation = try #require(report.violation)
        #expect(options.arguments == "--seed 1 --steps 4000 --sabotage doubleApply")
        // The first phase does not depend on how long it may last.
        options.steps = violation.event
        #expect(Simulation(options).run().violation == violation)
        #expect(Simulation(options).run().traceHash == report.traceHash)
    }
}
