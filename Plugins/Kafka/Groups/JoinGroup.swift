import Coordinators
import KafkaWire

extension Broker {
    /// Takes a member into a classic group; answered when the group has its next generation.
    func serveJoinGroup(_ request: JoinGroupRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        reply.connection.hasMember = true
        let memberID = freshMemberID(request.groupInstanceId ?? context.clientID ?? "")
        return askGroup(
            JoinGroupResponse.self, request.groupId, .join(request, origin(context, reply), memberID: memberID),
            .session, context, reply
        ) { answer in
            guard case .join(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = JoinGroupResponse()
            response.errorCode = code
            response.memberId = request.memberId
            return response
        }
    }
}
