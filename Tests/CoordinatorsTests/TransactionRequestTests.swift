import Coordinators
import KafkaWire
import NIOCore
import Testing

private let orders0 = TopicPartition("orders", 0)
private let orders1 = TopicPartition("orders", 1)

@Suite("Requests about transactions")
struct TransactionRequestTests {
    /// The states an id can be in, each reached as clients reach it; `bumped` ones by clients of KIP-890.
    enum Stage: String, CaseIterable {
        case empty, ongoing, prepareCommit, prepareAbort, completeCommit, completeAbort
        case bumpedPrepareCommit, bumpedPrepareAbort, bumpedCompleteCommit, bumpedCompleteAbort
        case fencedPrepareAbort, fencedCompleteAbort

        /// A world in this state, and the producer that brought it there.
        func reach() throws -> (TransactionWorld, ProducerIdentity) {
            var world = try TransactionWorld()
            let producer = world.initProducer("t").producer
            if self == .empty { return (world, producer) }
            _ = world.add([orders0], by: producer)
            if self == .ongoing { return (world, producer) }
            if rawValue.hasPrefix("fenced") {
                _ = world.initProducer("t")
            } else {
                let outcome: TransactionOutcome = rawValue.lowercased().hasSuffix("commit") ? .committed : .aborted
                _ = world.end(outcome, by: producer, version: rawValue.hasPrefix("bumped") ? 5 : 4)
            }
            if rawValue.lowercased().contains("complete") { world.writeMarkers() }
            return (world, producer)
        }
    }

    @Test(
        "a producer's request finds its transaction in a state",
        arguments: [
            // The state; then InitProducerId by anybody, by the producer; AddPartitionsToTxn; the check of a partition
            // that is part of the transaction, if any is; EndTxn 4 to commit, to abort; EndTxn 5 likewise.
            (.empty, "ok ok ok abortable invalid invalid invalid ok"),
            (.ongoing, "concurrent concurrent ok ok ok ok ok ok"),
            (.prepareCommit, "concurrent concurrent concurrent concurrent concurrent invalid fenced fenced"),
            (.prepareAbort, "concurrent concurrent concurrent concurrent invalid concurrent fenced fenced"),
            (.completeCommit, "ok ok ok abortable ok invalid invalid ok"),
            (.completeAbort, "ok ok ok abortable invalid ok invalid ok"),
            (.bumpedPrepareCommit, "concurrent concurrent fenced fenced fenced fenced concurrent invalid"),
            (.bumpedPrepareAbort, "concurrent concurrent fenced fenced fenced fenced invalid concurrent"),
            (.bumpedCompleteCommit, "ok ok fenced fenced fenced fenced ok invalid"),
            (.bumpedCompleteAbort, "ok ok fenced fenced fenced fenced invalid ok"),
            (.fencedPrepareAbort, "concurrent fenced fenced fenced fenced fenced fenced fenced"),
            (.fencedCompleteAbort, "ok fenced fenced fenced fenced fenced fenced fenced"),
        ] as [(Stage, String)])
    func states(_ stage: Stage, _ expected: String) throws {
        let names: [ErrorCode: String] = [
            .none: "ok", .concurrentTransactions: "concurrent", .producerFenced: "fenced",
            .invalidTxnState: "invalid", .transactionAbortable: "abortable",
        ]
        let requests: [(inout TransactionWorld, ProducerIdentity) -> ErrorCode] = [
            { world, _ in world.initProducer("t").errorCode },
            { world, producer in world.initProducer("t", expected: producer).errorCode },
            { world, producer in world.add([orders1], by: producer) },
            { world, producer in world.verify([orders0], by: producer) },
            { world, producer in world.end(.committed, by: producer).errorCode },
            { world, producer in world.end(.aborted, by: producer).errorCode },
            { world, producer in world.end(.committed, by: producer, version: 5).errorCode },
            { world, producer in world.end(.aborted, by: producer, version: 5).errorCode },
        ]
        var found: [String] = []
        for request in requests {
            var (world, producer) = try stage.reach()
            let code = request(&world, producer)
            found.append(names[code] ?? "\(code)")
        }
        #expect(found.joined(separator: " ") == expected, "\(stage)")
        // And the same where the machine replayed its log.
        found = []
        for request in requests {
            var (world, producer) = try stage.reach()
            try world.restart()
            let code = request(&world, producer)
            found.append(names[code] ?? "\(code)")
        }
        #expect(found.joined(separator: " ") == expected, "\(stage), replayed")
    }

