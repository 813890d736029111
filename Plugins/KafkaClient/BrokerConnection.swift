public import KafkaWire
import NIOCore
import NIOPosix

/// A connection to one broker. Requests may be sent while others wait: answers come in their order.
///
/// Thread-safe. A request whose answer does not come in time closes the connection, because every later
/// answer would have to wait behind it.
public final class BrokerConnection: Sendable {
    /// Where it leads.
    public let address: BrokerAddress
    private let channel: any Channel
    private let versions: [ApiKey: ClosedRange<Int16>]
    private let timeout: TimeAmount

    private init(
        _ address: BrokerAddress, _ channel: any Channel, versions: [ApiKey: ClosedRange<Int16>], timeout: TimeAmount
    ) {
        self.address = address
        self.channel = channel
        self.versions = versions
        self.timeout = timeout
    }

    /// Connects and asks which versions the broker speaks.
    ///
    /// - Parameter timeout: For the connection, and for each answer.
    public static func connect(
        _ address: BrokerAddress, timeout: Duration = .seconds(30)
    ) async throws -> BrokerConnection {
        let timeout = TimeAmount(timeout)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .connectTimeout(min(timeout, .seconds(10)))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            ByteToMessageHandler(FrameDecoder()), RequestHandler())
                    }
                }
                .connect(host: address.host, port: address.port).get()
        } catch {
            throw ClientError(
                .unreachable, "cannot reach \(address) (\(reason(error))); is `weir serve` running there?")
        }
        let first = BrokerConnection(address, channel, versions: [.apiVersions: 0...0], timeout: timeout)
        let answer: ApiVersionsResponse
        do {
            answer = try await first.send(ApiVersionsRequest())
        } catch {
            await first.close()
            throw error
        }
        var versions: [ApiKey: ClosedRange<Int16>] = [:]
        for api in answer.apiKeys where api.minVersion <= api.maxVersion {
            versions[api.apiKey] = api.minVersion...api.maxVersion
        }
        return BrokerConnection(address, channel, versions: versions, timeout: timeout)
    }

    /// Whether requests can still be sent.
    public var isOpen: Bool { channel.isActive }

    /// Sends in the newest version that both sides know, and waits for the answer.
    public func send<Request: KafkaRequest>(_ request: Request) async throws -> Request.Response {
        try await send { _ in request }
    }

    /// Sends what `makeRequest` gives for the newest version that both sides know, and waits for the answer.
    ///
    /// For requests whose fields moved between versions: one with a field that its version has not is an error.
    public func send<Request: KafkaRequest>(
        _ makeRequest: @Sendable (_ version: Int16) throws -> Request
    ) async throws -> Request.Response {
        let version = try version(of: Request.self)
        let request = try makeRequest(version)
        let bytes = try await exchange(request, version)
        do {
            return try Request.Response.decode(bytes, version: version)
        } catch {
            throw ClientError(.unsupported, "\(address) answered \(Request.apiKey) with bytes that are none: \(error)")
        }
    }

    /// Sends a request that gets no answer: a produce request with acks=0. Returns when it was written.
    public func sendWithoutAnswer<Request: KafkaRequest>(_ request: Request) async throws {
        let version = try version(of: Request.self)
        let outgoing = OutgoingRequest(
            header: header(Request.apiKey, version), body: try encode(request, version), answer: nil)
        do {
            try await channel.writeAndFlush(outgoing)
        } catch {
            throw closed(error)
        }
    }

    /// Closes the connection; requests that wait fail.
    public func close() async {
        try? await channel.close()
    }

    /// The newest versions that call topics by name; later ones know ids only (KIP-516).
    private static let newestByName: [ApiKey: Int16] = [.produce: 12, .fetch: 12, .offsetCommit: 9, .offsetFetch: 9]

    /// Whether the broker knows an API at all.
    public func knows(_ api: ApiKey) -> Bool { versions[api] != nil }

    private func version<Request: KafkaRequest>(of request: Request.Type) throws(ClientError) -> Int16 {
        guard let offered = versions[Request.apiKey] else {
            throw ClientError(.unsupported, "\(address) does not know \(Request.apiKey)")
        }
        let ours = Request.validVersions
        let newest = min(ours.upperBound, offered.upperBound, Self.newestByName[Request.apiKey] ?? .max)
        guard newest >= max(ours.lowerBound, offered.lowerBound) else {
            throw ClientError(.unsupported, "\(address) speaks \(Request.apiKey) only in versions \(offered)")
        }
        return newest
    }

    private func header(_ api: ApiKey, _ version: Int16) -> RequestHeader {
        RequestHeader(api: api, version: version, correlationId: 0, clientId: "weir")
    }

    private func encode(_ request: some KafkaRequest, _ version: Int16) throws -> ByteBuffer {
        var body = ByteBuffer()
        try request.write(to: &body, version: version)
        return body
    }

    private func exchange<Request: KafkaRequest>(_ request: Request, _ version: Int16) async throws -> ByteBuffer {
        let answer = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let outgoing = OutgoingRequest(
            header: header(Request.apiKey, version), body: try encode(request, version), answer: answer)
        channel.writeAndFlush(outgoing).cascadeFailure(to: answer)
        let silence = ClientError(.disconnected, "\(address) did not answer \(Request.apiKey) in time")
        let late = channel.eventLoop.scheduleTask(in: timeout) { [channel] in
            answer.fail(silence)
            channel.close(promise: nil)
        }
        defer { late.cancel() }
        do {
            return try await answer.futureResult.get()
        } catch let error as ClientError {
            throw error
        } catch let error as WireError {
            throw ClientError(.unsupported, "\(address) answered \(Request.apiKey) with bytes that are none: \(error)")
        } catch {
            throw closed(error)
        }
    }

    private func closed(_ error: any Error) -> ClientError {
        ClientError(.disconnected, "\(address) closed the connection (\(Self.reason(error)))")
    }

    private static func reason(_ error: any Error) -> String {
        if let failure = error as? NIOConnectionError {
            return failure.connectionErrors.first.map { reason($0.error) } ?? "unknown host"
        }
        if let failure = error as? IOError { return SystemErrorText.of(failure.errnoCode) }
        if case .connectTimeout = error as? ChannelError { return "no answer in time" }
        if case .ioOnClosedChannel = error as? ChannelError { return "it was closed before" }
        return "\(error)"
    }
}

