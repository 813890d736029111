import KafkaWire
import NIOCore
import RecordBatch
import Testing
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("what no client should send") struct RobustnessTests {
    @Test("random bytes close the connection or are answered; the broker goes on serving", arguments: UInt64(1)...60)
    func randomBytes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let node = try SimulatedBroker(topics: ["orders"])
        for _ in 0..<20 {
            let client = try node.connect()
            let count = Int.random(in: 1...400, using: &random)
            var bytes = ByteBuffer()
            if Bool.random(using: &random) {
                // A frame of the right length with a known key, so that the request itself is read.
                bytes.writeInteger(Int32(count + 8))
                bytes.writeInteger(Int16.random(in: 0...75, using: &random))
                bytes.writeInteger(Int16.random(in: 0...13, using: &random))
                bytes.writeInteger(Int32.random(in: .min ... .max, using: &random))
            }
            for _ in 0..<count { bytes.writeInteger(UInt8.random(in: 0...255, using: &random)) }
            try client.send(bytes: bytes)
            node.settle()
        }
        try stillServes(node, seed)
    }

    @Test("a request changed in one byte, or cut off, is refused or answered", arguments: UInt64(1)...40)
    func mutated(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let node = try SimulatedBroker(topics: ["orders"])
        let frames = [
            try SimulatedClient.frame(produce(batch(["a"]), to: "orders"), version: 9, correlation: 1),
            try SimulatedClient.frame(produce(batch(["a"]), to: "orders"), version: 3, correlation: 1),
            try SimulatedClient.frame(fetch([("orders", 0, 0)]), version: 12, correlation: 1),
            try SimulatedClient.frame(fetch([("orders", 0, 0)]), version: 4, correlation: 1),
            try SimulatedClient.frame(MetadataRequest(), version: 9, correlation: 1),
        ]
        for frame in frames {
            for _ in 0..<10 {
                var bytes = frame
                let index = Int.random(in: 0..<bytes.readableBytes, using: &random)
                bytes.setInteger(UInt8.random(in: 0...255, using: &random), at: bytes.readerIndex + index)
                if Bool.random(using: &random) {
                    bytes.moveWriterIndex(to: bytes.writerIndex - Int.random(in: 0..<10, using: &random))
                }
                let client = try node.connect()
                try client.send(bytes: bytes)
                node.settle()
                node.loops[0].perform { client.channel.close(promise: nil) }
            }
        }
        try stillServes(node, seed)
    }

    @Test("an array that says two billion elements allocates nothing", arguments: [Int32.max, -2, .min])
    func hugeArray(count: Int32) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        // Metadata 1 with a count of topics that the frame cannot hold.
        var bytes = ByteBuffer(bytes: [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xFF, 0xFF])
        bytes.writeInteger(count)
        try client.send(bytes: bytes)
        node.pass(.seconds(1))
        #expect(!client.isOpen)
        try stillServes(node, 0)
    }

    @Test("a compression bomb is refused where it would have to be unfolded, and unfolds nowhere else")
    func bomb() throws {
        let node = try SimulatedBroker(settings: ["log.cleanup.policy": "compact"], topics: ["orders"])
        let client = try node.connect()
        let zeros = ByteBuffer(repeating: 0, count: 120 << 20)
        let payload = try Codec.zstd.compress(zeros)
        let header = BatchHeader(
            attributes: BatchAttributes().with(.zstd), lastOffsetDelta: 0, baseTimestamp: 1_700_000_000_000,
            maxTimestamp: 1_700_000_000_000, recordCount: 1)
        let batch = RecordBatchBuilder.batch(header, payload: payload)
        #expect(batch.readableBytes < 1_000_000)
        let answer = try #require(try client.ask(produce(batch, to: "orders"), version: 9))
        #expect(answer.parts.map(\.errorCode) == [.messageTooLarge])
        try stillServes(node, 0, key: "k")
    }

    @Test("a thousand idle connections hold no bytes and are let go")
    func idleConnections() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let clients = try (0..<1000).map { _ in try node.connect() }
        #expect(node.work("kafka").sessions == 1000)
        try stillServes(node, 0)
        node.pass(.seconds(700))
        #expect(clients.allSatisfy { !$0.isOpen })
        #expect(node.work("kafka").sessions == 0)
    }

    @Test("connections above max.connections are closed, those below are served")
    func connectionLimit() throws {
        let node = try SimulatedBroker(settings: ["max.connections": "2"], topics: ["orders"])
        let clients = try (0..<3).map { _ in try node.connect() }
        #expect(clients.map(\.isOpen) == [true, true, false])
        node.loops[0].perform { clients[0].channel.close(promise: nil) }
        node.settle()
        #expect(try node.connect().isOpen)
    }

    @Test("an address has as many connections as it may; one that it closes makes room, and the bound can be changed")
    func addressLimit() throws {
        let node = try SimulatedBroker(settings: ["max.connections.per.ip": "2"])
        let clients = try (0..<3).map { _ in try node.connect() }
        #expect(clients.map(\.isOpen) == [true, true, false])
        node.loops[0].perform { clients[0].channel.close(promise: nil) }
        node.settle()
        let next = try node.connect()
        #expect(next.isOpen)
        #expect(try alter(next, 4, "1", ["max.connections.per.ip": "3"]) == ErrorCode.none)
        #expect(try node.connect().isOpen)
        #expect(try !node.connect().isOpen)
    }

    private func stillServes(_ node: SimulatedBroker, _ seed: UInt64, key: String? = nil) throws {
        let client = try node.connect()
        let answer = try client.ask(produce(batch(["ok"], key: key), to: "orders"), version: 7)
        #expect(answer?.parts[0].errorCode == ErrorCode.none, "seed \(seed)")
    }
}
