import KafkaWire
import NIOCore

extension Broker {
    /// Answers a request of an API or a version that is not served.
    ///
    /// A client that learns versions gets the answer that it can read whatever it asked (KIP-511); others get
    /// UNSUPPORTED_VERSION where their version's response has a place for it, and a closed connection where not.
    func refuseVersion(_ body: ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        probe.requestFailed(context.api, .unsupportedVersion)
        if context.api == .apiVersions {
            var response = ApiVersionsResponse()
            response.errorCode = .unsupportedVersion
            response.apiKeys = apiRanges.filter { $0.apiKey == .apiVersions }
            send(response, context, reply, version: 0)
            return .pipelined
        }
        guard let valid = context.api.validVersions, valid.contains(context.version),
            let refuse = Self.refusals[context.api]
        else { throw RequestError.unsupported(context.api, version: context.version) }
        try refuse(self, context, reply)
        return .pipelined
    }

    private typealias Refuse = @Sendable (Broker, RequestContext, Reply) throws -> Void

    /// Responses that have one error code for the whole request.
    private static let refusals: [ApiKey: Refuse] = [
        .fetch: refusal(FetchResponse.self) { $0.errorCode = $1 },
        .joinGroup: refusal(JoinGroupResponse.self) { $0.errorCode = $1 },
        .syncGroup: refusal(SyncGroupResponse.self) { $0.errorCode = $1 },
        .heartbeat: refusal(HeartbeatResponse.self) { $0.errorCode = $1 },
        .leaveGroup: refusal(LeaveGroupResponse.self) { $0.errorCode = $1 },
        .saslHandshake: refusal(SaslHandshakeResponse.self) { $0.errorCode = $1 },
        .saslAuthenticate: refusal(SaslAuthenticateResponse.self) { $0.errorCode = $1 },
        .initProducerId: refusal(InitProducerIdResponse.self) { $0.errorCode = $1 },
        .addOffsetsToTxn: refusal(AddOffsetsToTxnResponse.self) { $0.errorCode = $1 },
        .endTxn: refusal(EndTxnResponse.self) { $0.errorCode = $1 },
        .consumerGroupHeartbeat: refusal(ConsumerGroupHeartbeatResponse.self) { $0.errorCode = $1 },
        .describeCluster: refusal(DescribeClusterResponse.self) { $0.errorCode = $1 },
        .getTelemetrySubscriptions: refusal(GetTelemetrySubscriptionsResponse.self) { $0.errorCode = $1 },
        .listTransactions: refusal(ListTransactionsResponse.self) { $0.errorCode = $1 },
    ]

    private static func refusal<Response: KafkaResponse>(
        _ type: Response.Type, _ setCode: @escaping @Sendable (inout Response, ErrorCode) -> Void
    ) -> Refuse {
        { broker, context, reply in
            var response = Response()
            setCode(&response, .unsupportedVersion)
            broker.send(response, context, reply)
        }
    }
}
