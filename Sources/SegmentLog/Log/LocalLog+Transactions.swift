internal import WeirRuntime

/// Transactions as one log sees them.
extension LocalLog {
    /// Ends a producer's transaction. Not taken yet: nothing opens one.
    public func append(
        _ marker: TransactionMarker, then: @escaping (Result<Void, LogError>) -> Void
    ) throws(LogError) -> AppendReceipt {
        loop.preconditionIsCurrent()
        throw LogError(.invalidTransactionState, "producer \(marker.producerID) has no transaction in \(folder.path)")
    }

    /// The producer's open transaction.
    public func openTransaction(of producerID: Int64) -> OpenTransaction? { nil }

    /// The producers that the log remembers, by id.
    public var producerDescriptions: [ProducerDescription] { [] }
}
