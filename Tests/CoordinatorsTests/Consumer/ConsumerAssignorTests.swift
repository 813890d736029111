import KafkaWire
import Testing
import WeirSimulation

@testable import Coordinators

@Suite("Assignors of KIP-848")
struct ConsumerAssignorTests {
    private static func topic(_ number: Int) -> WireUUID { WireUUID(high: 7, low: UInt64(number)) }

    private static func input(
        _ members: [(String, Set<Int>)], partitions: [Int32], previous: [String: TopicPartitionSet] = [:]
    ) -> AssignmentInput {
        let counts = Dictionary(uniqueKeysWithValues: partitions.enumerated().map { (topic($0.offset), $0.element) })
        return AssignmentInput(
            members: members.map { id, topics in
                .init(id: id, topics: Set(topics.map(topic)), previous: previous[id] ?? .init())
            },
            partitionCounts: counts)
    }

    /// Each partition that somebody wants has one owner, who wants it.
    private static func isValid(_ result: [String: TopicPartitionSet], for input: AssignmentInput) -> Bool {
        var owned: [WireUUID: Set<Int32>] = [:]
        for member in input.members {
            guard let share = result[member.id] else { return false }
            var isWanted = true
            var isFirst = true
            share.forEach { topic, partition in
                if !member.topics.contains(topic) { isWanted = false }
                if !owned[topic, default: []].insert(partition).inserted { isFirst = false }
            }
            guard isWanted, isFirst else { return false }
        }
        return result.count == input.members.count
            && input.subscribedTopics.allSatisfy { owned[$0] == Set(0..<(input.partitionCounts[$0] ?? 0)) }
    }

    private static func moves(from old: [String: TopicPartitionSet], to new: [String: TopicPartitionSet]) -> Int {
        old.reduce(0) { $0 + $1.value.subtracting(new[$1.key] ?? .init()).count }
    }

