import Coordinators
import KafkaWire
import Logging
import WeirRuntime

extension Broker {
    /// Commits or aborts a producer's transaction; answered when that is durable, before the markers are written.
    func serveEndTxn(_ request: EndTxnRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        forgottenCoordinators.wentOn(request.transactionalId)
        let origin = origin(context, reply)
        guard request.producerEpoch >= ProducerIdentity.lastEpoch, context.version >= 5 else {
            return endTransaction(request, origin, freshID: nil, context, reply)
        }
        // The producer's epochs are used up, and it goes on under another id.
        var refusal = EndTxnResponse()
        refusal.errorCode = .coordinatorNotAvailable
        answerLater(context, reply, refusal: refusal) { [self, refusal] in
            let freshID: Int64
            do { freshID = try await producerIDs.next() } catch {
                logger.error("no producer id: \(error)")
                return refusal
            }
            let answer = await coordinators.transactions.ask(
                request.transactionalId, .end(request, origin, freshID: freshID), .lasting, home: context.loop)
            guard case .success(.end(let response)) = answer else { return refusal }
            return response
        }
        return .barrier
    }

    private func endTransaction(
        _ request: EndTxnRequest, _ origin: RequestOrigin, freshID: Int64?, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        askTransaction(
            EndTxnResponse.self, request.transactionalId, .end(request, origin, freshID: freshID), context, reply
        ) { answer in
            guard case .end(let response) = answer else { return nil }
            return response
        } refusal: { code in
            var response = EndTxnResponse()
            response.errorCode = code
            return response
        }
    }
}
