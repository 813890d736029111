import Coordinators
import SegmentLog
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

@Suite("What one fault costs the others of a shard") struct CoordinatorFaultTests {
    typealias Bench = CoordinatorShardTests.Bench

    @Test("where one step cannot be appended, only who asked for it is told why; others are to come again")
    func blame() throws {
        let bench = try Bench()
        bench.ask("parked", .wait)
        bench.ask("large", .addLarge(CoordinatorShardTests.Shard.batchSizeBytesMax))
        #expect(bench.take() == ["parked: moved", "large: tooLarge"])
        bench.simulator.run(for: .seconds(1))
        bench.ask("parked", .wait)
        bench.log.appendError = LogError(.tooLarge, "no segment holds it")
        bench.ask("larger than a segment", .add("a"))
        #expect(bench.take() == ["parked: moved", "larger than a segment: tooLarge"])
    }

    @Test("while the log takes nothing, only what is recorded is refused, and no time passes")
    func fullLog() throws {
        let bench = try Bench()
        bench.ask("parked", .wait)
        bench.ask("alarm", .alarm(at: bench.perform { $0.loop.now } + .seconds(1)))
        #expect(bench.take() == ["alarm: done"])
        bench.log.refusal = LogError(.full, "no room")
        bench.ask("add", .add("a"))
        bench.ask("read", .read("a"))
        bench.simulator.run(for: .seconds(10))
        bench.ask("read", .read("alarm"))
        #expect(bench.take() == ["add: moved", "read: 0", "read: 0"])
        bench.log.refusal = nil
        bench.ask("add", .add("a"))
        bench.simulator.run(for: .seconds(1))
        bench.ask("read", .read("alarm"))
        bench.ask("release", .release)
        #expect(bench.take() == ["add: 1", "read: 1", "release: done", "parked: done"])
        #expect(bench.perform { $0.counts.failures } == 0)
    }

    @Test("however many wait, the machine hears of a marker that is in its log")
    func markerOfABusyShard() throws {
        let bench = try Bench()
        let producer = ProducerIdentity(id: 7, epoch: 3)
        bench.ask("pending", .addPending("a", producer))
        #expect(bench.take() == ["pending: 1"])
        for _ in 0..<CoordinatorShardTests.Shard.waitingMax { bench.ask("parked", .wait) }
        bench.ask("one too many", .wait)
        bench.perform { shard in
            shard.end(
                TransactionMarker(
                    producerID: 7, producerEpoch: 3, isCommit: true, coordinatorEpoch: 0, timestamp: 0),
                telling: .ended(TransactionEnd(producer: producer, outcome: .committed))
            ) { _ in }
        }
        #expect(bench.take() == ["one too many: unavailable"])
        #expect(bench.perform { $0.machine?.pending.isEmpty } == true)
    }
}
