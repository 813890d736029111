import Testing

@Suite("Transactions under faults")
struct TransactionModelTests {
    @Test("no interleaving of producers, zombies, crashes and late markers splits, loses or reopens a transaction")
    func interleavings() throws {
        var counts: [String: Int] = [:]
        for seed: UInt64 in 1...60 {
            var model = try TransactionModel(seed: seed)
            for _ in 0..<1_500 { try model.turn() }
            try model.settle()
            #expect(model.failures.isEmpty, "seed \(seed)")
            guard model.failures.isEmpty else { return }
            counts.merge(model.counts, uniquingKeysWith: +)
        }
        // A run in which nothing happens proves nothing.
        for happening in [
            "committed", "aborted", "fenced", "timed out", "rotated", "crash", "answer lost", "appended",
        ] {
            #expect(counts[happening, default: 0] > 20, "\(happening), of \(counts)")
        }
    }
}
