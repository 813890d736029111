import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@Suite("the simulator")
struct SimulatorTests {
    @Test("the same seed gives the same order, other seeds give others")
    func isDeterministic() {
        #expect(trace(seed: 7) == trace(seed: 7))
        #expect(Set((0..<50).map { trace(seed: $0).joined() }).count > 10)
    }

    /// Three loops that call each other, and what they did in which order.
    private func trace(seed: UInt64) -> [String] {
        let simulator = Simulator(seed: seed)
        let loops = (0..<3).map { _ in simulator.makeLoop() }
        let journal = Mutex<[String]>([])
        let log: @Sendable (String) -> Void = { line in journal.withLock { $0.append(line) } }
        for (index, loop) in loops.enumerated() {
            for round in 0..<5 {
                loop.execute {
                    log("\(index).\(round)")
                    loop.atEndOfBurst { log("end \(index)") }
                    loops[(index + round) % 3].execute { log("\(index) to \((index + round) % 3)") }
                }
            }
        }
        simulator.runUntilIdle()
        return journal.withLock { $0 }
    }
}
