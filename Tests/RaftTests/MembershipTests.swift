import Testing
import WeirSimulation

@testable import Raft

@Suite("Changes of the membership")
struct MembershipTests {
    private typealias Operation = ConfigurationChange.Operation

    private func membership(_ state: ConfigurationState) throws -> Membership {
        var membership = Membership(inflightMessagesMax: 4, inflightBytesMax: 0)
        var changer = ConfigurationChanger(membership, lastIndex: 7)
        try changer.restore(state)
        membership.change(to: changer)
        return membership
    }

    private func randomOperations(_ count: Int, _ random: inout SeededRandom) -> [Operation] {
        (0..<count).map { _ in
            let kinds: [Operation.Kind] = [.addVoter, .addVoter, .addLearner, .remove, .update]
            let kind = kinds.randomElement(using: &random) ?? .update
            return Operation(kind, ReplicaID(UInt64.random(in: 0...6, using: &random)))
        }
    }

    @Test("one operation after another leads where the joint change of all leads", arguments: 0..<200)
    func jointEqualsSimple(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let start = try membership(ConfigurationState(voters: [1, 2, 3], learners: [4]))
        var simple = ConfigurationChanger(start, lastIndex: 7)
        var performed: [Operation] = []
        for operation in randomOperations(8, &random) {
            let before = simple
            do {
                try simple.changeSimply([operation])
                performed.append(operation)
            } catch {
                simple = before
            }
        }
        var joint = ConfigurationChanger(start, lastIndex: 7)
        try joint.enterJoint(performed, autoLeave: Bool.random(using: &random))
        try joint.leaveJoint()
        #expect(joint.configuration == simple.configuration, "seed \(seed)")
        #expect(joint.peers.map(\.id) == simple.peers.map(\.id), "seed \(seed)")
        #expect(joint.peers.map(\.isLearner) == simple.peers.map(\.isLearner), "seed \(seed)")
    }

    @Test("every configuration keeps the rules, and can be restored from what it says", arguments: 0..<200)
    func invariants(seed: UInt64) throws {
        var random = SeededRandom(seed: seed + 1000)
        var membership = try membership(ConfigurationState(voters: [1, 2, 3]))
        for _ in 0..<12 {
            var changer = ConfigurationChanger(membership, lastIndex: 9)
            let count = Int.random(in: 0...3, using: &random)
            let transition = [ConfigurationChange.Transition.auto, .implicit, .explicit].randomElement(using: &random)
            let change = ConfigurationChange(randomOperations(count, &random), transition: transition ?? .auto)
            guard (try? changer.perform(change)) != nil else { continue }
            membership.change(to: changer)

            let state = membership.configuration
            #expect(!state.voters.isEmpty)
            #expect(Set(state.learners).isDisjoint(with: state.voters + state.votersOutgoing))
            #expect(Set(state.learnersNext).isSubset(of: state.votersOutgoing))
            #expect(state.isJoint || (state.learnersNext.isEmpty && !state.autoLeave))
            let members = Set(state.voters + state.votersOutgoing + state.learners)
            #expect(membership.peers.map(\.id) == members.sorted(), "seed \(seed)")
            #expect(membership.peers.filter(\.isLearner).map(\.id) == state.learners)
            #expect(try self.membership(state).configuration == state, "seed \(seed)")
        }
    }

    @Test(
        "what cannot be done says why, and changes nothing",
        arguments: [
            (ConfigurationState(voters: [1]), ConfigurationChange.leaveJoint, ConfigurationError.notJoint),
            (
                ConfigurationState(voters: [1], votersOutgoing: [2]),
                ConfigurationChange([.init(.addVoter, 3)], transition: .explicit), .alreadyJoint
            ),
            (
                ConfigurationState(voters: [1], votersOutgoing: [2]), ConfigurationChange([.init(.addVoter, 3)]),
                .simpleWhileJoint
            ),
            (ConfigurationState(voters: [1]), ConfigurationChange([.init(.remove, 1)]), .removedAllVoters),
            (ConfigurationState(), ConfigurationChange([], transition: .implicit), .noVotersToLeave),
        ])
    func refusals(state: ConfigurationState, change: ConfigurationChange, error: ConfigurationError) throws {
        var changer = ConfigurationChanger(try membership(state), lastIndex: 3)
        #expect(throws: error) { try changer.perform(change) }
    }

    @Test("a simple change touches one voter at most")
    func moreThanOneVoter() throws {
        var changer = ConfigurationChanger(try membership(ConfigurationState(voters: [1, 2])), lastIndex: 3)
        #expect(throws: ConfigurationError.moreThanOneVoter) {
            try changer.changeSimply([Operation(.addVoter, 3), Operation(.addVoter, 4)])
        }
    }
}
