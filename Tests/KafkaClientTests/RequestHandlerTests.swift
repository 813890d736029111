import KafkaWire
import NIOCore
import NIOEmbedded
import Testing

@testable import KafkaClient

@Suite("requests and answers on a connection")
struct RequestHandlerTests {
    private func connection() throws -> (EmbeddedChannel, BrokerConnection) {
        let address = BrokerAddress(host: "h", port: 1)
        let channel = EmbeddedChannel(
            handlers: [ByteToMessageHandler(FrameDecoder()), RequestHandler(address)], loop: EmbeddedEventLoop())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let connection = BrokerConnection(
            address, channel, versions: [.metadata: 0...9, .initProducerId: 0...4], timeout: .seconds(10))
        return (channel, connection)
    }

    /// The correlation ids of the requests that were sent.
    private func sent(_ channel: EmbeddedChannel) throws -> [Int32] {
        var all = ByteBuffer()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(part) }
        var ids: [Int32] = []
        while let size = all.readInteger(as: Int32.self), var frame = all.readSlice(length: Int(size)) {
            ids.append(try RequestHeader.read(from: &frame).correlationId)
        }
        #expect(all.readableBytes == 0)
        return ids
    }

    private func answer(_ id: Int32, clusterID: String) throws -> ByteBuffer {
        var body = ByteBuffer()
        try ResponseHeader(correlationId: id).write(to: &body, api: .metadata, version: 9)
        var message = MetadataResponse()
        message.clusterId = clusterID
        try message.write(to: &body, version: 9)
        var frame = ByteBuffer()
        frame.writeInteger(Int32(body.readableBytes))
        frame.writeImmutableBuffer(body)
        return frame
    }

    @Test("answers reach who asked, in order, however the bytes are cut")
    func pipelined() throws {
        let (channel, connection) = try connection()
        let answers = (0..<3).map { _ in connection.future(MetadataRequest()) }
        let ids = try sent(channel)
        #expect(ids == [1, 2, 3])
        var bytes = ByteBuffer()
        for id in ids { bytes.writeImmutableBuffer(try answer(id, clusterID: "c\(id)")) }
        while let byte = bytes.readSlice(length: 1) { try channel.writeInbound(byte) }
        #expect(try answers.map { try $0.wait().clusterId } == ["c1", "c2", "c3"])
        _ = try channel.finish()
    }

    @Test("an answer with another number closes the connection, and fails all who wait")
    func wrongNumber() throws {
        let (channel, connection) = try connection()
        let answers = (0..<2).map { _ in connection.future(MetadataRequest()) }
        try channel.writeInbound(try answer(2, clusterID: "c"))
        for answer in answers { #expect(throws: ClientError.self) { try answer.wait() } }
        #expect(!channel.isActive)
    }

    @Test("bytes that are no frame close the connection", arguments: [Int32(-1), 0, 3, .max])
    func noFrame(size: Int32) throws {
        let (channel, connection) = try connection()
        let answer = connection.future(MetadataRequest())
        _ = try? channel.writeInbound(ByteBuffer(integer: size))
        let error = #expect(throws: ClientError.self) { try answer.wait() }
        #expect(error?.message.contains("is it a Kafka broker?") == true)
        #expect(!channel.isActive)
    }

    @Test("a body that is none is an error of that request alone")
    func damagedBody() throws {
        let (channel, connection) = try connection()
        let answers = (0..<2).map { _ in connection.future(MetadataRequest()) }
        var damaged = ByteBuffer()
        damaged.writeMultipleIntegers(Int32(6), Int32(1), UInt8(0), UInt8(9))
        try channel.writeInbound(damaged)
        try channel.writeInbound(try answer(2, clusterID: "c"))
        let error = #expect(throws: ClientError.self) { try answers[0].wait() }
        #expect(error?.code == .unsupported)
        #expect(try answers[1].wait().clusterId == "c")
        _ = try channel.finish()
    }

    @Test("a late answer closes the connection; one that is next gets its whole time")
    func late() throws {
        let (channel, connection) = try connection()
        let first = connection.future(MetadataRequest())
        let second = connection.future(MetadataRequest())
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        try channel.writeInbound(try answer(1, clusterID: "c"))
        _ = try first.wait()
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        let error = #expect(throws: ClientError.self) { try second.wait() }
        #expect(error?.message == "h:1 did not answer Metadata within 10.0 s")
    }

    @Test("a request that the broker may keep has that time too")
    func longPoll() throws {
        let (channel, connection) = try connection()
        let answer = connection.future(MetadataRequest(), wait: .seconds(60))
        channel.embeddedEventLoop.advanceTime(by: .seconds(69))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(throws: ClientError.self) { try answer.wait() }
    }

    @Test("a connection that closes fails all who wait, and refuses later requests")
    func closed() throws {
        let (channel, connection) = try connection()
        let answer = connection.future(MetadataRequest())
        _ = try channel.finish()
        let error = #expect(throws: ClientError.self) { try answer.wait() }
        #expect(error?.code == .disconnected)
        #expect(throws: ClientError.self) { try connection.future(MetadataRequest()).wait() }
    }

    @Test("a request that the broker does not know, or only in other versions, is not sent")
    func versions() throws {
        let (channel, connection) = try connection()
        #expect(throws: ClientError.self) { try connection.future(FetchRequest()).wait() }
        #expect(try connection.version(of: MetadataRequest.self) == 9)
        #expect(try connection.version(of: MetadataRequest.self, versionMax: 4) == 4)
        #expect(try sent(channel) == [])
        _ = try channel.finish()
    }
}
