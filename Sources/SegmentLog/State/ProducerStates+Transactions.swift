/// Transactions, as their producers' states see them: the rules of Kafka's ProducerAppendInfo (KIP-98, KIP-890).
extension ProducerStates {
    /// Whether a batch without a sequence fits: a coordinator's, into an internal topic. Changes nothing.
    func checkUnsequenced(_ batch: StoredBatch) throws(LogError) {
        guard batch.baseSequence < 0, batch.producerEpoch >= 0 else {
            throw LogError(
                .invalidBatch, "a coordinator's batch for producer \(batch.producerID) has an epoch and no sequence")
        }
        guard let producer = producers[batch.producerID] else { return }
        try checkEpoch(of: batch, producer)
        try checkTransaction(of: batch, producer)
    }

    /// Whether the batch is part of its producer's transaction, where one is open.
    func checkTransaction(of batch: StoredBatch, _ producer: Producer) throws(LogError) {
        if producer.transactionOffset < 0 || batch.isTransactional { return }
        throw LogError(
            .invalidTransactionState,
            "producer \(batch.producerID) has a transaction open since offset \(producer.transactionOffset); "
                + "the batch is not part of it")
    }

    /// Whether the marker may end its producer's transaction; changes nothing.
    func check(_ marker: TransactionMarker) throws(LogError) {
        guard marker.producerID >= 0, marker.producerEpoch >= 0 else {
            throw LogError(.invalidBatch, "a marker names its producer and that one's epoch")
        }
        guard let producer = producers[marker.producerID] else { return }
        guard marker.producerEpoch >= producer.epoch else {
            throw LogError(
                .invalidProducerEpoch,
                "producer \(marker.producerID) has epoch \(producer.epoch); the marker is of \(marker.producerEpoch)")
        }
        guard marker.coordinatorEpoch >= producer.coordinatorEpoch else {
            throw LogError(
                .coordinatorFenced,
                "producer \(marker.producerID): the marker is of coordinator epoch \(marker.coordinatorEpoch), but "
                    + "\(producer.coordinatorEpoch) wrote one before")
        }
    }

    /// Takes in a marker. Gives the first offset of the transaction that it ends; nil: none was open.
    ///
    /// One of a higher epoch begins that epoch (KIP-890): its first sequence is 0.
    mutating func end(_ marker: TransactionMarker, wallMilliseconds: Int64) -> (undo: Undo, firstOffset: Int64?) {
        let id = marker.producerID
        guard let place = producers.index(forKey: id) else {
            producers[id] = Producer(
                epoch: marker.producerEpoch, batches: [], sequencesSeen: 0, lastUseMilliseconds: wallMilliseconds,
                coordinatorEpoch: marker.coordinatorEpoch)
            return (Undo(producerID: id, before: .unknown), nil)
        }
        let before = producers.values[place]
        producers.values[place].begin(marker.producerEpoch)
        producers.values[place].lastUseMilliseconds = wallMilliseconds
        producers.values[place].coordinatorEpoch = marker.coordinatorEpoch
        producers.values[place].closeTransaction()
        let firstOffset = before.transactionOffset >= 0 ? before.transactionOffset : nil
        return (Undo(producerID: id, before: .other(before)), firstOffset)
    }

    /// Takes in the epoch of a batch without a sequence.
    mutating func advanceEpoch(_ batch: StoredBatch, _ wallMilliseconds: Int64) -> Undo {
        guard let place = producers.index(forKey: batch.producerID) else {
            producers[batch.producerID] = Producer(
                epoch: batch.producerEpoch, batches: [], sequencesSeen: 0, lastUseMilliseconds: wallMilliseconds)
            return Undo(producerID: batch.producerID, before: .unknown)
        }
        let before = producers.values[place]
        producers.values[place].begin(batch.producerEpoch)
        producers.values[place].lastUseMilliseconds = wallMilliseconds
        return Undo(producerID: batch.producerID, before: .other(before))
    }

    /// Opens the batch's transaction, unless one is open. One whose records were all cleaned away opens none: it has
    /// ended, and its marker may be gone.
    mutating func openTransaction(of batch: StoredBatch, at offset: Int64, _ wallMilliseconds: Int64) -> Bool {
        guard let place = producers.index(forKey: batch.producerID), batch.recordCount > 0,
            producers.values[place].transactionOffset < 0
        else { return false }
        producers.values[place].transactionOffset = offset
        producers.values[place].transactionMilliseconds = wallMilliseconds
        return true
    }

    /// Takes a record's time for the beginning of the transaction, where it is earlier: a replay comes later.
    mutating func noteTransactionStart(of producerID: Int64, noLaterThan milliseconds: Int64) {
        guard milliseconds >= 0, let place = producers.index(forKey: producerID) else { return }
        let known = producers.values[place].transactionMilliseconds
        producers.values[place].transactionMilliseconds = min(known, milliseconds)
    }

    /// The producer's open transaction.
    func openTransaction(of producerID: Int64) -> OpenTransaction? {
        guard let producer = producers[producerID], producer.transactionOffset >= 0 else { return nil }
        return OpenTransaction(
            producerEpoch: producer.epoch, firstOffset: producer.transactionOffset,
            startMilliseconds: producer.transactionMilliseconds)
    }

    /// Everybody, by id.
    var descriptions: [ProducerDescription] {
        producers.map { id, producer in
            ProducerDescription(
                id: id, epoch: producer.epoch, lastSequence: producer.batches.last?.lastSequence ?? -1,
                lastTimestamp: producer.lastUseMilliseconds, coordinatorEpoch: producer.coordinatorEpoch,
                openTransactionOffset: producer.transactionOffset)
        }.sorted { $0.id < $1.id }
    }
}

extension ProducerStates.Producer {
    /// Forgets the sequences of an older epoch.
    fileprivate mutating func begin(_ newEpoch: Int16) {
        if newEpoch == epoch { return }
        epoch = newEpoch
        batches = []
        sequencesSeen = 0
    }

    mutating func closeTransaction() {
        transactionOffset = -1
        transactionMilliseconds = -1
    }
}
