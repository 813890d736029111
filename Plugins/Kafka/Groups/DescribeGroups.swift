import Coordinators
import KafkaWire

extension Broker {
    /// Describes groups: their state, protocol and members.
    func serveDescribeGroups(
        _ request: DescribeGroupsRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let origin = origin(context, reply)
        return askGroups(
            DescribeGroupsResponse.DescribedGroup.self,
            request.groups.uniqued.map { ($0, .describe(group: $0, origin)) },
            .lastingRead, context
        ) { answer in
            guard case .describe(let group) = answer else { return nil }
            return group
        } refusal: { group, code in
            .init(refused: group, code)
        } then: { [self] answers in
            var response = DescribeGroupsResponse()
            response.groups = request.includeAuthorizedOperations ? answers.map(\.withOperations) : answers
            send(response, context, reply, sizeHint: 1024)
        }
    }
}

/// What descriptions of groups have in common, whatever the protocol.
protocol GroupDescription {
    var groupId: String { get set }
    var errorCode: ErrorCode { get set }
    /// What may be done with the group, as KIP-430 tells it: one bit an operation.
    var authorizedOperations: Int32 { get set }

    init()
}

extension DescribeGroupsResponse.DescribedGroup: GroupDescription {}
extension ConsumerGroupDescribeResponse.DescribedGroup: GroupDescription {}

extension GroupDescription {
    /// A group that is not described, and why.
    init(refused group: String, _ code: ErrorCode) {
        self.init()
        groupId = group
        errorCode = code
    }

    /// The same with read (3), delete (6) and describe (8): all operations that there are, where nobody is refused
    /// anything.
    var withOperations: Self {
        guard errorCode == .none else { return self }
        var group = self
        group.authorizedOperations = 1 << 3 | 1 << 6 | 1 << 8
        return group
    }
}
