import KafkaClient
import KafkaWire
import NIOCore
import NIOPosix
import RecordBatch
import Synchronization
import Testing

@Suite("a client and a broker", .timeLimit(.minutes(2)))
struct ClientTests {
    private func record(_ value: String) -> OutgoingRecord {
        OutgoingRecord(timestamp: 1_000, key: ByteBuffer(string: "k"), value: ByteBuffer(string: value))
    }

    private var quick: ProducerSettings { ProducerSettings(retryDelay: .milliseconds(1)) }

    private func withBroker(_ body: (ScriptedBroker, KafkaClient) async throws -> Void) async throws {
        let broker = try await ScriptedBroker.start()
        let client = try KafkaClient(bootstrap: "\(broker.address)")
        try await body(broker, client)
        await client.close()
        try await broker.stop()
    }

    @Test("says what to do where nobody listens")
    func unreachable() async throws {
        let broker = try await ScriptedBroker.start()
        let address = broker.address
        try await broker.stop()
        let client = try KafkaClient(bootstrap: "\(address)")
        let error = await #expect(throws: ClientError.self) { try await client.partitions(of: "t") }
        #expect(error?.code == .unreachable)
        #expect(error?.message == "cannot reach \(address): connection refused; is `weir serve` running there?")
    }

    @Test("goes to the next bootstrap broker where the first cannot be reached")
    func secondBootstrap() async throws {
        let gone = try await ScriptedBroker.start()
        let goneAddress = gone.address
        try await gone.stop()
        let broker = try await ScriptedBroker.start()
        let client = try KafkaClient(bootstrap: "\(goneAddress), \(broker.address)")
        #expect(try await client.partitions(of: "t") == [0])
        await client.close()
        try await broker.stop()
    }

    @Test("refuses an address that is none", arguments: ["", ",", "host", "host:0", "host:99999", ":x"])
    func badAddress(_ text: String) {
        let error = #expect(throws: ClientError.self) { try KafkaClient(bootstrap: text) }
        #expect(error?.code == .badAddress)
    }

    @Test("names the topic that is not there")
    func noTopic() async throws {
        try await withBroker { (_, client) async throws in
            let error = await #expect(throws: ClientError.self) { try await client.partitions(of: "nope") }
            #expect(error?.message == "topic 'nope': UNKNOWN_TOPIC_OR_PARTITION")
        }
    }

