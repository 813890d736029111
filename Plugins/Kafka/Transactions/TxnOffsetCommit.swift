import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime
import WorkTracking

extension Broker {
    /// Keeps how far a group has come, as part of a producer's transaction: it counts when that commits (KIP-98).
    ///
    /// Before the offsets are appended, the producer's coordinator is asked whether the group's partition is part of
    /// the transaction; from version 5 it becomes part of it here (KIP-890).
    func serveTxnOffsetCommit(
        _ request: TxnOffsetCommitRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        forgottenCoordinators.wentOn(request.transactionalId)
        let known = topics.snapshot()
        var asked = request
        asked.topics = request.topics.compactMap { topic in
            var kept = topic
            kept.partitions = topic.partitions.filter {
                isKnown(TopicPartition(topic.name, $0.partitionIndex), in: known)
            }
            return kept.partitions.isEmpty ? nil : kept
        }
        let permit: Permit
        let shard: CoordinatorShard<GroupCoordinator>
        do throws(CoordinatorRefusal) {
            if asked.topics.isEmpty { throw .unavailable }
            shard = try coordinators.groups.shard(of: request.groupId).get()
            permit = try coordinators.groups.admit(.lasting)
        } catch {
            let rest: ErrorCode = asked.topics.isEmpty ? .unknownTopicOrPartition : error.code
            send(TxnOffsetCommitResponse(request, [], rest: rest), context, reply)
            return .pipelined
        }
        let membership = TransactionMembership(
            transactionalID: request.transactionalId,
            producer: ProducerIdentity(id: request.producerId, epoch: request.producerEpoch),
            entry: context.version >= 5 ? .added : .verified)
        let origin = origin(context, reply)
        let gathering = Gathering<TransactionalCommitOutcome>(count: 1, home: context.loop, permit: permit) {
            [self] outcomes in
            switch outcomes.first {
            case .answered(let response):
                send(
                    TxnOffsetCommitResponse(request, response.topics, rest: .unknownTopicOrPartition), context, reply)
            case .refused(let code):
                probe.requestFailed(context.api, code)
                send(TxnOffsetCommitResponse(request, [], rest: code), context, reply)
            case nil: preconditionFailure("one question has one answer")
            }
        }
        let transactions = coordinators.transactions
        gathering.ask(0, on: shard.loop) { [asked] then in
            shard.commit(asked, membership, origin, askedOf: transactions, then: then)
        }
        gathering.begin()
        return .pipelined
    }
}

/// What became of a transactional commit.
private enum TransactionalCommitOutcome: Sendable {
    case answered(TxnOffsetCommitResponse)
    case refused(ErrorCode)
}

extension CoordinatorShard<GroupCoordinator> {
    /// Commits offsets as part of a transaction that the group's partition is part of. On the loop.
    fileprivate func commit(
        _ request: TxnOffsetCommitRequest, _ membership: TransactionMembership, _ origin: RequestOrigin,
        askedOf transactions: Coordinator<TransactionCoordinator>,
        then: @escaping (TransactionalCommitOutcome) -> Void
    ) {
        // What is not known here need not be asked elsewhere.
        guard machine != nil else { return then(.refused(refusal.code)) }
        partition.join(membership, askedOf: transactions) { [self] code in
            guard code == .none else { return then(.refused(code.ofTransactionalCommit(version: origin.version))) }
            ask(.transactionalCommit(request, origin)) { result in
                switch result {
                case .success(.transactionalCommit(let response)): then(.answered(response))
                case .success(let other): preconditionFailure("\(other) answers no TxnOffsetCommit")
                case .failure(let refusal): then(.refused(refusal.code))
                }
            }
        }
    }
}

extension ErrorCode {
    /// What a client is told where its group's partition is not part of its transaction, or nobody can tell.
    fileprivate func ofTransactionalCommit(version: Int16) -> ErrorCode {
        switch self {
        // What every client retries.
        case .concurrentTransactions, .notCoordinator, .coordinatorNotAvailable: .coordinatorLoadInProgress
        case .transactionAbortable where version < 4: .invalidTxnState
        case .producerFenced: .invalidProducerEpoch
        default: self
        }
    }
}

extension TxnOffsetCommitResponse {
    /// The response in the order of the request.
    ///
    /// - Parameters:
    ///   - answered: What the coordinator said.
    ///   - rest: What the partitions get that it was not asked about.
    fileprivate init(
        _ request: TxnOffsetCommitRequest, _ answered: [TxnOffsetCommitResponseTopic], rest: ErrorCode
    ) {
        self.init()
        var codes: [TopicPartition: ErrorCode] = [:]
        for topic in answered {
            for partition in topic.partitions {
                codes[TopicPartition(topic.name, partition.partitionIndex)] = partition.errorCode
            }
        }
        topics = request.topics.map { topic in
            var answer = TxnOffsetCommitResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var part = TxnOffsetCommitResponsePartition()
                part.partitionIndex = partition.partitionIndex
                part.errorCode = codes[TopicPartition(topic.name, partition.partitionIndex)] ?? rest
                return part
            }
            return answer
        }
    }
}
