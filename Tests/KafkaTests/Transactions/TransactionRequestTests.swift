import Coordinators
import KafkaWire
import NIOCore
import RecordBatch
import SegmentLog
import Testing
import WeirRuntime

@testable import Kafka

@Suite("Transactions through a connection")
struct TransactionRequestTests {
    @Test("a transaction's partitions get their markers after its end", arguments: [1, 2], [1, 2])
    func markers(_ version: Int, _ loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["a:2", "b"])
        let producer = try TransactionalClient(node, "t", version: version)
        for (outcome, word, state) in [
            (TransactionOutcome.committed, "commit", "CompleteCommit"), (.aborted, "abort", "CompleteAbort"),
        ] {
            let before = try (node.story(of: "a").count, node.story(of: "b").count)
            if version == 1 {
                #expect(try producer.add("a", [0]) == [.none])
                #expect(try producer.add("b", [0]) == [.none])
            }
            #expect(try producer.write("x", to: "a") == .none)
            #expect(try producer.write("y", to: "b") == .none)
            #expect(try producer.state().transactionState == "Ongoing")
            #expect(try producer.end(outcome) == .none)
            node.settle()
            #expect(try producer.state().transactionState == state)
            #expect(try node.story(of: "a").dropFirst(before.0).map { $0.filter(\.isLetter) } == ["x", word])
            #expect(try node.story(of: "b").dropFirst(before.1).map { $0.filter(\.isLetter) } == ["y", word])
        }
        #expect(producer.producer.epoch == (version == 1 ? 0 : 2))
        #expect(try node.story(of: "a", 1).isEmpty, "a partition that is not part of it gets none")
    }

    @Test("a batch for a partition that nobody added is refused, as its version of Produce knows")
    func unknownPartition() throws {
        let node = try SimulatedBroker(topics: ["a"])
        let producer = try TransactionalClient(node, "t", version: 1)
        #expect(try producer.write("x", to: "a", apiVersion: 9) == .invalidTxnState)
        #expect(try producer.write("x", to: "a", apiVersion: 11) == .transactionAbortable)
        #expect(try node.story(of: "a").isEmpty)
        #expect(try producer.add("a", [0, 7]) == [.operationNotAttempted, .unknownTopicOrPartition])
        #expect(try producer.add("a", [0]) == [.none])
    }

    @Test("a batch that comes after its transaction's end opens no transaction that nobody ends (KIP-890)")
    func lateBatch() throws {
        let node = try SimulatedBroker(topics: ["a"])
        let producer = try TransactionalClient(node, "t", version: 1)
        #expect(try producer.add("a", [0]) == [.none])
        #expect(try producer.write("x", to: "a") == .none)
        #expect(try producer.end(.aborted) == .none)
        node.settle()
        #expect(try producer.write("late", to: "a") == .transactionAbortable)
        #expect(try node.story(of: "a") == ["x0", "abort"])
    }

    @Test("batches that are sent one after another stay in order while the first one's partition is asked about")
    func order() throws {
        for loopCount in [1, 2] {
            let node = try SimulatedBroker(loopCount: loopCount, topics: ["a"])
            let producer = try TransactionalClient(node, "t", version: 2)
            for value in ["x", "y", "z"] { try producer.sendProduce(value, to: "a") }
            node.settle()
            for offset: Int64 in 0..<3 {
                let answer = try #require(try producer.receiveProduce())
                #expect(answer.code == .none)
                #expect(answer.offset == offset)
            }
            #expect(try node.story(of: "a") == ["x0", "y0", "z0"])
        }
    }

    @Test("a zombie's batch is refused once another producer has its id", arguments: [1, 2])
    func zombie(_ version: Int) throws {
        let node = try SimulatedBroker(topics: ["a"])
        let zombie = try TransactionalClient(node, "t", version: version)
        if version == 1 { _ = try zombie.add("a", [0]) }
        #expect(try zombie.write("old", to: "a") == .none)
        let heir = try TransactionalClient(node, "t", version: version)
        #expect(try node.story(of: "a") == ["old0", "abort"])
        #expect(try zombie.write("zombie", to: "a") == .invalidProducerEpoch)
        #expect(try zombie.end(.committed) == .producerFenced)
        if version == 1 { _ = try heir.add("a", [0]) }
        #expect(try heir.write("new", to: "a") == .none)
        #expect(try heir.end(.committed) == .none)
        node.settle()
        #expect(try node.story(of: "a") == ["old0", "abort", "new2", "commit"])
    }

    @Test("a marker is written as soon as its partition takes it, and a deleted partition needs none")
    func retries() throws {
        let node = try SimulatedBroker(topics: ["a", "b", "gone"])
        let producer = try TransactionalClient(node, "t", version: 2)
        for topic in ["a", "b", "gone"] { #expect(try producer.write("x", to: topic) == .none) }
        try node.run { [broker = node.broker] in
            for result in await broker.topics.delete([.name("gone")]) { _ = try result.get() }
        }
        try node.withLog("a") { $0.leadership.isLocal = false }
        #expect(try producer.end(.committed) == .none)
        node.pass(.seconds(1))
        #expect(try producer.state().transactionState == "PrepareCommit")
        #expect(try node.story(of: "b") == ["x0", "commit"])
        try producer.sendProduce("next", to: "b")
        node.pass(.seconds(1))
        #expect(try producer.receiveProduce()?.code == .concurrentTransactions)
        try node.withLog("a") { $0.leadership.isLocal = true }
        node.pass(.seconds(10))
        #expect(try producer.state().transactionState == "CompleteCommit")
        #expect(try node.story(of: "a") == ["x0", "commit"])
        #expect(try node.story(of: "b") == ["x0", "commit"], "none is written twice")
    }

    @Test("offsets that are part of a transaction count when it commits", arguments: [1, 2])
    func offsets(_ version: Int) throws {
        let node = try SimulatedBroker(topics: ["a"])
        let producer = try TransactionalClient(node, "t", version: version)
        try producer.find("g", .group)
        if version == 1 {
            #expect(try producer.commitOffset(7, of: "a", group: "g", apiVersion: 4) == .transactionAbortable)
            #expect(try producer.commitOffset(7, of: "a", group: "g", apiVersion: 3) == .invalidTxnState)
            var request = AddOffsetsToTxnRequest()
            request.transactionalId = "t"
            request.producerId = producer.producer.id
            request.producerEpoch = producer.producer.epoch
            request.groupId = "g"
            #expect(try producer.client.ask(request, version: 4)?.errorCode == ErrorCode.none)
        }
        #expect(try producer.commitOffset(7, of: "a", group: "g", apiVersion: version == 1 ? 4 : 5) == .none)
        #expect(try producer.commitOffset(7, of: "none", group: "g", apiVersion: 5) == .unknownTopicOrPartition)
        #expect(try offset(of: "a", group: "g", producer.client) == -1)
        #expect(try producer.end(.committed) == .none)
        node.settle()
        #expect(try offset(of: "a", group: "g", producer.client) == 7)
    }

    private func offset(of topic: String, group: String, _ client: SimulatedClient) throws -> Int64? {
        var request = OffsetFetchRequest()
        var asked = OffsetFetchRequest.OffsetFetchRequestGroup()
        asked.groupId = group
        var wanted = OffsetFetchRequest.OffsetFetchRequestTopics()
        wanted.name = topic
        wanted.partitionIndexes = [0]
        asked.topics = [wanted]
        request.groups = [asked]
        return try client.ask(request, version: 8)?.groups.first?.topics.first?.partitions.first?.committedOffset
    }

    @Test("an operator finds the transaction that hangs, and ends it")
    func tools() throws {
        let node = try SimulatedBroker(topics: ["a"])
        let producer = try TransactionalClient(node, "t", version: 2)
        #expect(try producer.write("x", to: "a") == .none)

        let listed = try #require(try producer.client.ask(ListTransactionsRequest(), version: 2))
        #expect(listed.transactionStates.map(\.transactionalId) == ["t"])
        #expect(listed.transactionStates.map(\.transactionState) == ["Ongoing"])

        var described = DescribeProducersRequest()
        var topic = DescribeProducersRequest.TopicRequest()
        topic.name = "a"
        topic.partitionIndexes = [0, 5]
        described.topics = [topic]
        let found = try #require(try producer.client.ask(described, version: 0)?.topics.first?.partitions)
        #expect(found.map(\.errorCode) == [.none, .unknownTopicOrPartition])
        let active = try #require(found.first?.activeProducers.first)
        #expect(active.producerId == producer.producer.id)
        #expect(active.currentTxnStartOffset == 0)

        var request = WriteTxnMarkersRequest()
        var marker = WriteTxnMarkersRequest.WritableTxnMarker()
        marker.producerId = active.producerId
        marker.producerEpoch = Int16(active.producerEpoch)
        marker.coordinatorEpoch = active.coordinatorEpoch
        var markedTopic = WriteTxnMarkersRequest.WritableTxnMarkerTopic()
        markedTopic.name = "a"
        markedTopic.partitionIndexes = [0, 5]
        marker.topics = [markedTopic]
        request.markers = [marker]
        let written = try #require(try producer.client.ask(request, version: 1))
        #expect(
            written.markers.flatMap(\.topics).flatMap(\.partitions).map(\.errorCode)
                == [.none, .unknownTopicOrPartition])
        #expect(try node.story(of: "a") == ["x0", "abort"])
    }

    @Test("a transactional batch without a transactional id is refused")
    func nameless() throws {
        let node = try SimulatedBroker(topics: ["a"])
        let producer = try TransactionalClient(node, "t", version: 2)
        let request = produce(
            try batch(
                ["x"], producer: producer.producer.id, epoch: 0, sequence: 0, attributes: .transactional), to: "a")
        let response = try #require(try producer.client.ask(request, version: 11))
        #expect(response.parts.map(\.errorCode) == [.invalidProducerIdMapping])
    }
}
