import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime

extension Broker {
    /// Appends batches to partitions, and answers when they have survived what `acks` asks for.
    ///
    /// Stage one, appending, happens in the order of the connection's requests; stage two, the commit, whenever it
    /// happens. acks=0 gets no response: where something fails the connection closes, which is how Kafka tells it.
    func serveProduce(_ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        let request = try ProduceRequest.read(from: &body, version: context.version)
        let produce = ProduceOperation(self, request, context, reply)
        produce.begin()
        return .pipelined
    }

    /// Puts a produce's outcomes into the shape of its request.
    func sendProduceResponse(
        _ request: ProduceRequest, _ outcomes: [ProduceOutcome], _ context: RequestContext, _ reply: Reply
    ) {
        var failure: ProduceOutcome?
        var response = ProduceResponse()
        var next = 0
        for topic in request.topicData {
            var answer = ProduceResponse.TopicProduceResponse()
            answer.name = topic.name
            answer.topicId = topic.topicId
            for partition in topic.partitionData {
                let outcome = outcomes[next]
                next += 1
                if outcome.error != .none {
                    failure = outcome
                    probe.requestFailed(.produce, outcome.error)
                }
                answer.partitionResponses.append(outcome.answer(index: partition.index))
            }
            response.responses.append(answer)
        }
        if request.acks != 0 { return send(response, context, reply) }
        guard let failure else { return reply.sendNothing() }
        reply.close(because: "a produce with acks=0 failed: \(failure.error)")
    }
}

extension ProduceRequest.TopicProduceData {
    /// The topic by its name, or from version 13 on by its id (KIP-516).
    func reference(version: Int16) -> TopicReference {
        TopicReference(name: name, id: topicId, isByID: version >= 13)
    }
}

/// What became of one partition's batch.
struct ProduceOutcome: Sendable {
    var error = ErrorCode.none
    var message: String?
    var records: [RecordRefusal] = []
    var baseOffset: Int64 = -1
    var logAppendTime: Int64 = -1
    var logStartOffset: Int64 = -1

    init() {}

    init(_ refusal: PartitionRefusal) {
        error = refusal.code
        message = refusal.message
        records = refusal.records
    }

    func answer(index: Int32) -> ProduceResponse.PartitionProduceResponse {
        var answer = ProduceResponse.PartitionProduceResponse()
        answer.index = index
        answer.errorCode = error
        answer.baseOffset = baseOffset
        answer.logAppendTimeMs = logAppendTime
        answer.logStartOffset = logStartOffset
        answer.errorMessage = message
        answer.recordErrors = records.map { record in
            var answer = ProduceResponse.BatchIndexAndErrorMessage()
            answer.batchIndex = record.index
            answer.batchIndexErrorMessage = record.message
            return answer
        }
        return answer
    }
}
