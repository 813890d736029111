import Coordinators
import KafkaWire

extension Broker {
    /// Takes the leader's assignment, and gives each member its own when it is there.
    func serveSyncGroup(_ request: SyncGroupRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        reply.connection.hasMember = true
        return askGroup(
            SyncGroupResponse.self, request.groupId, .sync(request, origin(context, reply)), .session, context, reply
        ) { answer in
            guard case .sync(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = SyncGroupResponse()
            // The rebalance was in memory only, and is lost; older clients do not know the other error here.
            response.errorCode = code == .coordinatorLoadInProgress ? .rebalanceInProgress : code
            return response
        }
    }
}
