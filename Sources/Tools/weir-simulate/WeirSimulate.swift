import ArgumentParser
import RaftSimulation

/// Runs simulated groups of replicas, one a seed, and says whether every invariant held.
@main
struct WeirSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-simulate",
        abstract: "Runs consensus on simulated machines, and checks its invariants after every event.",
        discussion: """
            A seed is a run: the same options give the same trace hash. A violation ends the run; it is told with the \
            end of its trace and the command that repeats it, and the exit status is 1.
            """)

    @Option(help: "Run this seed.")
    var seed: UInt64?

    @Option(help: "Run the seeds from this one on.")
    var firstSeed: UInt64 = 1

    @Option(help: "How many seeds to run.")
    var seeds: UInt64?

    @Option(help: "Events of a run's first phase, in which there are faults.")
    var steps = 20_000

    @Flag(help: "Draw from the seed which faults are on and how strong, and how replicas are set up.")
    var swarm = false

    @Flag(help: "Make a failing run smaller.")
    var minimise = false

    @Option(help: "Nodes that the group begins with.")
    var nodes = 5

    @Option(help: "Faults to leave out, by name, with commas between.")
    var without: String?

    @Option(help: "Tell the trace from this event on.")
    var traceFrom: Int?

    @Option(help: ArgumentHelp("Break something on purpose.", visibility: .private))
    var sabotage: String?

    @Option(help: ArgumentHelp("Tell of a run that trapped there.", visibility: .private))
    var trappedAt: Int?

    @Flag(help: ArgumentHelp("Say only which invariant did not hold.", visibility: .private))
    var brief = false

    func validate() throws {
        guard seed != nil || seeds != nil else { throw ValidationError("say --seed S, or --first-seed S --seeds N") }
        guard steps > 0 else { throw ValidationError("--steps must be positive") }
        if !(1...9).contains(nodes) { throw ValidationError("--nodes is 1 to 9") }
        if let sabotage, SimulationOptions.Sabotage(rawValue: sabotage) == nil {
            throw ValidationError("there is no sabotage \(sabotage)")
        }
        _ = try faults()
    }

    func run() throws {
        var options = SimulationOptions(seed: seed ?? firstSeed)
        options.steps = steps
        options.mix = swarm ? .swarm : .medium
        options.nodeCount = nodes
        options.without = try faults()
        options.sabotage = sabotage.flatMap(SimulationOptions.Sabotage.init)
        if brief { return try SingleRun(options: options).runBriefly() }
        if let trappedAt { return try tellTrap(options, at: trappedAt) }
        if let traceFrom { return try SingleRun(options: options).trace(from: traceFrom) }
        if minimise { Trap.extraArguments = ["--minimise"] }
        let failure =
            seed == nil
            ? SeedRange(first: options, count: seeds ?? 1).run()
            : SingleRun(options: options).run().map { (options, $0) }
        guard let failure else { return }
        if minimise {
            var minimiser = Minimiser(failure.0, failure.1)
            minimiser.run()
        }
        throw ExitCode.failure
    }

    private func tellTrap(_ options: SimulationOptions, at event: Int) throws {
        if minimise {
            var minimiser = Minimiser(options, nil)
            minimiser.run()
        }
        try SingleRun(options: options).tellTrap(at: event)
    }

    private func faults() throws -> Set<Fault> {
        var faults: Set<Fault> = []
        for name in (without ?? "").split(separator: ",") {
            guard let fault = Fault(rawValue: String(name)) else {
                let known = Fault.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("there is no fault \(name); there are: \(known)")
            }
            faults.insert(fault)
        }
        return faults
    }
}
