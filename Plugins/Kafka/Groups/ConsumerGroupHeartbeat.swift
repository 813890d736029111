import Coordinators
import KafkaWire

extension Broker {
    /// Takes a member's sign of life and what it wants, and tells it what is its own (KIP-848).
    ///
    /// While the node drains only members that have joined are served: nobody joins or leaves any more.
    func serveConsumerGroupHeartbeat(
        _ request: ConsumerGroupHeartbeatRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        guard level(of: .groups) >= 1 else {
            // Turned off with UpdateFeatures.
            var response = ConsumerGroupHeartbeatResponse()
            response.errorCode = .unsupportedVersion
            send(response, context, reply)
            return .pipelined
        }
        reply.connection.hasMember = request.memberEpoch >= 0
        // The first version leaves the name to the broker; later ones bring it.
        let memberID = RandomUUID(randomBits).wire.description
        return askGroup(
            ConsumerGroupHeartbeatResponse.self, request.groupId,
            .consumerHeartbeat(request, origin(context, reply), memberID: memberID),
            request.memberEpoch > 0 ? .lasting : .operation, context, reply
        ) { answer in
            guard case .consumerHeartbeat(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = ConsumerGroupHeartbeatResponse()
            response.errorCode = code
            response.memberId = request.memberId
            return response
        }
    }
}
