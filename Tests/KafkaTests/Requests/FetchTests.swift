import KafkaWire
import NIOCore
import RecordBatch
import SegmentLog
import Testing
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("fetch") struct FetchTests {
    @Test(
        "an offset outside of the log, and epochs old and new, have their errors",
        arguments: [
            (Int64(0), Int32(-1), ErrorCode.offsetOutOfRange), (2, -1, .none), (5, -1, .none),
            (6, -1, .offsetOutOfRange),
            (-1, -1, .offsetOutOfRange), (.max, -1, .offsetOutOfRange), (2, 3, .none), (2, 2, .fencedLeaderEpoch),
            (2, 4, .unknownLeaderEpoch),
        ])
    func offsets(offset: Int64, epoch: Int32, expected: ErrorCode) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        for value in ["a", "b", "c", "d", "e"] { _ = try client.ask(produce(batch([value]), to: "orders"), version: 7) }
        try node.withLog("orders") {
            $0.logStartOffset = 2
            $0.leadership.epoch = 3
        }
        var request = fetch([("orders", 0, offset)], waitMs: 10_000)
        request.topics[0].partitions[0].currentLeaderEpoch = epoch
        if offset == 5 { request.maxWaitMs = 0 }
        let answer = try #require(try client.ask(request, version: 11))
        #expect(answer.parts[0].errorCode == expected)
    }

    @Test("the first batch comes whole, however small the limits; the limits hold for what follows")
    func limits() throws {
        let node = try SimulatedBroker(topics: ["orders:3"])
        let client = try node.connect()
        for partition in Int32(0)..<3 {
            for _ in 0..<3 {
                let big = try batch([String(repeating: "x", count: 1000)])
                _ = try client.ask(produce(big, to: "orders", partition), version: 7)
            }
        }
        let wanted = (Int32(0)..<3).map { ("orders", $0, Int64(0)) }
        let tiny = try #require(try client.ask(fetch(wanted, bytesMax: 1, partitionBytesMax: 1), version: 12))
        #expect(try tiny.parts.map { try $0.values().count }.reduce(0, +) == 1)
        let two = try #require(try client.ask(fetch(wanted, bytesMax: 2200, partitionBytesMax: 1 << 20), version: 12))
        #expect(try two.parts.map { try $0.values().count }.reduce(0, +) <= 3)
        let all = try #require(try client.ask(fetch(wanted), version: 12))
        #expect(try all.parts.map { try $0.values().count } == [3, 3, 3])
    }

    @Test("with a tight budget every partition has its turn", arguments: [1, 2])
    func fairness(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:4"])
        let client = try node.connect()
        for partition in Int32(0)..<4 { _ = try client.ask(produce(batch(["x"]), to: "orders", partition), version: 7) }
        let wanted = (Int32(0)..<4).map { ("orders", $0, Int64(0)) }
        var served: Set<Int32> = []
        for _ in 0..<8 {
            let answer = try #require(try client.ask(fetch(wanted, bytesMax: 1), version: 12))
            for part in answer.parts where part.records?.readableBytes ?? 0 > 0 { served.insert(part.partitionIndex) }
        }
        #expect(served == [0, 1, 2, 3])
    }

    @Test("with a budget for two of five partitions, five fetches read each twice")
    func turns() throws {
        let node = try SimulatedBroker(topics: ["orders:5"])
        let client = try node.connect()
        let one = try batch([String(repeating: "x", count: 1000)])
        for partition in Int32(0)..<5 { _ = try client.ask(produce(one, to: "orders", partition), version: 7) }
        let wanted = (Int32(0)..<5).map { ("orders", $0, Int64(0)) }
        var turns: [Int32: Int] = [:]
        for _ in 0..<5 {
            let budget = Int32(one.readableBytes + 1)
            let answer = try #require(try client.ask(fetch(wanted, bytesMax: budget), version: 12))
            for part in answer.parts where part.records?.readableBytes ?? 0 > 0 {
                turns[part.partitionIndex, default: 0] += 1
            }
            // Other requests of the connection do not count as turns.
            _ = try client.ask(MetadataRequest(), version: 4)
        }
        #expect(turns == [0: 2, 1: 2, 2: 2, 3: 2, 4: 2])
    }

    @Test("a reader of what is committed is woken by the end of a transaction")
    func wakesOnStableOffset() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let producer = try node.connect()
        let consumer = try node.connect()
        try node.withLog("orders") { $0.openTransactionOffset = 0 }
        try consumer.send(fetch([("orders", 0, 0)], waitMs: 10_000, isolation: 1), version: 12)
        _ = try producer.ask(produce(batch(["a"]), to: "orders"), version: 9)
        #expect(try consumer.nextFrame() == nil)
        try node.withLog("orders") {
            $0.openTransactionOffset = nil
            $0.onChange?(.lastStableOffset)
        }
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(try answer.parts[0].values() == ["0 a"])
    }

    @Test("waits until enough bytes are there, over partitions and loops", arguments: [1, 2])
    func minBytes(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:2"])
        let producer = try node.connect()
        let consumer = try node.connect()
        let one = try batch([String(repeating: "x", count: 500)])
        try consumer.send(
            fetch([("orders", 0, 0), ("orders", 1, 0)], waitMs: 10_000, bytesMin: Int32(one.readableBytes * 2)),
            version: 12)
        _ = try producer.ask(produce(one, to: "orders", 0), version: 7)
        #expect(try consumer.nextFrame() == nil)
        _ = try producer.ask(produce(one, to: "orders", 1), version: 7)
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(try answer.parts.map { try $0.values().count } == [1, 1])
        #expect(node.work("kafka/orders-0").sessions == 0 && node.work("kafka/orders-1").sessions == 0)
    }

    @Test("answers with nothing when its time is over; a parked fetch is a session and no operation")
    func maxWait() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let consumer = try node.connect()
        try consumer.send(fetch([("orders", 0, 0)], waitMs: 500), version: 12)
        node.pass(.milliseconds(499))
        #expect(try consumer.nextFrame() == nil)
        #expect(node.work("kafka/orders-0").sessions == 1)
        #expect(node.work("kafka/orders-0").inFlight == 0)
        node.pass(.milliseconds(2))
        let answer = try #require(try consumer.receive(FetchResponse.self, version: 12)).response
        #expect(answer.parts[0].errorCode == .none && answer.parts[0].records == ByteBuffer())
        #expect(node.work("kafka/orders-0").sessions == 0)
    }

    @Test("a client that goes away takes its parked fetch with it", arguments: [1, 2])
    func goneWhileParked(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:2"])
        let consumer = try node.connect()
        try consumer.send(fetch([("orders", 0, 0), ("orders", 1, 0)], waitMs: 1_000_000), version: 12)
        node.settle()
        #expect(node.work("kafka/orders-0").sessions == 1)
        node.loops[0].perform { consumer.channel.close(promise: nil) }
        node.settle()
        #expect(node.work("kafka/orders-0").sessions == 0 && node.work("kafka/orders-1").sessions == 0)
        #expect(node.work("kafka").sessions == 0)
    }

    @Test("read_committed stops at the last stable offset and names what was aborted")
    func isolation() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        for value in ["a", "b", "c"] { _ = try client.ask(produce(batch([value]), to: "orders"), version: 7) }
        try node.withLog("orders") {
            $0.openTransactionOffset = 2
            $0.aborted = [AbortedTransaction(producerID: 7, firstOffset: 1)]
        }
        let committed = try #require(try client.ask(fetch([("orders", 0, 0)], isolation: 1), version: 11))
        #expect(try committed.parts[0].values() == ["0 a", "1 b"])
        #expect(committed.parts[0].lastStableOffset == 2 && committed.parts[0].highWatermark == 3)
        #expect(committed.parts[0].abortedTransactions?.map(\.producerId) == [7])
        let uncommitted = try #require(try client.ask(fetch([("orders", 0, 0)]), version: 11))
        #expect(try uncommitted.parts[0].values() == ["0 a", "1 b", "2 c"])
        #expect(uncommitted.parts[0].abortedTransactions == nil)
    }

    @Test(
        "zstd is kept from clients that cannot read it",
        arguments: [(Int16(9), ErrorCode.unsupportedCompressionType), (10, .none)])
    func zstd(version: Int16, expected: ErrorCode) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        _ = try client.ask(produce(batch(["a"], codec: .zstd), to: "orders"), version: 9)
        #expect(try client.ask(fetch([("orders", 0, 0)]), version: version)?.parts[0].errorCode == expected)
    }

    @Test("a client that believes in an older epoch is told who leads, where its version has a place for it")
    func leaderHint() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        try node.withLog("orders") { $0.leadership.epoch = 3 }
        var request = fetch([("orders", 0, 0)])
        request.topics[0].topicId = node.topicID("orders")
        request.topics[0].partitions[0].currentLeaderEpoch = 2
        let hinted = try #require(try client.ask(request, version: 16))
        #expect(hinted.parts[0].errorCode == .fencedLeaderEpoch)
        #expect(hinted.parts[0].currentLeader.leaderId == 1 && hinted.parts[0].currentLeader.leaderEpoch == 3)
        #expect(hinted.nodeEndpoints.map(\.nodeId) == [1] && hinted.nodeEndpoints.map(\.host) == ["node"])
        let unhinted = try #require(try client.ask(request, version: 15))
        #expect(unhinted.parts[0].currentLeader.leaderId == -1 && unhinted.nodeEndpoints.isEmpty)
        request.topics[0].partitions[0].currentLeaderEpoch = 3
        #expect(try client.ask(request, version: 16)?.nodeEndpoints.isEmpty == true)
    }

    @Test("an id that no topic has, and a partition that the topic does not have, have their errors")
    func unknownIDs() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        var request = fetch([("", 0, 0), ("", 4, 0), ("", 0, 0)])
        request.topics[0].topicId = node.topicID("orders")
        request.topics[1].topicId = node.topicID("orders")
        request.topics[2].topicId = WireUUID(high: 1, low: 2)
        let answer = try #require(try client.ask(request, version: 13))
        #expect(answer.parts.map(\.errorCode) == [.none, .unknownTopicOrPartition, .unknownTopicId])
        #expect(answer.responses.last?.topicId == WireUUID(high: 1, low: 2))
    }

    @Test("a read that waits for the device holds up its own connection's answers only")
    func slowRead() throws {
        let node = try SimulatedBroker(topics: ["orders", "other"])
        let client = try node.connect()
        let neighbour = try node.connect()
        for topic in ["orders", "other"] { _ = try client.ask(produce(batch(["a"]), to: topic), version: 7) }
        try node.withLog("orders") { $0.holdsReads = true }
        try client.send(fetch([("orders", 0, 0)]), version: 12)
        let metadata = try client.send(MetadataRequest(), version: 4)
        #expect(try client.nextFrame() == nil)
        #expect(try neighbour.ask(fetch([("other", 0, 0)]), version: 12)?.parts[0].values() == ["0 a"])
        #expect(node.work("kafka/orders-0").inFlight == 1)
        try node.withLog("orders") { $0.answerReads() }
        #expect(try client.receive(FetchResponse.self, version: 12)?.response.parts[0].values() == ["0 a"])
        #expect(try client.receive(MetadataResponse.self, version: 4)?.correlation == metadata)
    }
}
