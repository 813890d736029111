import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime

/// A producer's claim that a partition is part of its transaction.
struct TransactionMembership: Sendable, Hashable {
    /// How a partition comes to be part of a transaction.
    enum Entry: Sendable, Hashable {
        /// The producer has added it; the coordinator is asked whether it is so.
        case verified
        /// The broker adds it, with the transaction's first batch there (KIP-890, part 2).
        case added
    }

    var transactionalID: String
    var producer: ProducerIdentity
    var entry: Entry
}

/// A question to a producer's coordinator that is on its way, and who waits for the answer.
///
/// `@unchecked Sendable`: confined to the partition's loop.
final class MembershipQuestion: @unchecked Sendable {
    typealias Answer = (ErrorCode) -> Void

    let membership: TransactionMembership
    /// In the order in which they came.
    fileprivate var waiting: [(membership: TransactionMembership, then: Answer)] = []
    /// Whether a marker came since the question was asked: the answer may be about a transaction that has ended.
    fileprivate var isStale = false
    fileprivate var attempts = 0

    fileprivate init(_ membership: TransactionMembership) {
        self.membership = membership
    }
}

extension ServedPartition {
    /// How often a coordinator that still completes the transaction before is asked again, and how soon.
    private static let attemptsMax = 5
    private static let attemptDelay: Duration = .milliseconds(20)

    /// Makes sure that the partition is part of the producer's transaction before its first batch is appended.
    ///
    /// Without it, a batch that comes after its transaction's end would open one that nobody ends (KIP-890). While the
    /// coordinator is asked, what the producer sends behind waits in order.
    ///
    /// - Parameter then: Called on the loop, now or later; where it gets `none`, the append must follow at once.
    func join(
        _ membership: TransactionMembership, askedOf coordinator: Coordinator<TransactionCoordinator>,
        then: @escaping MembershipQuestion.Answer
    ) {
        loop.preconditionIsCurrent()
        let producerID = membership.producer.id
        if let question = questions[producerID] { return question.waiting.append((membership, then)) }
        if let open = log?.openTransaction(of: producerID), open.producerEpoch == membership.producer.epoch {
            return then(.none)
        }
        let question = MembershipQuestion(membership)
        question.waiting.append((membership, then))
        questions[producerID] = question
        ask(question, coordinator)
    }

    /// A marker of the producer is about to be appended: no answer from before it counts.
    func noteMarker(of producerID: Int64) {
        loop.preconditionIsCurrent()
        questions[producerID]?.isStale = true
    }

    private func ask(_ question: MembershipQuestion, _ coordinator: Coordinator<TransactionCoordinator>) {
        question.isStale = false
        question.attempts += 1
        let membership = question.membership
        let here = TopicPartition(identity.topic, identity.partition)
        let request: TransactionRequest =
            membership.entry == .added
            ? .addPartitions(membership.transactionalID, membership.producer, [here])
            : .verifyPartitions(membership.transactionalID, membership.producer, [here])
        coordinator.ask(membership.transactionalID, request, .lasting, home: loop) { [self] result in
            if question.isStale { return ask(question, coordinator) }
            let code: ErrorCode
            switch result {
            case .success(.partitions(let codes)): code = codes[here] ?? .unknownServerError
            case .success(let other): preconditionFailure("\(other) answers no question about partitions")
            case .failure(let refusal): code = refusal.code
            }
            if code == .concurrentTransactions, membership.entry == .added, question.attempts < Self.attemptsMax {
                loop.schedule(after: Self.attemptDelay) { [self] in ask(question, coordinator) }
                return
            }
            settle(question, code, coordinator)
        }
    }

    private func settle(
        _ question: MembershipQuestion, _ code: ErrorCode, _ coordinator: Coordinator<TransactionCoordinator>
    ) {
        questions[question.membership.producer.id] = nil
        for (membership, then) in question.waiting {
            if membership == question.membership {
                then(code)
            } else {
                join(membership, askedOf: coordinator, then: then)
            }
        }
    }
}

extension PartitionRefusal {
    /// What a producer is told where its partition is not part of its transaction, or nobody can tell.
    init(membership code: ErrorCode, version: Int16) {
        switch code {
        case .concurrentTransactions where version >= 12:
            self.init(code, "the producer's last transaction is still being completed")
        case .concurrentTransactions, .coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator:
            // Of what is retried, the one that every version of every client knows, as in Kafka.
            self.init(
                .notEnoughReplicas, "whether the partition is part of the transaction cannot be told now: \(code)")
        case .transactionAbortable where version < 11:
            self.init(.invalidTxnState, "the partition is not part of the producer's transaction")
        case .transactionAbortable:
            self.init(code, "the partition is not part of the producer's transaction")
        case .producerFenced:
            self.init(.invalidProducerEpoch, "a newer producer has the transactional id")
        default:
            self.init(code)
        }
    }
}
