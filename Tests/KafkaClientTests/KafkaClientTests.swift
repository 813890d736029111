import KafkaWire
import NIOCore
import RecordBatch
import Synchronization
import Testing

@testable import KafkaClient

@Suite("A client of a cluster")
struct KafkaClientTests {
    private static let retries = RetryPolicy(countMax: 5, delay: .milliseconds(1))

    private func producer(_ client: KafkaClient, acks: Int16 = -1) -> Producer {
        Producer(client, topic: "t", partition: 0, settings: ProducerSettings(acks: acks, retries: Self.retries))
    }

    private func record(_ text: String) -> OutgoingRecord {
        OutgoingRecord(timestamp: 1, value: ByteBuffer(string: text))
    }

    // MARK: Connections

    @Test("callers at the same time share one connection")
    func oneConnection() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await client.metadata(topics: []) } }
                try await group.waitForAll()
            }
            #expect(broker.connectionCount == 1)
            await client.close()
            await broker.untilAllClosed()
        }
    }

    @Test("a lost connection is opened again")
    func reconnect() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(.metadata, .close)
            await #expect(throws: ClientError.self) { try await client.metadata(topics: []) }
            _ = try await client.metadata(topics: [])
            #expect(broker.connectionCount == 2)
            await client.close()
        }
    }

    @Test("a broker of the bootstrap that is not there is passed over")
    func bootstrap() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: "127.0.0.1:1, \(broker.address)")
            _ = try await client.metadata(topics: [])
            await client.close()
        }
        for text in ["", ",", "h"] {
            let error = #expect(throws: ClientError.self) { try KafkaClient(bootstrap: text) }
            #expect(error?.code == .badAddress)
        }
    }

    @Test("a topic that is not there, and a partition that nobody leads, are told")
    func missing() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(
                .metadata, .answer(Answers.metadata(["t"], leader: ("127.0.0.1", 1), .unknownTopicOrPartition)))
            let topic = await #expect(throws: ClientError.self) { try await client.partitions(of: "t") }
            #expect(topic?.message == "there is no topic 't'")
            #expect(topic?.errorCode == .unknownTopicOrPartition)
            let partition = await #expect(throws: ClientError.self) { try await client.leader(of: "t", 7) }
            #expect(partition?.message.contains("topic 't' has no partition 7") == true)
            await client.close()
        }
    }

    // MARK: Producing

    @Test("an idempotent producer numbers its batches, and a batch tried again keeps its number")
    func idempotence() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            let producer = producer(client)
            broker.on(.produce, .standard, .close, .answer(Answers.produce(.notLeaderOrFollower)), .standard)
            #expect(try await producer.send([record("a"), record("b")]) == 100)
            #expect(try await producer.send([record("c")]) == 100)
            #expect(try await producer.send([record("d")]) == 100)
            let headers = try broker.arrivals.filter { $0.api == .produce }.map { arrival in
                let request = try arrival.decoded(as: ProduceRequest.self)
                let batch = try #require(request.topicData.first?.partitionData.first?.records)
                return try BatchHeader(of: batch, at: batch.readerIndex)
            }
            #expect(headers.map(\.baseSequence) == [0, 2, 2, 2, 3])
            #expect(Set(headers.map(\.producerID)) == [4711])
            #expect(broker.arrivals.filter { $0.api == .initProducerId }.count == 1)
            await client.close()
        }
    }

    @Test("a batch that is there already is acknowledged")
    func duplicate() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(.produce, .answer(Answers.produce(.duplicateSequenceNumber)))
            #expect(try await producer(client).send([record("a")]) == -1)
            await client.close()
        }
    }

    @Test("an error that does not pass is not tried again", arguments: [ErrorCode.messageTooLarge, .invalidRecord])
    func fatal(_ code: ErrorCode) async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(.produce, .answer(Answers.produce(code)))
            let error = await #expect(throws: ClientError.self) { try await producer(client).send([record("a")]) }
            #expect(error?.errorCode == code)
            #expect(broker.arrivals.filter { $0.api == .produce }.count == 1)
            await client.close()
        }
    }

    @Test("an error that may pass is told each time, and is the answer when the tries are used up")
    func exhausted() async throws {
        try await ScriptedBroker.with { broker in
            let told = Mutex(0)
            let client = try KafkaClient(bootstrap: broker.address) { _ in told.withLock { $0 += 1 } }
            for _ in 0..<6 { broker.on(.produce, .answer(Answers.produce(.notEnoughReplicas))) }
            let error = await #expect(throws: ClientError.self) { try await producer(client).send([record("a")]) }
            #expect(error?.errorCode == .notEnoughReplicas)
            #expect(told.withLock { $0 } == 5)
            await client.close()
        }
    }

    @Test("a producer id that is not given yet is asked for again")
    func lateProducerID() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            var answer = InitProducerIdResponse()
            answer.errorCode = .coordinatorLoadInProgress
            broker.on(.initProducerId, .answer(answer), .close)
            #expect(try await producer(client).send([record("a")]) == 100)
            await client.close()
        }
    }

    @Test("with acks=0 nothing is waited for, no id is asked for, and a closed connection is opened again")
    func acksZero() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            let producer = producer(client, acks: 0)
            broker.on(.produce, .standard, .close)
            #expect(try await producer.send([record("a")]) == -1)
            #expect(try await producer.send([record("b")]) == -1)
            await broker.untilAllClosed()
            // Fails, or is answered on a new connection: either way the old one is known to be closed.
            _ = try? await client.metadata(topics: [])
            #expect(try await producer.send([record("c")]) == -1)
            // The next answer comes after what was sent before it.
            _ = try await client.metadata(topics: [])
            #expect(broker.arrivals.filter { $0.api == .produce }.count == 3)
            #expect(!broker.arrivals.contains { $0.api == .initProducerId })
            await client.close()
        }
    }

    // MARK: Consuming

    private func batch(_ offset: Int64, _ values: [String]) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        for value in values { builder.append(timestamp: 5, value: ByteBuffer(string: value)) }
        return try builder.build(baseOffset: offset)
    }

    private func consumer(_ client: KafkaClient, _ partitions: [Int32], from offset: Int64 = 0) -> Consumer {
        Consumer(client, topic: "t", partitions: partitions, from: .offset(offset), retries: Self.retries)
    }

    @Test("all partitions of a leader are in one request, and each goes on behind what it gave")
    func consume() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(
                .fetch, .answer(Answers.fetch([0: (.none, 2, try batch(0, ["a", "b"])), 1: (.none, 5, nil)])),
                .answer(Answers.fetch([0: (.none, 2, nil), 1: (.none, 1, try batch(0, ["c"]))])))
            let consumer = consumer(client, [0, 1])
            let first = try await consumer.next()
            #expect(first.records.map { "\($0.partition)/\($0.offset)" } == ["0/0", "0/1"])
            #expect(!first.isAtEnd, "partition 1 has more")
            let second = try await consumer.next()
            #expect(second.records.map { $0.value.map { String(buffer: $0) } } == ["c"])
            #expect(second.isAtEnd)
            let requests = try broker.arrivals.filter { $0.api == .fetch }.map {
                try $0.decoded(as: FetchRequest.self).topics.flatMap(\.partitions)
            }
            #expect(requests.map { $0.map(\.partition) } == [[0, 1], [1, 0]], "who gave something waits its turn")
            #expect(requests[1].map(\.fetchOffset) == [0, 2])
            await client.close()
        }
    }

    @Test("records before the wanted offset, and the half batch at the end, are left out")
    func edges() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            var bytes = try batch(10, ["a", "b", "c"])
            let next = try batch(13, ["d"])
            bytes.writeBytes(next.readableBytesView.prefix(next.readableBytes - 1))
            broker.on(.fetch, .answer(Answers.fetch([0: (.none, 14, bytes)])))
            let got = try await consumer(client, [0], from: 11).next()
            #expect(got.records.map(\.offset) == [11, 12])
            #expect(!got.isAtEnd)
            await client.close()
        }
    }

    @Test("what one partition gives is not lost where another one moves")
    func partialFailure() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(
                .fetch,
                .answer(Answers.fetch([0: (.none, 1, try batch(0, ["a"])), 1: (.notLeaderOrFollower, -1, nil)])),
                .answer(Answers.fetch([0: (.none, 1, nil), 1: (.notLeaderOrFollower, -1, nil)])),
                .answer(Answers.fetch([0: (.none, 1, nil), 1: (.none, 0, nil)])))
            let consumer = consumer(client, [0, 1])
            let first = try await consumer.next()
            #expect(first.records.count == 1)
            #expect(!first.isAtEnd)
            #expect(try await consumer.next().isAtEnd)
            #expect(broker.arrivals.filter { $0.api == .metadata }.count >= 3, "leaders are asked for again")
            await client.close()
        }
    }

    @Test("an offset out of range is told at once")
    func outOfRange() async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            broker.on(.fetch, .answer(Answers.fetch([0: (.offsetOutOfRange, 5, nil)])))
            let error = await #expect(throws: ClientError.self) { try await consumer(client, [0], from: 99).next() }
            #expect(error?.message == "t-0 at offset 99: OFFSET_OUT_OF_RANGE")
            await client.close()
        }
    }
}
