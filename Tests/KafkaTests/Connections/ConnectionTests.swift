import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import Kafka

/// Answers requests when the test says so; a request's number is its correlation id.
private final class ScriptedServer: RequestServing, @unchecked Sendable {  // used on one thread, the test's
    var waiting: [Int32: Reply] = [:]
    var begun: [Int32] = []
    /// The flow of requests by API key; pipelined where not said.
    var flows: [Int16: RequestFlow] = [:]
    var closedCount = 0
    let gate = Gate(name: "test")

    func serve(_ frame: ByteBuffer, _ reply: Reply) throws -> RequestFlow {
        let key = frame.getInteger(at: frame.readerIndex, as: Int16.self) ?? 0
        let number = frame.getInteger(at: frame.readerIndex + 4, as: Int32.self) ?? 0
        if key == 99 { throw FrameError.tooShort(0) }
        begun.append(number)
        waiting[number] = reply
        return flows[key] ?? .pipelined
    }

    func connectionOpened(_ connection: ConnectionHandler) -> Session? { try? gate.openSession() }
    func connectionClosed(_ connection: ConnectionHandler) { closedCount += 1 }

    func answer(_ number: Int32, bytes: Int = 4) {
        var frame = ByteBuffer(integer: number)
        frame.writeRepeatingByte(0, count: bytes - 4)
        waiting.removeValue(forKey: number)?.send(frame)
    }
}

/// A connection of a scripted server in virtual time.
private final class Line {
    let simulator = Simulator(seed: 1)
    let loop: SimulatedLoop
    let server = ScriptedServer()
    let processBytes: HeldBytes
    let handler: ConnectionHandler
    let channel = EmbeddedChannel()

    init(_ limits: ConnectionLimits = ConnectionLimits()) throws {
        loop = simulator.makeLoop()
        processBytes = HeldBytes(limit: limits.processBytesMax)
        let table = PartitionTable(provider: ScriptedLogs(), loops: [loop], host: GateHost(clock: simulator.clock))
        handler = ConnectionHandler(
            server: server, loop: loop, limits: limits, processBytes: processBytes,
            endpoint: BrokerEndpoint(host: "node", port: 9), probe: KafkaProbe(partitions: table),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try loop.perform {
            try channel.pipeline.syncOperations.addHandler(handler)
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 9), promise: nil)
        }
    }

    func send(_ numbers: Int32..., key: Int16 = 0, bytes: Int = 8) throws {
        var stream = ByteBuffer()
        for number in numbers {
            stream.writeInteger(Int32(bytes))
            stream.writeInteger(key)
            stream.writeInteger(Int16(0))
            stream.writeInteger(number)
            stream.writeRepeatingByte(0, count: bytes - 8)
        }
        try loop.perform { _ = try channel.writeInbound(stream) }
    }

    func answer(_ numbers: Int32..., bytes: Int = 4) {
        for number in numbers { loop.perform { server.answer(number, bytes: bytes) } }
    }

    /// The numbers answered since the last time.
    func answered() throws -> [Int32] {
        simulator.run(for: .zero)
        var numbers: [Int32] = []
        while var bytes = try loop.perform({ try channel.readOutbound(as: ByteBuffer.self) }) {
            if bytes.readableBytes > 64 {
                numbers.append(bytes.readInteger() ?? -1)
            } else {
                while let number = bytes.readInteger(as: Int32.self) { numbers.append(number) }
            }
        }
        return numbers
    }
}

@Suite("connections") struct ConnectionTests {
    @Test("requests begin in order and at once; responses leave in order")
    func pipelining() throws {
        let line = try Line()
        try line.send(1, 2, 3, 4)
        #expect(line.server.begun == [1, 2, 3, 4])
        line.answer(3, 2)
        #expect(try line.answered() == [])
        line.answer(1)
        #expect(try line.answered() == [1, 2, 3])
        line.loop.perform { line.server.waiting[4]?.sendNothing() }
        try line.send(5)
        line.answer(5)
        #expect(try line.answered() == [5])
        #expect(line.processBytes.bytes == 0)
    }

    @Test("nothing overtakes a request of the edge")
    func barrier() throws {
        let line = try Line()
        line.server.flows[19] = .barrier
        try line.send(1)
        try line.send(2, key: 19)
        try line.send(3, 4)
        #expect(line.server.begun == [1, 2])
        line.answer(1)
        #expect(try line.answered() == [1])
        #expect(line.server.begun == [1, 2])
        line.answer(2)
        #expect(try line.answered() == [2])
        #expect(line.server.begun == [1, 2, 3, 4])
    }

    @Test("a second fetch begins when the first has left, other requests at once")
    func oneFetch() throws {
        let line = try Line()
        line.server.flows[1] = .single
        try line.send(1, key: 1)
        try line.send(2)
        try line.send(3, key: 1)
        try line.send(4)
        #expect(line.server.begun == [1, 2])
        line.answer(1)
        #expect(try line.answered() == [1])
        #expect(line.server.begun == [1, 2, 3, 4])
    }

