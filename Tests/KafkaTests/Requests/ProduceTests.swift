import KafkaWire
import NIOCore
import RecordBatch
import SegmentLog
import Testing
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("produce") struct ProduceTests {
    /// A batch with a byte changed in place, its checksum made right again or not.
    private static func patched(_ values: [String] = ["a"], checksum: Bool = true, _ change: (inout ByteBuffer) -> Void)
        throws -> ByteBuffer
    {
        var bytes = try batch(values)
        change(&bytes)
        guard checksum else { return bytes }
        let crc = Checksum.crc32c(bytes, at: bytes.readerIndex + 21, count: bytes.readableBytes - 21)
        bytes.setInteger(crc, at: bytes.readerIndex + 17)
        return bytes
    }

    static let refused: [(String, Int16, @Sendable () throws -> ByteBuffer?, ErrorCode)] = [
        ("no records", 9, { nil }, .invalidRecord),
        ("empty records", 9, { ByteBuffer() }, .invalidRecord),
        ("a header cut off", 9, { try batch(["abc"]).getSlice(at: 0, length: 40) }, .corruptMessage),
        (
            "a batch cut off", 9,
            {
                let whole = try batch(["abc"]); return whole.getSlice(at: 0, length: whole.readableBytes - 1)
            }, .corruptMessage
        ),
        ("a length below the header", 9, { try patched { $0.setInteger(Int32(-5), at: 8) } }, .corruptMessage),
        ("a huge length", 9, { try patched { $0.setInteger(Int32.max, at: 8) } }, .corruptMessage),
        ("a wrong checksum", 9, { try patched(checksum: false) { $0.setInteger(UInt32(1), at: 17) } }, .corruptMessage),
        (
            "a flipped bit in a value", 9,
            { try patched(checksum: false) { $0.setInteger(UInt8(9), at: $0.writerIndex - 2) } }, .corruptMessage
        ),
        (
            "two batches", 9,
            {
                var two = try batch(["a"]); two.writeImmutableBuffer(try batch(["b"])); return two
            }, .invalidRecord
        ),
        ("magic 1", 9, { try patched { $0.setInteger(Int8(1), at: 16) } }, .invalidRecord),
        ("no record", 9, { try patched { $0.setInteger(Int32(0), at: 57) } }, .invalidRecord),
        ("a negative record count", 9, { try patched { $0.setInteger(Int32(-1), at: 57) } }, .invalidRecord),
        ("a last offset that does not fit", 9, { try patched { $0.setInteger(Int32(7), at: 23) } }, .invalidRecord),
        ("a control batch", 9, { try batch(["a"], attributes: .control) }, .invalidRecord),
        ("a producer without sequence", 9, { try batch(["a"], producer: 5, epoch: 0, sequence: -1) }, .invalidRecord),
        ("zstd before version 7", 6, { try batch(["a"], codec: .zstd) }, .unsupportedCompressionType),
        ("an unknown codec", 9, { try patched { $0.setInteger(Int16(6), at: 21) } }, .unsupportedCompressionType),
        ("more than max.message.bytes", 9, { try batch([String(repeating: "x", count: 2_000_000)]) }, .messageTooLarge),
        ("a time two hours ahead", 9, { try batch(["a"], timestamp: 1_700_007_200_000) }, .invalidTimestamp),
        (
            "a transaction", 9, { try batch(["a"], producer: 5, epoch: 0, sequence: 0, attributes: .transactional) },
            .invalidProducerIdMapping
        ),
    ]

    @Test("a batch that breaks a rule gets its own error, and the log stays as it was", arguments: refused.indices)
    func refusals(index: Int) throws {
        let (what, version, records, expected) = Self.refused[index]
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        let answer = try #require(try client.ask(produce(try records(), to: "orders"), version: version))
        #expect(answer.parts.map(\.errorCode) == [expected], "\(what)")
        #expect(answer.parts.map(\.baseOffset) == [-1])
        #expect(try node.withLog("orders") { $0.logEndOffset } == 0)
        #expect(try client.ask(produce(batch(["b"]), to: "orders"), version: version)?.parts[0].baseOffset == 0)
    }

    @Test("one partition's error leaves the others alone; order is that of the request", arguments: [1, 2])
    func mixed(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:3"])
        var request = produce(nil, to: "orders")
        request.topicData = [
            topicData("orders", [(2, try batch(["c"])), (9, try batch(["x"])), (0, try batch(["a"]))]),
            topicData("nobody", [(0, try batch(["x"]))]), topicData("orders", [(1, nil)]),
        ]
        let answer = try #require(try node.connect().ask(request, version: 8))
        #expect(
            answer.parts.map(\.errorCode)
                == [.none, .unknownTopicOrPartition, .none, .unknownTopicOrPartition, .invalidRecord])
        #expect(answer.parts.map(\.index) == [2, 9, 0, 0, 1])
    }

    @Test("acks other than -1, 0 and 1 are refused", arguments: [Int16(-2), 2, 1000])
    func acks(acks: Int16) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let answer = try #require(try node.connect().ask(produce(batch(["a"]), to: "orders", acks: acks), version: 7))
        #expect(answer.parts.map(\.errorCode) == [.invalidRequiredAcks])
    }

    @Test("acks=1 is answered when written, acks=-1 when committed, in the order of the requests")
    func acksAndCommit() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        try node.withLog("orders") { $0.commits = .held }
        let leader = try #require(try client.ask(produce(batch(["a"]), to: "orders", acks: 1), version: 7))
        #expect(leader.parts[0].baseOffset == 0)
        let all = try client.send(produce(batch(["b"]), to: "orders"), version: 7)
        let next = try client.send(produce(batch(["c"]), to: "orders", acks: 1), version: 7)
        #expect(try client.nextFrame() == nil)
        try node.withLog("orders") { $0.commit() }
        #expect(try client.receive(ProduceResponse.self, version: 7)?.correlation == all)
        #expect(try client.receive(ProduceResponse.self, version: 7)?.correlation == next)
    }

    @Test("acks=0 gets no response and keeps the order; its failure closes the connection")
    func acksZero() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        try client.send(produce(batch(["a"]), to: "orders", acks: 0), version: 7)
        let second = try client.send(produce(batch(["b"]), to: "orders"), version: 7)
        let answer = try #require(try client.receive(ProduceResponse.self, version: 7))
        #expect(answer.correlation == second)
        #expect(answer.response.parts[0].baseOffset == 1)
        #expect(try client.nextFrame() == nil)
        try client.send(produce(batch(["c"]), to: "nobody", acks: 0), version: 7)
        node.pass(.milliseconds(100))
        #expect(!client.isOpen)
    }

    @Test("what is not committed in time is answered so, and the permit waits for the commit")
    func timeout() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        try node.withLog("orders") { $0.commits = .held }
        try client.send(produce(batch(["a"]), to: "orders", timeoutMs: 500), version: 7)
        node.pass(.milliseconds(499))
        #expect(try client.nextFrame() == nil)
        node.pass(.milliseconds(2))
        let answer = try #require(try client.receive(ProduceResponse.self, version: 7))
        #expect(answer.response.parts[0].errorCode == .requestTimedOut)
        #expect(node.work("kafka/orders-0").inFlight == 1)
        try node.withLog("orders") { $0.commit() }
        node.settle()
        #expect(node.work("kafka/orders-0").inFlight == 0)
        #expect(try client.nextFrame() == nil)
    }

    static let logErrors: [(LogError.Code, ErrorCode)] = [
        (.notLeader, .notLeaderOrFollower), (.outOfOrderSequence, .outOfOrderSequenceNumber),
        (.invalidProducerEpoch, .invalidProducerEpoch), (.duplicateSequence, .duplicateSequenceNumber),
        (.invalidBatch, .invalidRecord), (.tooLarge, .recordListTooLarge), (.storage, .kafkaStorageError),
        (.full, .kafkaStorageError), (.closed, .notLeaderOrFollower),
    ]

    @Test("a log's refusal becomes Kafka's error", arguments: logErrors)
    func logRefusals(code: LogError.Code, expected: ErrorCode) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        try node.withLog("orders") { $0.appendError = LogError(code, "because") }
        let answer = try #require(try node.connect().ask(produce(batch(["a"]), to: "orders"), version: 8))
        #expect(answer.parts.map(\.errorCode) == [expected])
        #expect(answer.parts.map(\.errorMessage) == ["because"])
        #expect(node.work("kafka/orders-0").failed == 1)
    }

    @Test("too few replicas refuse acks=-1 only; clamping lets it through")
    func minInSync() throws {
        let strict = try SimulatedBroker(settings: ["min.insync.replicas": "2"], topics: ["orders"])
        let client = try strict.connect()
        #expect(
            try client.ask(produce(batch(["a"]), to: "orders"), version: 7)?.parts[0].errorCode == .notEnoughReplicas)
        #expect(
            try client.ask(produce(batch(["a"]), to: "orders", acks: 1), version: 7)?.parts[0].errorCode
                == ErrorCode.none)
        let clamped = try SimulatedBroker(
            settings: ["min.insync.replicas": "2", "clamp.replication.factor": "true"], topics: ["orders"])
        #expect(
            try clamped.connect().ask(produce(batch(["a"]), to: "orders"), version: 7)?.parts[0].errorCode
                == ErrorCode.none)
    }

    @Test("a compacted topic names the records without a key")
    func compacted() throws {
        let node = try SimulatedBroker(settings: ["log.cleanup.policy": "compact"], topics: ["orders"])
        let client = try node.connect()
        let answer = try #require(try client.ask(produce(batch(["a", "b"]), to: "orders"), version: 8))
        #expect(answer.parts[0].errorCode == .invalidRecord)
        #expect(answer.parts[0].recordErrors.map(\.batchIndex) == [0, 1])
        #expect(answer.parts[0].errorMessage != nil)
        let keyed = try client.ask(produce(batch(["a"], key: "k"), to: "orders"), version: 8)
        #expect(keyed?.parts[0].errorCode == ErrorCode.none)
    }

    @Test("with LogAppendTime the broker's time goes into the batch, checksum included, and into the answer")
    func logAppendTime() throws {
        let node = try SimulatedBroker(settings: ["log.message.timestamp.type": "LogAppendTime"], topics: ["orders"])
        let answer = try #require(
            try node.connect().ask(produce(batch(["a"], timestamp: 5), to: "orders"), version: 8))
        let now = node.simulator.clock.wallMilliseconds
        #expect(answer.parts[0].logAppendTimeMs == now)
        let stored = try node.withLog("orders") { $0.batches[0] }
        #expect(stored.header.maxTimestamp == now && stored.header.attributes.contains(.logAppendTime))
        #expect(throws: Never.self) { try BatchHeader.validated(stored.bytes, BatchRules(sizeBytesMax: 1 << 20)) }
    }

    @Test("compression.type makes one codec of all", arguments: ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
    func recompression(name: String) throws {
        let node = try SimulatedBroker(settings: ["compression.type": name], topics: ["orders"])
        let client = try node.connect()
        for codec in Codec.allCases {
            let answer = try client.ask(produce(batch(["a", "b"], codec: codec), to: "orders"), version: 9)
            #expect(answer?.parts[0].errorCode == ErrorCode.none)
        }
        let codecs = try node.withLog("orders") { $0.batches.map { $0.header.attributes.codec } }
        let expected = name == "uncompressed" ? Codec.none : Codec(name: name)
        #expect(codecs == Array(repeating: expected, count: 5))
        let read = try #require(try client.ask(fetch([("orders", 0, 0)]), version: 12))
        #expect(try read.parts[0].values().count == 10)
    }

    @Test("from version 13 on topics are named by id", arguments: [(Int16(12), false), (13, true)])
    func topicIDs(version: Int16, isByID: Bool) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        var request = try produce(batch(["a"]), to: isByID ? "" : "orders")
        if isByID { request.topicData[0].topicId = node.topicID("orders") }
        let answer = try #require(try client.ask(request, version: version))
        #expect(answer.parts.map(\.errorCode) == [.none])
        #expect(answer.responses[0].topicId == (isByID ? node.topicID("orders") : .zero))
        request.topicData[0].topicId = WireUUID(high: 1, low: 2)
        request.topicData[0].name = "nobody"
        let unknown = try client.ask(request, version: version)?.parts[0].errorCode
        #expect(unknown == (isByID ? .unknownTopicId : .unknownTopicOrPartition))
    }

    @Test(
        "the level of the topic's codec is the one that is set", arguments: [("gzip", "1", "9"), ("zstd", "1", "22")])
    func compressionLevel(codec: String, low: String, high: String) throws {
        let node = try SimulatedBroker(settings: ["compression.type": codec], topics: ["low", "high"])
        let client = try node.connect()
        #expect(try alter(client, 2, "low", ["compression.\(codec).level": low]) == ErrorCode.none)
        #expect(try alter(client, 2, "high", ["compression.\(codec).level": high]) == ErrorCode.none)
        var random = SeededRandom(seed: 7)
        // Words: something that more effort makes smaller.
        let words = (0..<64).map { _ in String(random.next() % 4096, radix: 36) }
        let text = (0..<20_000).map { _ in words[Int(random.next() % 64)] }.joined(separator: " ")
        for topic in ["low", "high"] { _ = try client.ask(produce(batch([text]), to: topic), version: 9) }
        let sizes = try ["low", "high"].map { topic in try node.withLog(topic) { $0.sizeBytes } }
        #expect(sizes[1] < sizes[0])
    }
}
