import Coordinators
import KafkaWire

extension Broker {
    /// Forgets how far a group has come in partitions that it does not read any more.
    func serveOffsetDelete(_ request: OffsetDeleteRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        askGroup(
            OffsetDeleteResponse.self, request.groupId, .deleteOffsets(request), .operation, context, reply
        ) { answer in
            guard case .deleteOffsets(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = OffsetDeleteResponse()
            response.errorCode = code
            return response
        }
    }
}
