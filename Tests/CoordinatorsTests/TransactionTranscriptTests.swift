import Coordinators
import KafkaWire
import Testing

private let orders0 = TopicPartition("orders", 0)
private let orders1 = TopicPartition("orders", 1)

@Suite("Transactions, step by step")
struct TransactionTranscriptTests {
    @Test("a transaction is committed when its end is recorded, and complete when every partition has its marker")
    func commit() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        #expect(producer == ProducerIdentity(id: 100, epoch: 0))
        #expect(world.add([orders0], by: producer) == .none)
        #expect(world.add([orders1], by: producer) == .none)
        #expect(world.end(.committed, by: producer).errorCode == .none)
        #expect(world.describe().transactionState == "PrepareCommit")
        #expect(
            world.orders == [
                MarkerOrder(
                    transactionalID: "t", end: TransactionEnd(producer: producer, outcome: .committed),
                    coordinatorEpoch: 7, partitions: [orders0, orders1], transactionVersion: 1)
            ])

        #expect(world.add([orders0], by: producer) == .concurrentTransactions)
        #expect(world.end(.committed, by: producer).errorCode == .concurrentTransactions)
        #expect(world.end(.aborted, by: producer).errorCode == .invalidTxnState)

        world.writeMarkers()
        #expect(world.describe().transactionState == "CompleteCommit")
        #expect(world.describe().topics.isEmpty)
        #expect(world.end(.committed, by: producer).errorCode == .none, "the answer may have got lost")
        #expect(world.end(.aborted, by: producer).errorCode == .invalidTxnState)
        #expect(world.add([orders0], by: producer) == .none, "the next transaction begins")
    }

    @Test("a producer that begins anew fences the one before it, and gets its epoch when that one's work is undone")
    func fence() throws {
        var world = try TransactionWorld()
        let zombie = world.initProducer("t").producer
        #expect(world.add([orders0], by: zombie) == .none)

        #expect(world.initProducer("t").errorCode == .concurrentTransactions)
        let order = try #require(world.orders.first)
        #expect(order.end.outcome == .aborted)
        #expect(order.end.producer == ProducerIdentity(id: zombie.id, epoch: 1))
        #expect(world.initProducer("t").errorCode == .concurrentTransactions)
        #expect(world.orders.count == 1, "the same abort is ordered once")

        #expect(world.end(.committed, by: zombie).errorCode == .producerFenced)
        #expect(world.end(.committed, by: zombie, version: 5).errorCode == .producerFenced)
        #expect(world.end(.aborted, by: zombie, version: 1).errorCode == .invalidProducerEpoch, "KIP-588")
        #expect(world.add([orders0], by: zombie) == .producerFenced)

        world.writeMarkers()
        let heir = world.initProducer("t").producer
        #expect(heir == ProducerIdentity(id: zombie.id, epoch: 2))
        #expect(world.add([orders0], by: heir) == .none)
        #expect(world.initProducer("t", expected: zombie).errorCode == .producerFenced)
        #expect(world.describe().transactionState == "Ongoing", "a zombie undoes nothing")
    }

    @Test("a transaction that stays open too long is aborted under an epoch that its producer does not have")
    func timeout() throws {
        var world = try TransactionWorld()
        let slow = world.initProducer("slow", timeout: 5_000).producer
        let steady = world.initProducer("steady", timeout: 60_000).producer
        #expect(world.add([orders0], to: "slow", by: slow) == .none)
        #expect(world.add([orders1], to: "steady", by: steady) == .none)

        world.pass(4_999)
        #expect(world.describe("slow").transactionState == "Ongoing")
        #expect(world.add([orders1], to: "slow", by: slow) == .none, "which does not prolong it")
        world.pass(1)
        #expect(world.describe("slow").transactionState == "PrepareAbort")
        #expect(world.describe("steady").transactionState == "Ongoing")
        #expect(world.orders.map(\.transactionalID) == ["slow"])
        #expect(world.orders.map(\.end.producer.epoch) == [1])
        #expect(world.orders.map(\.partitions) == [[orders0, orders1]])
        world.writeMarkers()
        #expect(world.end("slow", .committed, by: slow).errorCode == .producerFenced)
        #expect(world.end("slow", .aborted, by: slow, version: 5).errorCode == .producerFenced)
        #expect(world.initProducer("slow").producer.epoch == 2)
    }

    @Test("with KIP-890 each end bumps the epoch, and an end whose answer got lost is answered again")
    func bump() throws {
        var world = try TransactionWorld()
        let first = world.initProducer("t").producer
        #expect(world.add([orders0], by: first) == .none)
        let second = world.end(.committed, by: first, version: 5).producer
        #expect(second == ProducerIdentity(id: first.id, epoch: 1))
        #expect(world.orders.map(\.end.producer) == [second])
        #expect(world.orders.map(\.transactionVersion) == [2])

        #expect(world.end(.committed, by: first, version: 5).errorCode == .concurrentTransactions)
        #expect(world.add([orders0], by: second) == .concurrentTransactions)
        #expect(world.end(.aborted, by: second, version: 5).errorCode == .concurrentTransactions)
        world.writeMarkers()
        #expect(world.end(.committed, by: first, version: 5).producer == second)
        #expect(world.end(.aborted, by: first, version: 5).errorCode == .invalidTxnState)
        #expect(world.add([orders0], by: first) == .producerFenced)

        #expect(world.add([orders1], by: second) == .none)
        #expect(world.end(.committed, by: first, version: 5).errorCode == .producerFenced)
        let third = world.end(.aborted, by: second, version: 5).producer
        #expect(third.epoch == 2)
        world.writeMarkers()
        // An error before the first partition: there is nothing to undo, and the epoch is bumped all the same.
        let fourth = world.end(.aborted, by: third, version: 5).producer
        #expect(fourth.epoch == 3)
        #expect(world.describe().transactionState == "CompleteAbort")
        #expect(world.orders.isEmpty)
        #expect(world.end(.committed, by: fourth, version: 5).errorCode == .invalidTxnState)
    }

    @Test("the producer after the last epoch has another id, and the one before it is recognized once more")
    func overflow() throws {
        let last = ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch)
        let log = try [
            TransactionMetadata(
                producer: last, timeoutMilliseconds: 60_000, state: .empty, updateMilliseconds: 1_000_000
            ).foreignRecord(of: "t")
        ]
        // By EndTxn.
        var world = try TransactionWorld(log: log)
        #expect(world.add([orders0], by: last) == .none)
        let heir = world.end(.committed, by: last, version: 5).producer
        #expect(heir == ProducerIdentity(id: 100, epoch: 0))
        #expect(world.orders.map(\.end.producer) == [ProducerIdentity(id: 5, epoch: .max)])
        #expect(world.add([orders0], by: heir) == .concurrentTransactions)
        #expect(world.end(.committed, by: last, version: 5).errorCode == .concurrentTransactions)
        try world.restart()
        world.writeMarkers()
        #expect(world.end(.committed, by: last, version: 5).producer == heir)
        #expect(world.add([orders0], by: heir) == .none)

        // By InitProducerId, from the producer itself, whose first answer got lost.
        world = try TransactionWorld(log: log)
        let second = world.initProducer("t", expected: last).producer
        #expect(second == ProducerIdentity(id: 100, epoch: 0))
        #expect(world.initProducer("t", expected: last).producer == second)

        // By InitProducerId, from another.
        world = try TransactionWorld(log: log)
        #expect(world.initProducer("t").producer == second)
        #expect(world.initProducer("t", expected: last).errorCode == .producerFenced)

        // By fencing: nobody has the largest epoch.
        world = try TransactionWorld(log: log)
        #expect(world.add([orders0], by: last) == .none)
        #expect(world.initProducer("t").errorCode == .concurrentTransactions)
        world.writeMarkers()
        let nobody = ProducerIdentity(id: 5, epoch: .max)
        #expect(world.add([orders0], by: nobody) == .producerFenced)
        #expect(world.end(.aborted, by: nobody, version: 5).errorCode == .producerFenced)
        #expect(world.initProducer("t", expected: nobody).errorCode == .producerFenced)
        #expect(world.initProducer("t").producer.id > 100)
    }

    @Test("a producer goes on after an error with its own epoch bumped, once, however often it asks (KIP-360)")
    func recovery() throws {
        var world = try TransactionWorld()
        let first = world.initProducer("t").producer
        #expect(world.initProducer("t", expected: first).producer.epoch == 1)
        #expect(world.initProducer("t", expected: first).producer.epoch == 1)
        let other = ProducerIdentity(id: 1, epoch: 0)
        #expect(world.initProducer("t", expected: other).errorCode == .producerFenced)
        #expect(world.initProducer("t").producer.epoch == 2)
        #expect(world.initProducer("t", expected: first).errorCode == .producerFenced, "somebody else came")
        #expect(
            world.initProducer("t", expected: first, version: 3).errorCode == .invalidProducerEpoch, "KIP-588")
        // One whose id has expired goes on as a new one.
        #expect(world.initProducer("u", expected: first).producer.epoch == 0)
    }

    @Test("what was decided before a restart gets its markers after it, under the new coordinator's epoch")
    func restart() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        let open = world.initProducer("open").producer
        #expect(world.add([orders0], by: producer) == .none)
        #expect(world.add([orders1], to: "open", by: open) == .none)
        #expect(world.end(.committed, by: producer).errorCode == .none)
        try world.restart()
        #expect(world.orders.map(\.coordinatorEpoch) == [8])
        #expect(world.orders.map(\.transactionalID) == ["t"])
        #expect(world.orders.map(\.end) == [TransactionEnd(producer: producer, outcome: .committed)])
        #expect(world.end(.aborted, by: producer).errorCode == .invalidTxnState)
        world.writeMarkers()
        #expect(world.end(.committed, by: producer).errorCode == .none)
        #expect(world.end("open", .committed, by: open).errorCode == .none)
    }

    @Test("an id that nobody used for a week is forgotten, and one with an open transaction is not")
    func expiration() throws {
        var world = try TransactionWorld()
        let week: Int64 = 604_800_000
        _ = world.initProducer("idle")
        let busy = world.initProducer("busy", timeout: 900_000).producer
        world.pass(week - 1_000)
        #expect(world.add([orders0], to: "busy", by: busy) == .none)
        world.pass(1_000)
        #expect(world.describe("idle").errorCode == .transactionalIdNotFound)
        #expect(world.describe("busy").transactionState == "Ongoing")
        #expect(world.log.last?.value == nil, "a tombstone says so")
        try world.restart()
        #expect(world.describe("idle").errorCode == .transactionalIdNotFound)
        #expect(world.initProducer("idle").producer.epoch == 0)
        #expect(world.end("gone", .committed, by: busy).errorCode == .invalidProducerIdMapping)
    }
}
