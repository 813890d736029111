import Coordinators
import KafkaWire

extension Broker {
    /// Takes a classic member's sign of life; until the node stops, so that a short restart ends no session.
    func serveHeartbeat(_ request: HeartbeatRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        reply.connection.hasMember = true
        return askGroup(
            HeartbeatResponse.self, request.groupId, .heartbeat(request, origin(context, reply)), .lastingRead, context,
            reply
        ) {
            answer in
            guard case .heartbeat(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = HeartbeatResponse()
            // As Kafka does: sessions count from the end of the load, and most clients do not know this error here.
            response.errorCode = code == .coordinatorLoadInProgress ? .none : code
            return response
        }
    }
}