    @Test("another producer's id is no producer of this transactional id, in any state", arguments: Stage.allCases)
    func strangers(_ stage: Stage) throws {
        var (world, _) = try stage.reach()
        let before = world.log.count
        let stranger = ProducerIdentity(id: 4_711, epoch: 0)
        #expect(world.add([orders0], by: stranger) == .invalidProducerIdMapping)
        #expect(world.verify([orders0], by: stranger) == .invalidProducerIdMapping)
        for version: Int16 in [4, 5] {
            #expect(world.end(.committed, by: stranger, version: version).errorCode == .invalidProducerIdMapping)
        }
        #expect(world.initProducer("t", expected: stranger).errorCode == .producerFenced)
        #expect(world.log.count == before, "nothing of it is recorded")
    }

    @Test("requests that no client should send are refused by name")
    func invalid() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        #expect(world.initProducer(nil).errorCode == .invalidRequest)
        #expect(world.initProducer("").errorCode == .invalidRequest)
        #expect(world.initProducer(String(repeating: "x", count: 32_768)).errorCode == .invalidRequest)
        #expect(world.initProducer(String(repeating: "x", count: 32_767)).errorCode == .none)
        #expect(world.initProducer("t", timeout: 0).errorCode == .invalidTransactionTimeout)
        #expect(world.initProducer("t", timeout: -1).errorCode == .invalidTransactionTimeout)
        #expect(world.initProducer("t", timeout: 900_001).errorCode == .invalidTransactionTimeout)
        #expect(world.initProducer("t", timeout: 900_000).errorCode == .none)
        let half = ProducerIdentity(id: producer.id, epoch: -1)
        #expect(world.initProducer("t", expected: half).errorCode == .invalidRequest)
        #expect(world.add([orders0], to: "", by: producer) == .invalidRequest)
        #expect(world.verify([orders0], in: "", by: producer) == .invalidRequest)
        #expect(world.end("", .committed, by: producer).errorCode == .invalidRequest)
        #expect(world.describe("").errorCode == .invalidRequest)
        #expect(world.describe("never").errorCode == .transactionalIdNotFound)
    }

    @Test("what is part of the transaction already is not recorded again")
    func repeated() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        #expect(world.add([orders0, orders1], by: producer) == .none)
        let before = world.log.count
        #expect(world.add([orders1], by: producer) == .none)
        #expect(world.log.count == before)
    }

    @Test("ids and the partitions of a transaction have limits")
    func limits() throws {
        var settings = TransactionSettings()
        settings.partitionsMax = 2
        settings.idsMax = 2
        var world = try TransactionWorld(settings: settings)
        let producer = world.initProducer("t").producer
        #expect(world.add([orders0, orders1], by: producer) == .none)
        #expect(world.add([TopicPartition("orders", 2)], by: producer) == .policyViolation)
        #expect(world.initProducer("u").errorCode == .none)
        #expect(world.initProducer("v").errorCode == .policyViolation)
        #expect(world.initProducer("u").errorCode == .none)
    }

    @Test("ids are listed by state, producer and how long their transaction runs")
    func list() throws {
        var world = try TransactionWorld()
        let first = world.initProducer("first").producer
        let second = world.initProducer("second").producer
        _ = world.initProducer("third")
        _ = world.add([orders0], to: "first", by: first)
        world.pass(1_000)
        _ = world.add([orders0], to: "second", by: second)

        func list(_ change: (inout ListTransactionsRequest) -> Void) -> (ids: [String], unknown: [String]) {
            var filters = ListTransactionsRequest()
            change(&filters)
            guard case .list(let response) = world.perform(.list(filters)) else { return ([], ["no list"]) }
            return (response.transactionStates.map(\.transactionalId), response.unknownStateFilters)
        }
        #expect(list { _ in }.ids == ["first", "second", "third"])
        #expect(list { $0.stateFilters = ["Ongoing"] }.ids == ["first", "second"])
        #expect(list { $0.stateFilters = ["Empty", "Odd"] } == (["third"], ["Odd"]))
        #expect(list { $0.stateFilters = ["Odd"] } == ([], ["Odd"]))
        #expect(list { $0.producerIdFilters = [second.id] }.ids == ["second"])
        #expect(list { $0.durationFilter = 500 }.ids == ["first"])
        #expect(list { $0.durationFilter = 0 }.ids == ["first"])
        #expect(list { $0.transactionalIdPattern = "(f|s).*" }.ids == ["first", "second"])
        #expect(list { $0.transactionalIdPattern = "f" }.ids.isEmpty, "a pattern matches an id as a whole")
        #expect(list { $0.transactionalIdPattern = "" }.ids.count == 3)
        var filters = ListTransactionsRequest()
        filters.transactionalIdPattern = "("
        guard case .list(let response) = world.perform(.list(filters)) else { return }
        #expect(response.errorCode == .invalidRegularExpression)
    }

    @Test("markers that come late, or for another transaction, change nothing")
    func lateMarkers() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        _ = world.add([orders0], by: producer)
        _ = world.end(.committed, by: producer)
        let order = try #require(world.orders.first)
        var wrong = order
        wrong.end.outcome = .aborted
        _ = world.perform(.markersWritten(wrong))
        #expect(world.describe().transactionState == "PrepareCommit")
        world.writeMarkers()
        let before = world.log.count
        _ = world.perform(.markersWritten(order))
        #expect(world.log.count == before)
        _ = world.add([orders0], by: producer)
        _ = world.perform(.markersWritten(order))
        #expect(world.describe().transactionState == "Ongoing")
    }

    @Test("a log that Kafka wrote is read in both versions, and records of other formats are left out")
    func formats() throws {
        let metadata = TransactionMetadata(
            producer: ProducerIdentity(id: 9, epoch: 3), timeoutMilliseconds: 30_000, state: .ongoing,
            partitions: [orders0, orders1], startMilliseconds: 999_000, updateMilliseconds: 999_500)
        for version: Int16 in [0, 1] {
            var world = try TransactionWorld(log: [metadata.foreignRecord(of: "t", version: version)])
            #expect(world.machine["t"]?.partitions == metadata.partitions)
            #expect(world.end(.committed, by: metadata.producer).errorCode == .none)
        }
        var record = try metadata.foreignRecord(of: "t")
        record.value?.setInteger(Int16(2), at: 0)
        var other = try metadata.foreignRecord(of: "u")
        other.key.setInteger(Int16(1), at: 0)
        let world = try TransactionWorld(log: [record, other])
        #expect(world.machine.ids.isEmpty)
        var cut = try metadata.foreignRecord(of: "t")
        cut.value = cut.value?.getSlice(at: 0, length: 20)
        #expect(throws: WireError.self) { try TransactionWorld(log: [cut]) }
    }

    @Test("a record has Kafka's bytes")
    func bytes() throws {
        var world = try TransactionWorld()
        let producer = world.initProducer("t").producer
        _ = world.add([orders1, orders0], by: producer)
        let record = try #require(world.log.last)
        #expect(Array(record.key.readableBytesView) == [0, 0, 0, 1, 0x74])
        #expect(
            Array(record.value?.readableBytesView ?? ByteBuffer().readableBytesView) == [
                0, 1,  // the version
                0, 0, 0, 0, 0, 0, 0, 100, 0, 0,  // producer id and epoch
                0, 0, 0xEA, 0x60, 1,  // timeout, status
                2, 7, 0x6F, 0x72, 0x64, 0x65, 0x72, 0x73, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0,  // orders: 0, 1
                0, 0, 0, 0, 0, 0x0F, 0x42, 0x40, 0, 0, 0, 0, 0, 0x0F, 0x42, 0x40,  // updated, begun
                1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100,  // one tagged field: the previous producer id
            ])
    }
}
