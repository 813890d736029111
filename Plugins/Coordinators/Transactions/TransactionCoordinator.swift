public import KafkaWire
public import WeirRuntime

/// Coordinates the transactional ids that hash to one partition of `__transaction_state`.
public struct TransactionCoordinator: CoordinatorMachine {
    /// How transactions are coordinated.
    public private(set) var settings: TransactionSettings

    /// A coordinator without transactional ids.
    public init(settings: TransactionSettings) {
        self.settings = settings
    }

    /// Takes in a record of the log.
    public mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError) {}

    /// The log of transactional ids holds no transactions itself.
    public mutating func replay(_ marker: TransactionEnd) {}

    /// The log was replayed whole.
    public mutating func begin(at time: CoordinatorTime) -> Effects<TransactionResponse, TransactionCommand> {
        Effects()
    }

    /// Takes in a request.
    public mutating func step(
        _ request: TransactionRequest, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<TransactionResponse, TransactionCommand> {
        .answer(ticket, .done)
    }

    /// Lets the deadlines pass that are not after `time`.
    public mutating func advance(to time: CoordinatorTime) -> Effects<TransactionResponse, TransactionCommand> {
        Effects()
    }

    /// When `advance` has something to do next.
    public var nextDeadline: MonotonicTime? { nil }
}