/// A request on its way into the channel; `answer` is nil where none comes.
struct OutgoingRequest: Sendable {
    var header: RequestHeader
    var body: ByteBuffer
    var answer: EventLoopPromise<ByteBuffer>?
}

/// Cuts length-prefixed frames.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer
    /// No answer that we ask for is larger.
    static let frameSizeBytesMax: Int32 = 256 << 20

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let size = buffer.getInteger(at: buffer.readerIndex, as: Int32.self) else { return .needMoreData }
        guard size >= 4, size <= Self.frameSizeBytesMax else {
            throw ClientError(.unsupported, "the other side announced a frame of \(size) bytes; is it a Kafka broker?")
        }
        guard buffer.readableBytes >= 4 + Int(size) else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let frame = buffer.readSlice(length: Int(size)) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }
}

/// Numbers requests, and gives each answer to who waits for it. Confined to its channel's loop.
final class RequestHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = OutgoingRequest
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        var header: RequestHeader
        var answer: EventLoopPromise<ByteBuffer>
    }

    private var waiting = CircularBuffer<Waiting>()
    private var lastCorrelationID: Int32 = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var request = unwrapOutboundIn(data)
        lastCorrelationID &+= 1
        request.header.correlationId = lastCorrelationID
        var frame = context.channel.allocator.buffer(capacity: 64 + request.body.readableBytes)
        frame.writeInteger(Int32(0))
        do {
            try request.header.write(to: &frame)
        } catch {
            promise?.fail(error)
            return
        }
        frame.writeImmutableBuffer(request.body)
        frame.setInteger(Int32(frame.readableBytes - 4), at: 0)
        if let answer = request.answer { waiting.append(Waiting(header: request.header, answer: answer)) }
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        guard let request = waiting.popFirst() else {
            return fail(context, ClientError(.unsupported, "an answer came that nobody asked for"))
        }
        do {
            let header = try ResponseHeader.read(
                from: &frame, api: request.header.requestApiKey, version: request.header.requestApiVersion)
            guard header.correlationId == request.header.correlationId else {
                throw ClientError(.unsupported, "answers came out of order")
            }
            request.answer.succeed(frame)
        } catch {
            request.answer.fail(error)
            fail(context, error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        failAll(ClientError(.disconnected, "the broker closed the connection"))
        context.fireChannelInactive()
    }

    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        failAll(error)
        context.close(promise: nil)
    }

    private func failAll(_ error: any Error) {
        while let request = waiting.popFirst() { request.answer.fail(error) }
    }
}
