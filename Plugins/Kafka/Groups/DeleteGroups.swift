import Coordinators
import KafkaWire

extension Broker {
    /// Deletes groups that have no members, with their offsets.
    func serveDeleteGroups(_ request: DeleteGroupsRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        // A name that is there twice is deleted once, and told once.
        let names = request.groupsNames.uniqued
        return askGroups(
            ErrorCode.self, names.map { ($0, .delete(group: $0)) }, .operation, context
        ) { answer in
            guard case .delete(let code) = answer else { return nil }
            return code
        } refusal: { _, code in
            code
        } then: { [self] codes in
            var response = DeleteGroupsResponse()
            response.results = zip(names, codes).map { name, code in
                var result = DeleteGroupsResponse.DeletableGroupResult()
                result.groupId = name
                result.errorCode = code
                return result
            }
            send(response, context, reply)
        }
    }
}
