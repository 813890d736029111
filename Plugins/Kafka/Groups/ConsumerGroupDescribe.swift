import Coordinators
import KafkaWire

extension Broker {
    /// Describes groups of KIP-848: their epochs, members, and who has and shall have what.
    func serveConsumerGroupDescribe(
        _ request: ConsumerGroupDescribeRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        guard level(of: .groups) >= 1 else {
            var response = ConsumerGroupDescribeResponse()
            response.groups = request.groupIds.map { id in
                var group = ConsumerGroupDescribeResponse.DescribedGroup()
                group.groupId = id
                group.errorCode = .unsupportedVersion
                return group
            }
            send(response, context, reply)
            return .pipelined
        }
        return askGroups(
            ConsumerGroupDescribeResponse.DescribedGroup.self,
            request.groupIds.map { ($0, .describeConsumer(group: $0)) }, .lastingRead, context
        ) { answer in
            guard case .describeConsumer(let group) = answer else { return nil }
            return group
        } refusal: { group, code in
            var answer = ConsumerGroupDescribeResponse.DescribedGroup()
            answer.groupId = group
            answer.errorCode = code
            return answer
        } then: { [self] answers in
            var response = ConsumerGroupDescribeResponse()
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
