/// A transactional id, as a list of transactions has it.
public struct TransactionListing: Sendable, Hashable {
    /// The transactional id.
    public var id: String
    /// The producer that has it.
    public var producerID: Int64
    /// "Ongoing", "CompleteCommit" and so on.
    public var state: String
    /// The broker that coordinates it.
    public var coordinator: KafkaClient.Node
}

/// Which transactions to list; what is empty or nil takes all.
public struct TransactionFilter: Sendable, Hashable {
    /// Only those in one of these states.
    public var states: Set<String>
    /// Only those of these producers.
    public var producerIDs: Set<Int64>
    /// Only those that run for longer (KIP-994).
    public var openLongerThan: Duration?

    /// All transactions, but for what is named.
    public init(states: Set<String> = [], producerIDs: Set<Int64> = [], openLongerThan: Duration? = nil) {
        self.states = states
        self.producerIDs = producerIDs
        self.openLongerThan = openLongerThan
    }
}

/// A transactional id, with its transaction.
public struct TransactionDescription: Sendable, Hashable {
    /// The transactional id.
    public var id: String
    /// The producer that has it.
    public var producerID: Int64
    /// That producer's epoch.
    public var producerEpoch: Int16
    /// "Ongoing", "CompleteCommit" and so on.
    public var state: String
    /// How long a transaction may stay open, in milliseconds.
    public var timeoutMilliseconds: Int32
    /// When the open one began, in milliseconds since 1970; nil: none is open.
    public var startMilliseconds: Int64?
    /// The broker that coordinates it.
    public var coordinator: KafkaClient.Node
    /// The partitions that are part of it, sorted.
    public var partitions: [TopicPartition]
}

/// A producer, as a partition knows it.
public struct PartitionProducer: Sendable, Hashable {
    /// Its id.
    public var id: Int64
    /// Its epoch.
    public var epoch: Int16
    /// The sequence number of its last record; -1: none.
    public var lastSequence: Int32
    /// The time of its last record, in milliseconds since 1970; -1: none.
    public var lastTimestamp: Int64
    /// The epoch of the coordinator that ended its last transaction; nil: none did.
    public var coordinatorEpoch: Int32?
    /// Where its open transaction begins; nil: none is open.
    public var transactionStart: Int64?
}
