import KafkaWire
import Testing
import WeirSimulation

@testable import Coordinators

@Suite("Committed offsets against a list of what happened")
struct OffsetsModelTests {
    /// What happened to one partition's offset, in the log's order.
    private enum Event {
        case commit(Int64)
        case pending(producer: Int64, Int64)
        case end(producer: Int64, TransactionOutcome)
        case deleted
    }

    /// What the events come to, worked out from all of them anew.
    private static func offset(of events: [Event]) -> (committed: Int64?, isPending: Bool) {
        var committed: (at: Int, offset: Int64)?
        var open: [Int64: (at: Int, offset: Int64)] = [:]
        for (index, event) in events.enumerated() {
            switch event {
            case .commit(let offset): committed = (index, offset)
            case .pending(let producer, let offset): open[producer] = (index, offset)
            case .end(let producer, let outcome):
                guard let ended = open.removeValue(forKey: producer), outcome == .committed else { continue }
                if ended.at > committed?.at ?? -1 { committed = ended }
            case .deleted:
                committed = nil
                open = [:]
            }
        }
        return (committed?.offset, !open.isEmpty)
    }

    @Test("committed is seen at once and whole, aborted never, the later record counts", arguments: [UInt64](0..<40))
    func model(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var world = GroupWorld()
        let partitions = (0..<4).map { TopicPartition("t", $0) }
        var events: [TopicPartition: [Event]] = [:]
        for turn in 0..<200 {
            let some = partitions.filter { _ in random.chance(0.5) }
            let offset = Int64(turn)
            let producer = Int64.random(in: 1...3, using: &random)
            let all = Dictionary(uniqueKeysWithValues: some.map { ($0, offset) })
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                _ = try world.ask(Ask.commit(all))
                for partition in some { events[partition, default: []].append(.commit(offset)) }
            case 3..<6:
                _ = try world.ask(Ask.transactionalCommit(all, producer: producer))
                for partition in some { events[partition, default: []].append(.pending(producer: producer, offset)) }
            case 6..<8:
                let outcome: TransactionOutcome = random.chance(0.5) ? .committed : .aborted
                _ = try world.ask(Ask.end(producer: producer, outcome))
                for partition in partitions {
                    events[partition, default: []].append(.end(producer: producer, outcome))
                }
            case 8:
                if let partition = some.first {
                    _ = try world.ask(Ask.deleteOffsets(partition))
                    events[partition, default: []].append(.deleted)
                }
            default:
                _ = try world.restart()
            }
            for partition in partitions {
                let expected = Self.offset(of: events[partition] ?? [])
                let found = try world.ask(Ask.fetch([partition])).offsets[partition]
                #expect(found == expected.committed ?? -1, "seed \(seed), turn \(turn), \(partition)")
                let stable = try world.ask(Ask.fetch([partition], requireStable: true)).code
                #expect(stable == (expected.isPending ? .unstableOffsetCommit : .none), "seed \(seed), turn \(turn)")
            }
        }
    }
}
