import Testing

@testable import WeirRuntime

@Suite("Plan and graph")
struct PlanTests {
    @Test("the default plan fits into the 30 seconds that Kubernetes allows")
    func defaultPlan() throws {
        var plan = ShutdownPlan()
        try plan.validate()
        #expect(plan.stagesWorstCase == .seconds(24))
        #expect(plan.worstCase < .seconds(30))
        plan.terminationGrace = .seconds(30)
        #expect(plan.warnings.isEmpty)
    }

    @Test("the worst case is the sum of the hard deadlines, but at most the total, and the watchdog's share")
    func worstCase() {
        var plan = ShutdownPlan()
        plan.propagation = .seconds(5)
        #expect(plan.stagesWorstCase == .seconds(25))
        plan.total = .seconds(60)
        #expect(plan.stagesWorstCase == .seconds(29))
        #expect(plan.worstCase == .milliseconds(29_500))
        plan.terminationGrace = .seconds(29)
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings[0].contains("29.500 s"))
    }

    @Test("a plan that contradicts itself is refused with exit code 78")
    func badPlans() {
        var unordered = ShutdownPlan()
        unordered.flush = Deadlines(soft: .seconds(9), hard: .seconds(5))
        var greedy = ShutdownPlan()
        greedy.total = .seconds(2)
        var negative = ShutdownPlan()
        negative.progressInterval = .zero
        for plan in [unordered, greedy, negative] {
            let error = #expect(throws: RuntimeError.self) { try plan.validate() }
            #expect(error?.code == .badPlan)
            #expect(error?.exitCode == 78)
        }
    }

    @Test("levels go from callers to callees, equal ones together")
    func levels() {
        let graph = DependencyGraph([
            "kafka": ["log", "topics"], "http": ["topics"], "topics": ["log"], "log": [], "lone": [],
        ])
        #expect(graph.levels() == [["http", "kafka", "lone"], ["topics"], ["log"]])
    }

    @Test("a cycle is an error that names the path")
    func cycle() {
        let graph = DependencyGraph(["a": ["b"], "b": ["c"], "c": ["d"], "d": ["b"]])
        let error = #expect(throws: RuntimeError.self) { try graph.validate() }
        #expect(error?.code == .dependencyCycle)
        #expect(error?.message.contains("b -> c -> d -> b") == true)
        let itself = #expect(throws: RuntimeError.self) { try DependencyGraph(["a": ["a"]]).validate() }
        #expect(itself?.message.contains("a -> a") == true)
    }

    @Test("a dependency that nobody registered is an error that names both")
    func unknownDependency() {
        let error = #expect(throws: RuntimeError.self) { try DependencyGraph(["a": ["b"]]).validate() }
        #expect(error?.code == .unknownDependency)
        #expect(error?.message.contains("a depends on b") == true)
    }

    @Test("a chain of 20,000 components does not overflow the stack")
    func longChain() throws {
        var edges: [String: [String]] = ["n0": []]
        for index in 1..<20_000 { edges["n\(index)"] = ["n\(index - 1)"] }
        let graph = DependencyGraph(edges)
        try graph.validate()
        #expect(graph.levels().count == 20_000)
    }
}
