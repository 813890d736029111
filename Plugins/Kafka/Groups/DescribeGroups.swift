import Coordinators
import KafkaWire

extension Broker {
    /// Describes groups: their state, protocol and members.
    func serveDescribeGroups(
        _ request: DescribeGroupsRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let origin = origin(context, reply)
        return askGroups(
            DescribeGroupsResponse.DescribedGroup.self, request.groups.map { ($0, .describe(group: $0, origin)) },
            .lastingRead, context
        ) { answer in
            guard case .describe(let group) = answer else { return nil }
            return group
        } refusal: { group, code in
            var answer = DescribeGroupsResponse.DescribedGroup()
            answer.groupId = group
            answer.errorCode = code
            return answer
        } then: { [self] answers in
            var response = DescribeGroupsResponse()
            response.groups = answers.map { group in
                var group = group
                if request.includeAuthorizedOperations, group.errorCode == .none {
                    group.authorizedOperations = GroupOperations.all
                }
                return group
            }
            send(response, context, reply, sizeHint: 1024)
        }
    }
}

/// What may be done with a group, as KIP-430 tells it: one bit an operation.
enum GroupOperations {
    /// Read (3), delete (6) and describe (8): all that there are, where nobody is refused anything.
    static let all: Int32 = 1 << 3 | 1 << 6 | 1 << 8
}