    @Test("shares one connection among callers who come at once")
    func sharedConnection() async throws {
        try await withBroker { (broker, client) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await client.partitions(of: "t") } }
                try await group.waitForAll()
            }
            #expect(broker.state.withLock { $0.connections } == 1)
        }
    }

    @Test("reads what was written, under each codec", arguments: Codec.allCases)
    func writtenAndRead(codec: Codec) async throws {
        try await withBroker { (_, client) async throws in
            var settings = quick
            settings.codec = codec
            let producer = Producer(client, topic: "t", partition: 0, settings: settings)
            #expect(try await producer.send([record("a"), record("b")]) == 0)
            #expect(try await producer.send([record("c")]) == 2)
            let consumer = Consumer(client, topic: "t", partition: 0, from: .earliest)
            let batch = try await consumer.next(wait: .zero)
            #expect(batch.records.map { String(buffer: $0.value ?? ByteBuffer()) } == ["a", "b", "c"])
            #expect(batch.records.map(\.offset) == [0, 1, 2])
            #expect(batch.records.allSatisfy { $0.timestamp == 1_000 && $0.key == ByteBuffer(string: "k") })
            #expect(batch.isAtEnd)
        }
    }

    @Test("asks in versions that name the topic, though the broker knows newer ones")
    func versionsWithNames() async throws {
        try await withBroker { (broker, client) async throws in
            _ = try await Producer(client, topic: "t", partition: 0, settings: quick).send([record("a")])
            #expect(broker.state.withLock { $0.produceVersions } == [12])
        }
    }

    @Test("deletes by a list of states or of names, as the version has it", arguments: [Int16(6), 5, 1])
    func deletion(version: Int16) async throws {
        try await withBroker { (broker, client) async throws in
            broker.state.withLock { $0.versions[.deleteTopics] = 1...version }
            try await client.deleteTopic("t")
            #expect(broker.state.withLock { $0.deletions.map(\.version) } == [version])
            #expect(broker.state.withLock { $0.deletions.map(\.name) } == ["t"])
        }
    }

    @Test("says which request the broker does not know")
    func unknownRequest() async throws {
        try await withBroker { (broker, client) async throws in
            broker.state.withLock { $0.versions[.initProducerId] = nil }
            let producer = Producer(client, topic: "t", partition: 0, settings: quick)
            let error = await #expect(throws: ClientError.self) { try await producer.send([record("a")]) }
            #expect(error?.code == .unsupported)
            #expect(error?.message.contains("does not know InitProducerId") == true)
        }
    }

    @Test(
        "sends again what was lost, in order and once",
        arguments: [
            [ScriptedBroker.Fault.lost], [.answerLost], [.refused(.notLeaderOrFollower)], [.refused(.requestTimedOut)],
            [.lost, .answerLost, .lost], [.answerLost, .refused(.notLeaderOrFollower), .answerLost],
        ])
    func retries(faults: [ScriptedBroker.Fault]) async throws {
        try await withBroker { (broker, client) async throws in
            let producer = Producer(client, topic: "t", partition: 0, settings: quick)
            #expect(try await producer.send([record("first")]) == 0)
            broker.state.withLock { $0.faults[.produce] = faults }
            let offsets = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<8 { group.addTask { try await producer.send([record("\(number)")]) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(offsets.sorted() == Array(1...8))
            #expect(broker.values.count == 9)
            #expect(Set(broker.values) == Set(["first"] + (0..<8).map(String.init)))
            #expect(Set(broker.state.withLock { $0.log.map(\.producer) }).count == 1)
        }
    }

    @Test("goes at once to the leader that a refusal names")
    func leaderHint() async throws {
        let other = try await ScriptedBroker.start()
        try await withBroker { (broker, client) async throws in
            broker.script(.produce, .moved(to: other.address))
            // A wait would never end.
            let settings = ProducerSettings(retryDelay: .seconds(1_000))
            let producer = Producer(client, topic: "t", partition: 0, settings: settings)
            #expect(try await producer.send([record("a")]) == 0)
            #expect(other.values == ["a"])
            #expect(broker.values == [])
        }
        try await other.stop()
    }

    @Test("gives up on what the broker refuses for good, and goes on with the next under a new id")
    func refused() async throws {
        try await withBroker { (broker, client) async throws in
            let producer = Producer(client, topic: "t", partition: 0, settings: quick)
            #expect(try await producer.send([record("a")]) == 0)
            broker.script(.produce, .refused(.messageTooLarge))
            let error = await #expect(throws: ClientError.self) { try await producer.send([record("b")]) }
            #expect(error?.message == "t-0 refuses a batch: MESSAGE_TOO_LARGE")
            #expect(try await producer.send([record("c")]) == 1)
            #expect(broker.values == ["a", "c"])
            #expect(broker.state.withLock { $0.log.map(\.producer) } == [1, 2])
        }
    }

    @Test("gathers queued records into batches, and tells each its offset")
    func queued() async throws {
        try await withBroker { (broker, client) async throws in
            var settings = quick
            settings.linger = .milliseconds(2)
            let producer = Producer(client, topic: "t", partition: 0, settings: settings)
            let offsets = Mutex<[Int64?]>([])
            for number in 0..<500 {
                let isQueued = producer.enqueue(record("\(number)")) { result in
                    offsets.withLock { $0.append(try? result.get()) }
                }
                #expect(isQueued)
            }
            try await producer.flush()
            #expect(offsets.withLock { $0 } == (0..<500).map { Int64($0) })
            #expect(broker.values == (0..<500).map(String.init))
            #expect(broker.state.withLock { $0.batches.count } < 100)
            let consumer = Consumer(client, topic: "t", partition: 0, from: .offset(123))
            var read: [Int64] = []
            while read.count < 377 { read += try await consumer.next(wait: .zero).records.map(\.offset) }
            #expect(read == Array(123..<500))
        }
    }

    @Test("says no where its queue is full, and has room again after a flush")
    func queueLimit() async throws {
        try await withBroker { (_, client) async throws in
            var settings = quick
            settings.queueSizeBytesMax = 100
            // Nothing leaves before the flush.
            settings.linger = .seconds(1_000)
            let producer = Producer(client, topic: "t", partition: 0, settings: settings)
            #expect(producer.enqueue(record(String(repeating: "x", count: 70))))
            #expect(!producer.enqueue(record("y")))
            try await producer.flush()
            #expect(producer.enqueue(record("y")))
            try await producer.flush()
        }
    }

    @Test("does not wait for an answer with acks 0")
    func noAnswer() async throws {
        try await withBroker { (broker, client) async throws in
            let producer = Producer(client, topic: "t", partition: 0, settings: ProducerSettings(acks: 0))
            for number in 0..<3 { #expect(try await producer.send([record("\(number)")]) == -1) }
            // The answer to this comes behind what was sent before it on the connection.
            #expect(try await client.offset(.latest, of: "t", 0) == 3)
            #expect(broker.values == ["0", "1", "2"])
        }
    }

    @Test("follows a reader through refusals that pass")
    func consumerRetries() async throws {
        try await withBroker { (broker, client) async throws in
            _ = try await Producer(client, topic: "t", partition: 0, settings: quick).send([record("a")])
            broker.script(.fetch, .refused(.notLeaderOrFollower), .lost, .refused(.unknownTopicOrPartition))
            let consumer = Consumer(
                client, topic: "t", partition: 0, from: .earliest, retryDelay: .milliseconds(1))
            #expect(try await consumer.next(wait: .zero).records.count == 1)
        }
    }

    @Test("says which offsets there are where one is asked for that is not")
    func outOfRange() async throws {
        try await withBroker { (_, client) async throws in
            _ = try await Producer(client, topic: "t", partition: 0, settings: quick).send([record("a")])
            let consumer = Consumer(client, topic: "t", partition: 0, from: .offset(99))
            let error = await #expect(throws: ClientError.self) { try await consumer.next(wait: .zero) }
            #expect(
                error?.message
                    == "t-0 has no offset 99: OFFSET_OUT_OF_RANGE: there are offsets 0 to 1; begin at one of them")
        }
    }

    @Test("begins behind the last record where none is as young as asked for")
    func timestampBehindTheEnd() async throws {
        try await withBroker { (_, client) async throws in
            _ = try await Producer(client, topic: "t", partition: 0, settings: quick).send([record("a")])
            #expect(try await client.offset(.timestamp(5), of: "t", 0) == 1)
        }
    }

    @Test("gives up on a broker that is silent for too long, and says what was asked")
    func silence() async throws {
        let broker = try await ScriptedBroker.start()
        let client = try KafkaClient(bootstrap: "\(broker.address)", timeout: .seconds(2))
        broker.script(.metadata, .silence)
        let error = await #expect(throws: ClientError.self) { try await client.partitions(of: "t") }
        #expect(error?.code == .disconnected)
        #expect(error?.message == "\(broker.address) did not answer Metadata within 2.0 s")
        #expect(try await client.partitions(of: "t") == [0])
        await client.close()
        try await broker.stop()
    }
}
