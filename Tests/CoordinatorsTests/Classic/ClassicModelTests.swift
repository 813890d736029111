import Testing

@Suite("Classic groups under random clients")
struct ClassicModelTests {
    @Test(
        "one owner a partition and generation, everybody answered once, and the log gives the state",
        arguments: [UInt64](0..<40))
    func model(_ seed: UInt64) throws {
        var model = GroupModel(seed: seed)
        do {
            for turn in 0..<500 {
                try model.turn()
                if turn % 25 == 0 { try model.checkReplay() }
            }
            try model.end()
        } catch {
            Issue.record("seed \(seed): \(error)\n\(model.history.suffix(30).joined(separator: "\n"))")
        }
    }

    @Test("the random clients get far enough to share partitions")
    func isWorthIt() throws {
        var shared = 0
        for seed in UInt64(100)..<110 {
            var model = GroupModel(seed: seed)
            for _ in 0..<500 { try model.turn() }
            shared += model.sharedGenerations
        }
        #expect(shared >= 20)
    }
}
