import Coordinators
import KafkaWire

extension Broker {
    /// Lets members of a classic group go.
    func serveLeaveGroup(_ request: LeaveGroupRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        reply.connection.hasMember = false
        var request = request
        if context.version < 3 {
            var member = LeaveGroupRequest.MemberIdentity()
            member.memberId = request.memberId
            request.members = [member]
        }
        return askGroup(
            LeaveGroupResponse.self, request.groupId, .leave(request, origin(context, reply)), .operation, context,
            reply
        ) { answer in
            guard case .leave(var response) = answer else { return nil }
            // Before version 3 there is one member, and its error is that of the whole.
            if context.version < 3 {
                if response.errorCode == .none { response.errorCode = response.members.first?.errorCode ?? .none }
                response.members = []
            }
            return response
        } refusal: { code in
            var response = LeaveGroupResponse()
            response.errorCode = code
            return response
        }
    }
}
