import KafkaWire
import NIOCore
import Testing

@testable import KafkaClient

@Suite("Transactions, seen from outside")
struct TransactionAdminTests {
    private func withAdmin(_ body: (ScriptedBroker, TransactionAdmin) async throws -> Void) async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            let retries = RetryPolicy(countMax: 5, delay: .milliseconds(1))
            try await body(broker, TransactionAdmin(client, retries: retries))
            await client.close()
        }
    }

    @Test("a state that no coordinator knows is an error, not an empty list")
    func unknownState() async throws {
        try await withAdmin { broker, admin in
            var answer = ListTransactionsResponse()
            answer.unknownStateFilters = ["Open"]
            broker.on(.listTransactions, .answer(answer))
            let error = await #expect(throws: ClientError.self) {
                try await admin.list(TransactionFilter(states: ["Open"]))
            }
            #expect(error?.message.contains("knows no such state of a transaction: Open") == true)
        }
    }

    @Test("how long a transaction is open is asked of brokers that know it, and of others refused")
    func duration() async throws {
        let filter = TransactionFilter(openLongerThan: .milliseconds(1500))
        try await withAdmin { broker, admin in
            broker.on(.listTransactions, .answer(listing([("a", 7)])))
            #expect(try await admin.list(filter).map(\.id) == ["a"])
            let request = try #require(broker.arrivals.last).decoded(as: ListTransactionsRequest.self)
            #expect(request.durationFilter == 1500)
        }
        try await withAdmin { broker, admin in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions([.listTransactions: 0...0])))
            let error = await #expect(throws: ClientError.self) { try await admin.list(filter) }
            #expect(error?.code == .unsupported)
        }
    }

    @Test("a description has the partitions in order, and no start where nothing is open")
    func describe() async throws {
        try await withAdmin { broker, admin in
            broker.on(.describeTransactions, .answer(described("a", partitions: ["u": [0], "t": [2, 1]])))
            let found = try await admin.describe("a")
            #expect(found.partitions.map(\.description) == ["t-1", "t-2", "u-0"])
            #expect(found.startMilliseconds == nil)
            let asked = try #require(broker.arrivals.first { $0.api == .findCoordinator })
            #expect(try asked.decoded(as: FindCoordinatorRequest.self).keyType == 1)
        }
    }

    @Test("fencing waits while the abort is under way, and keeps the id's timeout")
    func fence() async throws {
        try await withAdmin { broker, admin in
            var busy = InitProducerIdResponse()
            busy.errorCode = .concurrentTransactions
            broker.on(.initProducerId, .answer(busy), .answer(busy), .standard)
            try await admin.fence("a", timeoutMilliseconds: 12_345)
            let requests = try broker.arrivals.filter { $0.api == .initProducerId }.map {
                try $0.decoded(as: InitProducerIdRequest.self)
            }
            #expect(requests.map(\.transactionalId) == ["a", "a", "a"])
            #expect(requests.allSatisfy { $0.transactionTimeoutMs == 12_345 && $0.producerId == -1 })
        }
    }

    @Test("a transaction hangs when it is old and no coordinator has its partition")
    func hanging() async throws {
        try await withAdmin { broker, admin in
            // Of partition 0: 7 is known with another partition, 8 is known with this one, 9 is not known, 10 is
            // young, 11 has nothing open.
            broker.on(
                .describeProducers,
                .answer(
                    producers([(7, 100, 5), (8, 100, 6), (9, 100, 7), (10, 1000, 8), (11, 100, -1)])))
            broker.on(.listTransactions, .answer(listing([("seven", 7), ("eight", 8)])))
            broker.on(
                .describeTransactions, .answer(described("eight", partitions: ["t": [0]])),
                .answer(described("seven", partitions: ["t": [1]])))
            let found = try await admin.hanging(in: [TopicPartition("t", 0)], lastWriteBefore: 500)
            #expect(found.map(\.producer.id) == [7, 9])
            #expect(found.map(\.producer.transactionStart) == [5, 7])
            let asked = try #require(broker.arrivals.first { $0.api == .listTransactions })
            #expect(try asked.decoded(as: ListTransactionsRequest.self).producerIdFilters == [7, 8, 9])
        }
    }

    @Test("a hanging transaction is ended by a marker in the epochs that the partition knows")
    func abort() async throws {
        try await withAdmin { broker, admin in
            broker.on(
                .describeProducers, .answer(producers([(9, 100, 7)])))
            let place = TopicPartition("t", 0)
            let producer = try #require(try await admin.producers(of: [place])[place]?.first)
            broker.on(.writeTxnMarkers, .answer(marked(.notLeaderOrFollower)), .answer(marked(.none)))
            try await admin.abort(OpenTransaction(partition: place, producer: producer))
            let requests = broker.arrivals.filter { $0.api == .writeTxnMarkers }
            #expect(requests.count == 2)
            let marker = try #require(try requests[0].decoded(as: WriteTxnMarkersRequest.self).markers.first)
            #expect((marker.producerId, marker.producerEpoch, marker.coordinatorEpoch) == (9, 3, 4))
            #expect(!marker.transactionResult)
            #expect(marker.topics.map(\.partitionIndexes) == [[0]])
        }
    }

    // MARK: Answers

    private func listing(_ ids: [(String, Int64)]) -> ListTransactionsResponse {
        var answer = ListTransactionsResponse()
        answer.transactionStates = ids.map { id, producer in
            var state = ListTransactionsResponse.TransactionState()
            (state.transactionalId, state.producerId, state.transactionState) = (id, producer, "Ongoing")
            return state
        }
        return answer
    }

    private func described(_ id: String, partitions: [String: [Int32]]) -> DescribeTransactionsResponse {
        var state = DescribeTransactionsResponse.TransactionState()
        (state.transactionalId, state.transactionState, state.transactionStartTimeMs) = (id, "Ongoing", -1)
        state.topics = partitions.map { name, numbers in
            var topic = DescribeTransactionsResponse.TopicData()
            (topic.topic, topic.partitions) = (name, numbers)
            return topic
        }
        var answer = DescribeTransactionsResponse()
        answer.transactionStates = [state]
        return answer
    }

    /// Producers of partition 0 of `t`: their id, the time of their last record, the start of what is open.
    private func producers(_ states: [(id: Int64, last: Int64, start: Int64)]) -> DescribeProducersResponse {
        var partition = DescribeProducersResponse.PartitionResponse()
        partition.activeProducers = states.map { given in
            var state = DescribeProducersResponse.ProducerState()
            (state.producerId, state.lastTimestamp, state.currentTxnStartOffset) = given
            (state.producerEpoch, state.coordinatorEpoch) = (3, 4)
            return state
        }
        var topic = DescribeProducersResponse.TopicResponse()
        (topic.name, topic.partitions) = ("t", [partition])
        var answer = DescribeProducersResponse()
        answer.topics = [topic]
        return answer
    }

    private func marked(_ code: ErrorCode) -> WriteTxnMarkersResponse {
        var partition = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult()
        partition.errorCode = code
        var topic = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult()
        (topic.name, topic.partitions) = ("t", [partition])
        var marker = WriteTxnMarkersResponse.WritableTxnMarkerResult()
        marker.topics = [topic]
        var answer = WriteTxnMarkersResponse()
        answer.markers = [marker]
        return answer
    }
}
