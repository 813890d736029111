import Coordinators
import KafkaWire
import Logging
import WeirRuntime

extension Broker {
    /// Makes partitions part of a producer's transaction; from version 4 for several producers at once, and also only
    /// to ask whether they are (KIP-890).
    func serveAddPartitionsToTxn(
        _ request: AddPartitionsToTxnRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let known = topics.snapshot()
        let claims = (context.version >= 4 ? request.transactions : [request.single]).map { transaction in
            PartitionsClaim(transaction, version: context.version) { isKnown($0, in: known) }
        }
        let coordinator = coordinators.transactions
        // What names a partition that does not exist is not asked about at all.
        let asked = claims.filter(\.isComplete)
        coordinator.askAll(
            asked.map { (coordinator.shard(of: $0.transaction.transactionalId), $0.question) }, .lasting,
            home: context.loop
        ) { [self] answers in
            var rest = answers[...]
            let results = claims.map { claim in claim.result(claim.isComplete ? rest.popFirst() : nil) }
            for result in results {
                for code in result.topicResults.lazy.flatMap({ $0.resultsByPartition.lazy.map(\.partitionErrorCode) })
                where code != .none {
                    probe.requestFailed(context.api, code)
                }
            }
            var response = AddPartitionsToTxnResponse()
            if context.version >= 4 {
                response.resultsByTransaction = results
            } else {
                response.resultsByTopicV3AndBelow = results.first?.topicResults ?? []
            }
            send(response, context, reply)
        }
        return .pipelined
    }

    /// Makes a group's offsets part of a producer's transaction: the partition that they are kept in.
    func serveAddOffsetsToTxn(
        _ request: AddOffsetsToTxnRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        if coordinators.groups.hasTopic { return addOffsets(request, context, reply) }
        var refusal = AddOffsetsToTxnResponse()
        refusal.errorCode = .coordinatorNotAvailable
        // A group that nobody joined: its producer asks before anybody made the topic, and asks again.
        answerLater(context, reply, refusal: refusal) { [self, refusal] in
            do throws(TopicError) {
                try await coordinators.makeTopic(InternalTopic.offsets)
            } catch {
                logger.error("the topic \(InternalTopic.offsets) cannot be made: \(error)")
            }
            return refusal
        }
        return .barrier
    }

    private func addOffsets(
        _ request: AddOffsetsToTxnRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let count = coordinators.groups.shards.partitionCount
        guard !request.groupId.isEmpty, count > 0 else {
            var response = AddOffsetsToTxnResponse()
            response.errorCode = request.groupId.isEmpty ? .invalidGroupId : .coordinatorNotAvailable
            send(response, context, reply)
            return .pipelined
        }
        let partition = TopicPartition(InternalTopic.offsets, HashedPartition.of(request.groupId, among: count))
        let producer = ProducerIdentity(id: request.producerId, epoch: request.producerEpoch)
        return askTransaction(
            AddOffsetsToTxnResponse.self, request.transactionalId,
            .addPartitions(request.transactionalId, producer, [partition]), context, reply
        ) { [self] answer in
            guard case .partitions(let codes) = answer else { return nil }
            var response = AddOffsetsToTxnResponse()
            let code = codes[partition] ?? .unknownServerError
            if code == .none { forgottenCoordinators.joined(request.transactionalId, on: reply.connection) }
            response.errorCode = code.asKnown(from: 2, in: context.version)
            return response
        } refusal: { code in
            var response = AddOffsetsToTxnResponse()
            response.errorCode = code
            return response
        }
    }
}

/// One producer's part of an AddPartitionsToTxn.
private struct PartitionsClaim {
    typealias Transaction = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
    typealias Answer = Result<TransactionResponse, CoordinatorRefusal>

    let transaction: Transaction
    private let version: Int16
    private let partitions: [TopicPartition]
    private let missing: Set<TopicPartition>

    init(_ transaction: Transaction, version: Int16, isKnown: (TopicPartition) -> Bool) {
        self.transaction = transaction
        self.version = version
        partitions = transaction.topics.flatMap { topic in
            topic.partitions.map { TopicPartition(topic.name, $0) }
        }
        missing = Set(partitions.filter { !isKnown($0) })
    }

    /// Whether every partition exists.
    var isComplete: Bool { missing.isEmpty }

    var question: TransactionRequest {
        let producer = ProducerIdentity(id: transaction.producerId, epoch: transaction.producerEpoch)
        return transaction.verifyOnly
            ? .verifyPartitions(transaction.transactionalId, producer, partitions)
            : .addPartitions(transaction.transactionalId, producer, partitions)
    }

    /// The result in the order of the request.
    func result(_ answer: Answer?) -> AddPartitionsToTxnResponse.AddPartitionsToTxnResult {
        var result = AddPartitionsToTxnResponse.AddPartitionsToTxnResult()
        result.transactionalId = transaction.transactionalId
        result.topicResults = transaction.topics.map { topic in
            var answered = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult()
            answered.name = topic.name
            answered.resultsByPartition = topic.partitions.map { number in
                var partition = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult()
                partition.partitionIndex = number
                partition.partitionErrorCode = code(of: TopicPartition(topic.name, number), answer)
                return partition
            }
            return answered
        }
        return result
    }

    private func code(of partition: TopicPartition, _ answer: Answer?) -> ErrorCode {
        switch answer {
        case nil: return missing.contains(partition) ? .unknownTopicOrPartition : .operationNotAttempted
        case .failure(let refusal): return refusal.code
        case .success(.partitions(let codes)):
            let code = codes[partition] ?? .unknownServerError
            // Versions before 5 know no transaction that can only be aborted.
            if code == .transactionAbortable, version < 5 { return .invalidTxnState }
            return code.asKnown(from: 2, in: version)
        case .success(let other): preconditionFailure("\(other) answers no AddPartitionsToTxn")
        }
    }
}

extension AddPartitionsToTxnRequest {
    /// The one transaction of versions 0 to 3.
    fileprivate var single: AddPartitionsToTxnTransaction {
        var transaction = AddPartitionsToTxnTransaction()
        transaction.transactionalId = v3AndBelowTransactionalId
        transaction.producerId = v3AndBelowProducerId
        transaction.producerEpoch = v3AndBelowProducerEpoch
        transaction.topics = v3AndBelowTopics
        return transaction
    }
}
