import Raft
import Testing
import WeirSimulation

@Suite("Decisions by majority")
struct QuorumTests {
    private func members(_ count: Int) -> [ReplicaID] {
        (0..<count).map { ReplicaID(UInt64($0 + 1)) }
    }

    @Test("nobody decides everything at once")
    func nobody() {
        let nobody = MajorityQuorum([])
        #expect(nobody.committedIndex { _ in 5 } == LogIndex(.max))
        #expect(nobody.voteResult { _ in nil } == .won)
    }

    @Test("the committed index is the largest that more than half have", arguments: 1...9)
    func committedByDefinition(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        for _ in 0..<300 {
            let members = members(count)
            let acked = members.map { _ -> LogIndex? in
                Bool.random(using: &random) ? LogIndex(UInt64.random(in: 0...6, using: &random)) : nil
            }
            let expected = (0...6).last { index in
                acked.count { ($0 ?? 0).value >= UInt64(index) } > count / 2
            }
            let committed = MajorityQuorum(members).committedIndex { acked[Int($0.value) - 1] }
            #expect(committed.value == UInt64(expected ?? 0), "acknowledged \(acked)")
        }
    }

    @Test("a vote is decided when no answer that is missing can change it", arguments: 1...7)
    func votesByDefinition(count: Int) {
        var random = SeededRandom(seed: UInt64(count) + 100)
        for _ in 0..<300 {
            let votes = (0..<count).map { _ in [true, false, nil].randomElement(using: &random) ?? nil }
            let worst = votes.count { $0 == true } > count / 2
            let best = votes.count { $0 != false } > count / 2
            let expected: VoteResult = worst ? .won : best ? .pending : .lost
            #expect(MajorityQuorum(members(count)).voteResult { votes[Int($0.value) - 1] } == expected, "\(votes)")
        }
    }

    @Test("a joint configuration needs both halves", arguments: [0, 1, 2, 3])
    func joint(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let everybody = members(6)
            let incoming = everybody.filter { _ in Bool.random(using: &random) }
            let outgoing = everybody.filter { _ in Bool.random(using: &random) }
            let acked = everybody.map { _ in LogIndex(UInt64.random(in: 0...9, using: &random)) }
            let votes = everybody.map { _ in [true, false, nil].randomElement(using: &random) ?? nil }
            let joint = JointQuorum(incoming: MajorityQuorum(incoming), outgoing: MajorityQuorum(outgoing))
            let halves = [joint.incoming, joint.outgoing]

            let index = joint.committedIndex { acked[Int($0.value) - 1] }
            #expect(index == halves.map { half in half.committedIndex { acked[Int($0.value) - 1] } }.min())

            let results = halves.map { half in half.voteResult { votes[Int($0.value) - 1] } }
            let expected: VoteResult =
                results.contains(.lost) ? .lost : results.contains(.pending) ? .pending : .won
            #expect(joint.voteResult { votes[Int($0.value) - 1] } == expected)
        }
    }
}
