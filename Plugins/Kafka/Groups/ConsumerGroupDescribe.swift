import Coordinators
import KafkaWire

extension Broker {
    /// Describes groups of KIP-848: their epochs, members, and who has and shall have what.
    func serveConsumerGroupDescribe(
        _ request: ConsumerGroupDescribeRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        guard level(of: .groups) >= 1 else {
            var response = ConsumerGroupDescribeResponse()
            response.groups = request.groupIds.map { .init(refused: $0, .unsupportedVersion) }
            send(response, context, reply)
            return .pipelined
        }
        return askGroups(
            ConsumerGroupDescribeResponse.DescribedGroup.self,
            request.groupIds.uniqued.map { ($0, .describeConsumer(group: $0)) }, .lastingRead, context
        ) { answer in
            guard case .describeConsumer(let group) = answer else { return nil }
            return group
        } refusal: { group, code in
            .init(refused: group, code)
        } then: { [self] answers in
            var response = ConsumerGroupDescribeResponse()
            response.groups = request.includeAuthorizedOperations ? answers.map(\.withOperations) : answers
            send(response, context, reply, sizeHint: 1024)
        }
    }
}
