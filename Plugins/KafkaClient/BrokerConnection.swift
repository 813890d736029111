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

    init(
        _ address: BrokerAddress, _ channel: any Channel, versions: [ApiKey: ClosedRange<Int16>], timeout: TimeAmount
    ) {
        self.address = address
        self.channel = channel
        self.versions = versions
        self.timeout = timeout
    }

    /// Connects and asks which versions the broker speaks.
    ///
    /// - Parameter timeout: For the connection (ten seconds at most), and for each answer.
    public static func connect(
        _ address: BrokerAddress, timeout: Duration = .seconds(30)
    ) async throws -> BrokerConnection {
        try await connecting(to: address, timeout: timeout).get()
    }

    /// Connects, without a task; the future fails with a `ClientError`.
    static func connecting(to address: BrokerAddress, timeout: Duration) -> EventLoopFuture<BrokerConnection> {
        let timeout = TimeAmount(timeout)
        return ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connectTimeout(min(timeout, .seconds(10)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(FrameDecoder()), RequestHandler(address))
                }
            }
            .connect(host: address.host, port: address.port)
            .flatMapErrorThrowing { error in
                throw ClientError(
                    .unreachable, "cannot reach \(address): \(Self.reason(error)); is `weir serve` running there?")
            }
            .flatMap { channel in
                let unversed = BrokerConnection(address, channel, versions: [.apiVersions: 0...0], timeout: timeout)
                return unversed.future(ApiVersionsRequest()).map { answer in
                    BrokerConnection(address, channel, versions: Self.ranges(answer), timeout: timeout)
                }
            }
    }

    /// Whether requests can still be sent.
    public var isOpen: Bool { channel.isActive }

    /// Sends in the newest version that both sides know, and waits for the answer.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - versionMax: The newest version whose fields the caller fills in; nil: the message's newest.
    ///   - wait: How long the broker may keep the request before it answers, by its own fields.
    public func send<Request: KafkaRequest>(
        _ request: Request, versionMax: Int16? = nil, wait: Duration = .zero
    ) async throws -> Request.Response {
        try await future(request, versionMax: versionMax, wait: wait).get()
    }

    /// Sends a request that gets no answer: a produce request with acks=0.
    public func sendWithoutAnswer<Request: KafkaRequest>(_ request: Request, versionMax: Int16? = nil) async throws {
        try await futureWithoutAnswer(request, versionMax: versionMax).get()
    }

    /// The newest version of the request that both sides know, up to `versionMax`.
    public func version<Request: KafkaRequest>(
        of request: Request.Type, versionMax: Int16? = nil
    ) throws(ClientError) -> Int16 {
        guard let offered = versions[Request.apiKey] else {
            throw ClientError(.unsupported, "\(address) does not know \(Request.apiKey)")
        }
        let ours = Request.validVersions
        let newest = min(ours.upperBound, offered.upperBound, versionMax ?? .max)
        guard newest >= max(ours.lowerBound, offered.lowerBound) else {
            throw ClientError(
                .unsupported,
                "\(address) speaks \(Request.apiKey) in the versions \(offered.lowerBound) to \(offered.upperBound) only, "
                    + "which this client does not")
        }
        return newest
    }

    /// Closes the connection; requests that wait fail.
    public func close() async {
        try? await channel.close()
    }

    // MARK: Without tasks

    /// `send` as a future, which fails with a `ClientError`; completed on the connection's loop.
    func future<Request: KafkaRequest>(
        _ request: Request, versionMax: Int16? = nil, wait: Duration = .zero
    ) -> EventLoopFuture<Request.Response> {
        let address = address
        let answer = channel.eventLoop.makePromise(of: ByteBuffer.self)
        do {
            let version = try version(of: Request.self, versionMax: versionMax)
            let outgoing = OutgoingRequest(
                header: header(Request.apiKey, version), body: try encode(request, version), answer: answer,
                timeout: timeout + TimeAmount(wait))
            channel.writeAndFlush(outgoing).cascadeFailure(to: answer)
            return answer.futureResult.flatMapThrowing { bytes in
                do {
                    return try Request.Response.decode(bytes, version: version)
                } catch {
                    throw ClientError(
                        .unsupported, "\(address) answered \(Request.apiKey) with bytes that are none: \(error)")
                }
            }.flatMapErrorThrowing { throw Self.clientError($0, address) }
        } catch {
            answer.fail(error)
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    /// `sendWithoutAnswer` as a future: succeeds when the bytes were handed to the system.
    func futureWithoutAnswer<Request: KafkaRequest>(
        _ request: Request, versionMax: Int16? = nil
    ) -> EventLoopFuture<Void> {
        let address = address
        do {
            let version = try version(of: Request.self, versionMax: versionMax)
            let outgoing = OutgoingRequest(
                header: header(Request.apiKey, version), body: try encode(request, version), answer: nil,
                timeout: timeout)
            return channel.writeAndFlush(outgoing).flatMapErrorThrowing { throw Self.clientError($0, address) }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    private func header(_ api: ApiKey, _ version: Int16) -> RequestHeader {
        RequestHeader(api: api, version: version, correlationId: 0, clientId: "weir")
    }

    private func encode(_ request: some KafkaRequest, _ version: Int16) throws(ClientError) -> ByteBuffer {
        var body = ByteBuffer()
        do {
            try request.write(to: &body, version: version)
        } catch {
            throw ClientError(.unsupported, "\(address) speaks too old a version: \(error)")
        }
        return body
    }

    private static func ranges(_ answer: ApiVersionsResponse) -> [ApiKey: ClosedRange<Int16>] {
        var versions: [ApiKey: ClosedRange<Int16>] = [:]
        for api in answer.apiKeys where api.minVersion <= api.maxVersion {
            versions[api.apiKey] = api.minVersion...api.maxVersion
        }
        return versions
    }

    private static func clientError(_ error: any Error, _ address: BrokerAddress) -> ClientError {
        if let error = error as? ClientError { return error }
        return ClientError(.disconnected, "\(address) closed the connection (\(reason(error)))")
    }

    private static func reason(_ error: any Error) -> String {
        if let failure = error as? NIOConnectionError {
            guard let first = failure.connectionErrors.first else { return "no such host" }
            return reason(first.error)
        }
        if let failure = error as? IOError {
            let text = String(describing: failure)
            return text.contains("refused") ? "connection refused" : text
        }
        if let failure = error as? ChannelError, case .connectTimeout = failure { return "no answer in time" }
        return "\(error)"
    }
}

extension TimeAmount {
    /// The whole nanoseconds of `duration`; what is longer than 292 years is as long.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let sum = nanoseconds.addingReportingOverflow(attoseconds / 1_000_000_000)
        self = .nanoseconds(overflow || sum.overflow ? .max : sum.partialValue)
    }
}