    @Test("uniform gives everybody as much, and a change moves no more than it must", arguments: 0..<200)
    func uniformAlike(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let topics = Set(0..<Int.random(in: 1...5, using: &random))
        let partitions = topics.map { _ in Int32.random(in: 1...20, using: &random) }
        let total = Int(partitions.reduce(0, +))
        var names = (0..<Int.random(in: 1...12, using: &random)).map { "m\($0)" }
        var previous: [String: TopicPartitionSet] = [:]
        for round in 0..<6 {
            let input = Self.input(names.map { ($0, topics) }, partitions: partitions, previous: previous)
            let result = ConsumerAssignor.uniform.assign(input)
            #expect(Self.isValid(result, for: input), "seed \(seed), round \(round)")
            let counts = result.values.map(\.count)
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "seed \(seed), round \(round)")
            // What one can keep at most: of each member its quota, the larger quotas where they keep most.
            let quota = total / names.count
            let extra = total % names.count
            let had = names.map { previous[$0]?.count ?? 0 }
            let most =
                had.reduce(0) { $0 + min($1, quota) } + min(extra, had.count { $0 > quota })
            let kept = names.reduce(0) { $0 + result[$1]!.intersection(previous[$1] ?? .init()).count }
            #expect(kept == most, "seed \(seed), round \(round)")
            previous = result
            if Bool.random(using: &random), names.count > 1 {
                names.remove(at: Int.random(in: 0..<names.count, using: &random))
            } else {
                names.append("n\(round)")
            }
        }
    }

    @Test("uniform balances members that want different topics as far as these allow", arguments: 0..<200)
    func uniformMixed(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let topicCount = Int.random(in: 2...6, using: &random)
        let partitions = (0..<topicCount).map { _ in Int32.random(in: 1...12, using: &random) }
        let members = (0..<Int.random(in: 2...8, using: &random)).map { index in
            ("m\(index)", Set((0..<topicCount).filter { _ in Bool.random(using: &random) }))
        }
        let input = Self.input(members, partitions: partitions)
        let result = ConsumerAssignor.uniform.assign(input)
        #expect(Self.isValid(result, for: input), "seed \(seed)")
        #expect(Self.isBalanced(result, members), "seed \(seed)")

        let again = Self.input(members, partitions: partitions, previous: result)
        #expect(ConsumerAssignor.uniform.assign(again) == result, "seed \(seed)")

        let left = Array(members.dropLast())
        let fewer = Self.input(left, partitions: partitions, previous: result)
        let after = ConsumerAssignor.uniform.assign(fewer)
        #expect(Self.isValid(after, for: fewer), "seed \(seed)")
        #expect(Self.isBalanced(after, left), "seed \(seed)")
    }

    /// Whether no chain of hand-overs leads from a member to one that has at least two less.
    private static func isBalanced(_ result: [String: TopicPartitionSet], _ members: [(String, Set<Int>)]) -> Bool {
        for (start, _) in members {
            var reached: Set<String> = [start]
            var queue = [start]
            while let id = queue.popLast() {
                for (other, topics) in members where !reached.contains(other) {
                    guard topics.contains(where: { !result[id]![topic($0)].isEmpty }) else { continue }
                    if result[other]!.count <= result[start]!.count - 2 { return false }
                    reached.insert(other)
                    queue.append(other)
                }
            }
        }
        return true
    }

    @Test("fifty members over five hundred partitions: one that goes costs the others only what it had")
    func fifty() {
        let partitions = Array(repeating: Int32(50), count: 10)
        let names = (0..<50).map { "member-\($0)" }
        let topics = Set(0..<10)
        let first = ConsumerAssignor.uniform.assign(
            Self.input(names.map { ($0, topics) }, partitions: partitions))
        #expect(first.values.allSatisfy { $0.count == 10 })

        let left = Array(names.dropFirst())
        let second = ConsumerAssignor.uniform.assign(
            Self.input(left.map { ($0, topics) }, partitions: partitions, previous: first))
        #expect(Self.moves(from: first, to: second) == 10)

        let third = ConsumerAssignor.uniform.assign(
            Self.input(names.map { ($0, topics) }, partitions: partitions, previous: second))
        #expect(Self.moves(from: second, to: third) == 10)
        #expect(third.values.allSatisfy { $0.count == 10 })
    }

    @Test("uniform spreads each topic")
    func uniformSpread() {
        let result = ConsumerAssignor.uniform.assign(
            Self.input(["a", "b"].map { ($0, [0, 1]) }, partitions: [4, 4]))
        for share in result.values {
            #expect(share[Self.topic(0)].count == 2)
            #expect(share[Self.topic(1)].count == 2)
        }
    }

    @Test("range gives neighbours, and the same numbers of topics alike", arguments: 0..<50)
    func range(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = Int32.random(in: 1...20, using: &random)
        let members = (0..<Int.random(in: 1...8, using: &random)).map { ("m\($0)", Set([0, 1])) }
        let input = Self.input(members, partitions: [count, count])
        let result = ConsumerAssignor.range.assign(input)
        #expect(Self.isValid(result, for: input), "seed \(seed)")
        for share in result.values {
            let numbers = share[Self.topic(0)]
            #expect(numbers == share[Self.topic(1)], "seed \(seed)")
            if let first = numbers.first, let last = numbers.last {
                #expect(numbers == Array(first...last), "seed \(seed)")
            }
        }
        let counts = result.values.map(\.count)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 2, "seed \(seed)")
    }

    @Test("range leaves out who does not want the topic")
    func rangeMixed() {
        let input = Self.input([("a", [0]), ("b", [0, 1]), ("c", [1])], partitions: [4, 2])
        let result = ConsumerAssignor.range.assign(input)
        #expect(result["a"]?[Self.topic(0)] == [0, 1])
        #expect(result["b"]?[Self.topic(0)] == [2, 3])
        #expect(result["b"]?[Self.topic(1)] == [0])
        #expect(result["c"]?[Self.topic(1)] == [1])
    }
}
