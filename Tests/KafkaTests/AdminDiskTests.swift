import Logging
import ObjectLog
import SegmentLog
import Testing
import WeirSimulation

@testable import Kafka

@Suite("The topic catalog on a disk")
struct AdminDiskTests {
    private func provider(_ disk: SimulatedDisk, _ simulator: Simulator) -> LocalLogProvider {
        LocalLogProvider(
            directory: "data", disk: disk, clock: simulator.clock, nodeID: 1, logger: Logger(label: "test"))
    }

    /// Starts a node on `disk`, checks that its logs are those of its topics.
    private func restart(_ disk: SimulatedDisk, _ simulator: Simulator, _ comment: Comment) throws -> AdminNode {
        let provider = provider(disk, simulator)
        let node = try AdminNode.started(simulator, provider)
        // What a crash left to be done is done by reconciling.
        simulator.run(for: .seconds(1))
        let logs = try node.run { _ in Set(try await provider.list()) }
        #expect(logs == node.expectedLogs.union([ObjectLog.identity]), comment)
        return node
    }

    @Test("a restart finds the same topics after an orderly stop and after a kill", arguments: [1, 2, 3] as [UInt64])
    func restarts(seed: UInt64) throws {
        let simulator = Simulator(seed: seed)
        let disk = SimulatedDisk(seed: seed, faults: .legal, simulator: simulator)
        let first = try AdminNode.started(simulator, provider(disk, simulator))
        _ = try AdminStory.tell(first)
        let killed = disk.kill()
        let second = try restart(killed, simulator, "seed \(seed)")
        #expect(second.topics == first.topics)
        try second.close()
        let third = try restart(killed.kill(), simulator, "seed \(seed)")
        #expect(third.topics == first.topics)
    }

    @Test("a power cut at any change of the disk loses no acknowledged topic and leaves no stray log")
    func powerCuts() throws {
        let seed: UInt64 = 11
        let whole = Simulator(seed: seed)
        let untouched = SimulatedDisk(seed: seed, simulator: whole)
        _ = try AdminStory.tell(try AdminNode.started(whole, provider(untouched, whole)))
        let changes = untouched.changeCount
        #expect(changes > 50)
        for cut in stride(from: 1, through: changes, by: max(1, changes / 100)) {
            let simulator = Simulator(seed: seed)
            var faults = DiskFaults()
            let disk = SimulatedDisk(seed: seed + UInt64(cut), simulator: simulator)
            // The data folder itself is there before the node starts.
            try disk.createDirectory("data")
            try disk.syncDirectory(".")
            faults.powerCutAt = disk.changeCount + cut
            disk.faults = faults
            let node = try? AdminNode.started(simulator, provider(disk, simulator))
            let facts = try node.map { try AdminStory.tell($0) } ?? []
            let again = try restart(disk.crash(), simulator, "seed \(seed), cut \(cut)")
            let there = again.catalog.snapshot().byName
            for fact in facts { #expect(fact.holds(there), "\(fact), seed \(seed), cut \(cut)") }
        }
    }
}
