internal import NIOCore
internal import WeirRuntime

/// Transactions as one log sees them.
extension LocalLog {
    /// Appends the control batch that ends the producer's transaction here; `then` when it is committed.
    public func append(
        _ marker: TransactionMarker, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        loop.preconditionIsCurrent()
        try admit()
        try producers.check(marker)
        let bytes = MarkerBatch.encoded(marker, offset: 0, epoch: 0)
        guard var batch = bytes.withUnsafeReadableBytes({ StoredBatch($0) }) else {
            preconditionFailure("a marker's batch has a header")
        }
        try makeRoom(for: batch)
        batch.baseOffset = appended.nextOffset
        let ended = producers.end(marker, wallMilliseconds: clock.wallMilliseconds)
        if let first = ended.firstOffset {
            transactions.end(first, with: batch.baseOffset, isCommit: marker.isCommit)
        }
        committedWaiters.append(until: appended.nextIndex, then)
        enqueue(PendingBatch(batch: batch, bytes: bytes, undo: ended.undo))
        return AppendReceipt(baseOffset: batch.baseOffset, lastOffset: batch.baseOffset)
    }

    /// The producer's open transaction. O(1).
    public func openTransaction(of producerID: Int64) -> OpenTransaction? {
        loop.preconditionIsCurrent()
        return producers.openTransaction(of: producerID)
    }

    /// The producers that the log remembers, by id.
    public var producerDescriptions: [ProducerDescription] {
        loop.preconditionIsCurrent()
        return producers.descriptions
    }

    /// Up to where readers of stable records see it; at least the log start, which DeleteRecords may move past an open
    /// transaction's beginning.
    var stablePoint: LogPoint {
        guard var point = transactions.firstUnstable, point.nextOffset < committed.nextOffset else { return committed }
        point.nextOffset = max(point.nextOffset, logStart)
        return point
    }

    /// Takes down where stable records end now.
    func noteStable() {
        countTransactions(open: transactions.open.count, aborted: transactions.aborted.entries.count)
        let now = stablePoint.nextOffset
        guard now > stableOffset else { return }
        stableOffset = now
        changes.insert(.lastStableOffset)
    }

    func countTransactions(open: Int, aborted: Int) {
        guard countedTransactions != (open, aborted) else { return }
        probe.transactionsChanged(
            open: open - countedTransactions.open, aborted: aborted - countedTransactions.aborted)
        countedTransactions = (open, aborted)
    }
}