    @Test("over its bytes a connection begins nothing more, and goes on at half")
    func bytesLimit() throws {
        var limits = ConnectionLimits()
        limits.connectionBytesMax = 1000
        let line = try Line(limits)
        try line.send(1, 2, 3, 4, 5, bytes: 396)
        #expect(line.server.begun == [1, 2, 3])
        line.answer(1)
        #expect(try line.answered() == [1])
        #expect(line.server.begun == [1, 2, 3])
        line.answer(2)
        #expect(try line.answered() == [2])
        #expect(line.server.begun == [1, 2, 3, 4, 5])
        line.answer(3, 4, 5)
        #expect(try line.answered() == [3, 4, 5])
        #expect(line.processBytes.bytes == 0)
    }

    @Test("a connection is closed when it was idle for too long, and not while it waits for an answer")
    func idle() throws {
        var limits = ConnectionLimits()
        limits.idleMax = .seconds(10)
        let line = try Line(limits)
        line.simulator.run(for: .seconds(9))
        try line.send(1)
        line.simulator.run(for: .seconds(25))
        #expect(line.channel.isActive)
        line.answer(1)
        #expect(try line.answered() == [1])
        line.simulator.run(for: .seconds(21))
        #expect(!line.channel.isActive)
        #expect(line.server.closedCount == 1)
    }

    @Test("a frame that arrives a byte a second is cut off", arguments: [0, 1, 3, 4, 11])
    func slowFrame(bytesFirst: Int) throws {
        let line = try Line()
        let frame: [UInt8] = [0, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0, 1] + Array(repeating: 0, count: 200)
        var rest = ByteBuffer(bytes: frame)
        var seconds = 0
        while line.channel.isActive, seconds < 100, let byte = rest.readSlice(length: seconds == 0 ? bytesFirst + 1 : 1)
        {
            try line.loop.perform { _ = try line.channel.writeInbound(byte) }
            line.simulator.run(for: .seconds(1))
            seconds += 1
        }
        #expect(!line.channel.isActive)
        #expect((28...32).contains(seconds))
        #expect(line.processBytes.bytes == 0)
    }

    @Test("a malformed request closes the connection after the earlier answers")
    func malformed() throws {
        let line = try Line()
        try line.send(1)
        try line.send(2, key: 99)
        try line.send(3)
        #expect(line.server.begun == [1])
        #expect(line.channel.isActive)
        line.answer(1)
        #expect(try line.answered() == [1])
        line.simulator.run(for: .seconds(1))
        #expect(!line.channel.isActive)
        #expect(line.processBytes.bytes == 0)
    }

    @Test("told to end, an idle connection closes at once and a busy one after its last response")
    func drain() throws {
        let idle = try Line()
        idle.simulator.run(for: .seconds(2))
        idle.loop.perform { idle.handler.tellEnd() }
        #expect(!idle.channel.isActive)

        let busy = try Line()
        try busy.send(1)
        busy.loop.perform { busy.handler.tellEnd() }
        try busy.send(2)
        #expect(busy.server.begun == [1, 2])
        busy.answer(2)
        #expect(try busy.answered() == [])
        #expect(busy.channel.isActive)
        busy.answer(1)
        #expect(try busy.answered() == [1, 2])
        busy.simulator.run(for: .milliseconds(25))
        #expect(!busy.channel.isActive)
        #expect(busy.server.closedCount == 1)
    }

    @Test("a client that does not read is not read from, and the drain does not wait for it beyond its time")
    func notReading() throws {
        let line = try Line()
        try line.send(1)
        line.loop.perform { line.channel.isWritable = false }
        try line.send(2)
        #expect(line.server.begun == [1])
        line.loop.perform {
            line.channel.isWritable = true
            line.channel.pipeline.fireChannelWritabilityChanged()
        }
        #expect(line.server.begun == [1, 2])
    }

    @Test("what waits too long is answered so, once")
    func expiry() throws {
        let line = try Line()
        try line.send(1, 2)
        let expired = Mutex<[Int32]>([])
        line.loop.perform {
            for number in Int32(1)...2 {
                guard let reply = line.server.waiting[number] else { continue }
                line.handler.expire(reply.ticket, after: .seconds(number == 1 ? 5 : 8)) {
                    expired.withLock { $0.append(number) }
                    line.server.answer(number)
                }
            }
        }
        line.answer(2)
        line.simulator.run(for: .seconds(4))
        #expect(expired.withLock { $0 } == [])
        line.simulator.run(for: .seconds(20))
        #expect(expired.withLock { $0 } == [1])
        #expect(try line.answered() == [1, 2])
    }
}
