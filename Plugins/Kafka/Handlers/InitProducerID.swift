import Coordinators
import KafkaWire
import Logging
import NIOCore
import Synchronization
import WeirRuntime

extension Broker {
    /// Gives an idempotent producer its id and epoch (KIP-98, KIP-360).
    func serveInitProducerID(
        _ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply
    ) throws -> RequestFlow {
        let request = try InitProducerIdRequest.read(from: &body, version: context.version)
        var refusal = InitProducerIdResponse()
        refusal.errorCode = .coordinatorNotAvailable
        refusal.producerEpoch = -1
        let origin = origin(context, reply)
        answerLater(context, reply, refusal: refusal) { [self] in
            await initProducerID(request, origin, on: context.loop)
        }
        return .barrier
    }

    func initProducerID(
        _ request: InitProducerIdRequest, _ origin: RequestOrigin, on loop: any Loop
    ) async -> InitProducerIdResponse {
        var response = InitProducerIdResponse()
        if let id = request.transactionalId { return await initTransactionalID(id, request, origin, on: loop) }
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

extension Broker {
    /// Gives a transactional producer its id and epoch, and ends what an earlier one of that name left open (KIP-98).
    private func initTransactionalID(
        _ id: String, _ request: InitProducerIdRequest, _ origin: RequestOrigin, on loop: any Loop
    ) async -> InitProducerIdResponse {
        var refused = InitProducerIdResponse()
        refused.producerEpoch = -1
        guard !id.isEmpty else {
            refused.errorCode = .invalidRequest
            return refused
        }
        let freshID: Int64
        do {
            freshID = try await producerIDs.next()
        } catch {
            logger.error("no producer id: \(error)")
            refused.errorCode = .coordinatorNotAvailable
            return refused
        }
        let answer = await coordinators.transactions.ask(
            id, .initProducer(request, origin, freshID: freshID), .operation, home: loop)
        switch answer {
        case .success(.initProducer(let response)): return response
        case .success(let other): preconditionFailure("\(other) answers no InitProducerId")
        case .failure(let refusal):
            refused.errorCode = refusal.code
            return refused
        }
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
