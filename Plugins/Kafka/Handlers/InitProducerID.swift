import KafkaWire
import Logging
import NIOCore
import Synchronization

extension Broker {
    /// Gives an idempotent producer its id and epoch (KIP-98, KIP-360).
    func serveInitProducerID(
        _ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply
    ) throws -> RequestFlow {
        let request = try InitProducerIdRequest.read(from: &body, version: context.version)
        var refusal = InitProducerIdResponse()
        refusal.errorCode = .coordinatorNotAvailable
        refusal.producerEpoch = -1
        answerLater(context, reply, refusal: refusal) { [self] in await initProducerID(request) }
        return .barrier
    }

    func initProducerID(_ request: InitProducerIdRequest) async -> InitProducerIdResponse {
        var response = InitProducerIdResponse()
        guard request.transactionalId == nil else {
            // Its coordinator does not exist: the client asks again, as it does while one is elected.
            response.errorCode = request.transactionalId == "" ? .invalidRequest : .coordinatorNotAvailable
            return response
        }
        // A producer without a transactional id that asks to bump its epoch gets a fresh id: its old sequence
        // numbers then mean nothing any more, which is what it wants.
        do {
            response.producerId = try await producerIDs.next()
            response.producerEpoch = 0
        } catch {
            logger.error("no producer id: \(error)")
            response.errorCode = .coordinatorNotAvailable
            response.producerId = -1
            response.producerEpoch = -1
        }
        return response
    }
}

/// Gives out producer ids from blocks that were made durable first, so that none is given twice.
actor ProducerIDPool {
    private let topics: TopicCatalog
    private var block: Range<Int64> = 0..<0

    init(topics: TopicCatalog) {
        self.topics = topics
    }

    /// An id that nobody has.
    func next() async throws -> Int64 {
        while block.isEmpty {
            let fresh = try await topics.allocateProducerIDBlock()
            // Others may have waited for a block too. What is left of theirs comes first; this one's ids are
            // skipped, which costs nothing: there are 2^63.
            if block.isEmpty { block = fresh }
        }
        defer { block = (block.lowerBound + 1)..<block.upperBound }
        return block.lowerBound
    }
}
