/// What the log says about one transactional id.
///
/// The value's verbs give what the next record is to say; they neither check who asks nor change anything.
package struct TransactionMetadata: Sendable, Hashable {
    /// Whose id it is: the producer id, and the epoch that fences all before it.
    package var producer: ProducerIdentity
    /// The producer id before the last record; −1: none. Kafka writes it with every record.
    package var previousProducerID: Int64 = -1
    /// The producer id with which the client goes on when the transaction has ended; −1: the same.
    package var nextProducerID: Int64 = -1
    /// How long a transaction may stay open.
    package var timeoutMilliseconds: Int32
    /// Where the id is.
    package var state: TransactionState
    /// The partitions of the transaction.
    package var partitions: Set<TopicPartition> = []
    /// When the transaction began, in milliseconds since 1970; −1: there was none.
    package var startMilliseconds: Int64 = -1
    /// When the last record was made, in milliseconds since 1970.
    package var updateMilliseconds: Int64
    /// 2: the client ended its transaction under KIP-890, which bumped the epoch. 0 in every other record, also where
    /// the coordinator fenced the producer: its epoch was bumped, and the client was not told.
    package var clientVersion: Int16 = 0

    /// What a record says.
    package init(
        producer: ProducerIdentity, previousProducerID: Int64 = -1, nextProducerID: Int64 = -1,
        timeoutMilliseconds: Int32, state: TransactionState, partitions: Set<TopicPartition> = [],
        startMilliseconds: Int64 = -1, updateMilliseconds: Int64, clientVersion: Int16 = 0
    ) {
        self.producer = producer
        self.previousProducerID = previousProducerID
        self.nextProducerID = nextProducerID
        self.timeoutMilliseconds = timeoutMilliseconds
        self.state = state
        self.partitions = partitions
        self.startMilliseconds = startMilliseconds
        self.updateMilliseconds = updateMilliseconds
        self.clientVersion = clientVersion
    }
}

extension ProducerIdentity {
    /// The last epoch that a producer gets: the one above it is kept for fencing it.
    public static let lastEpoch = Int16.max - 1
}

extension TransactionMetadata {
    /// Whether a producer with this epoch goes on under another producer id.
    var isEpochExhausted: Bool { producer.epoch >= ProducerIdentity.lastEpoch }

    /// Who the client is, as far as it was told: the producer of the next transaction.
    var successor: ProducerIdentity {
        nextProducerID >= 0 ? ProducerIdentity(id: nextProducerID, epoch: 0) : producer
    }

    /// Whether the outcome was decided by a client that got a new epoch with it.
    var wasEndedWithBump: Bool { clientVersion >= 2 && state.outcome != nil }

    /// Whether `asker` is the id's producer now; nobody is where the epoch only fences.
    func isProducer(_ asker: ProducerIdentity) -> Bool {
        asker == producer && producer.epoch <= ProducerIdentity.lastEpoch
    }

    /// Whether `asker` is who ended the last transaction under KIP-890: it may not have got the answer.
    func wasEnded(by asker: ProducerIdentity) -> Bool {
        guard wasEndedWithBump else { return false }
        if asker.id == producer.id, Int(asker.epoch) + 1 == Int(producer.epoch) { return true }
        return state.isComplete && asker.id == previousProducerID && asker.epoch == ProducerIdentity.lastEpoch
            && producer.epoch == 0
    }

    /// A producer's beginning, or its beginning anew, with this identity.
    func initialized(
        as identity: ProducerIdentity, timeoutMilliseconds: Int32, at milliseconds: Int64
    ) -> TransactionMetadata {
        TransactionMetadata(
            producer: identity, previousProducerID: producer.id, timeoutMilliseconds: timeoutMilliseconds,
            state: .empty, updateMilliseconds: milliseconds)
    }

    /// The transaction with these partitions too; it begins where none is open.
    func adding(_ added: Set<TopicPartition>, at milliseconds: Int64) -> TransactionMetadata {
        var next = following(.ongoing, at: milliseconds)
        next.partitions.formUnion(added)
        if state != .ongoing { next.startMilliseconds = milliseconds }
        next.clientVersion = 0
        return next
    }

    /// The transaction with its outcome decided, under the epoch in which it ran (KIP-98).
    func ended(_ outcome: TransactionOutcome, at milliseconds: Int64) -> TransactionMetadata {
        var next = following(outcome.prepared, at: milliseconds)
        next.clientVersion = 0
        return next
    }

    /// The transaction with its outcome decided, under the epoch above that in which it ran (KIP-890).
    ///
    /// - Parameter freshID: The producer id of the next transaction, where the epochs are exhausted.
    func endedWithBump(
        _ outcome: TransactionOutcome, freshID: Int64?, at milliseconds: Int64
    ) -> TransactionMetadata {
        var next = following(outcome.prepared, at: milliseconds)
        if isEpochExhausted, let freshID { next.nextProducerID = freshID }
        next.producer.epoch = epochAbove
        next.clientVersion = 2
        // An abort may come before the first partition; it begins where it ends.
        if state != .ongoing { next.startMilliseconds = milliseconds }
        return next
    }

    /// The transaction aborted by the coordinator, under an epoch that its producer does not have.
    func fenced(at milliseconds: Int64) -> TransactionMetadata {
        var next = ended(.aborted, at: milliseconds)
        next.producer.epoch = epochAbove
        return next
    }

    /// The transaction when every partition has its marker.
    func completed(at milliseconds: Int64) -> TransactionMetadata {
        guard let outcome = state.outcome else { preconditionFailure("only a decided transaction is completed") }
        var next = following(outcome.complete, at: milliseconds)
        next.producer = successor
        next.nextProducerID = -1
        next.partitions = []
        return next
    }

    /// The epoch that fences the producer. None gets the largest, so that there is one above; a log that says
    /// otherwise is not ours.
    private var epochAbove: Int16 { producer.epoch == .max ? .max : producer.epoch + 1 }

    private func following(_ state: TransactionState, at milliseconds: Int64) -> TransactionMetadata {
        var next = self
        next.previousProducerID = producer.id
        next.state = state
        next.updateMilliseconds = milliseconds
        return next
    }
}
