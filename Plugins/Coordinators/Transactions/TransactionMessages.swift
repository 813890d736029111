public import KafkaWire

/// What the transaction coordinator is asked, each about one transactional id.
public enum TransactionRequest: Sendable {
    /// InitProducerId with a transactional id. `freshID` is a producer id that nobody has; drawn by the shell.
    case initProducer(InitProducerIdRequest, RequestOrigin, freshID: Int64)
    /// AddPartitionsToTxn and AddOffsetsToTxn (as the partition of the offsets topic that holds the group).
    case addPartitions(String, ProducerIdentity, [TopicPartition])
    /// Whether the partitions are part of the producer's open transaction (KIP-890).
    case verifyPartitions(String, ProducerIdentity, [TopicPartition])
    /// EndTxn. `freshID` as with `initProducer`, needed only where the request's epoch is the last that a producer
    /// gets (``ProducerIdentity/lastEpoch``): from version 5 the producer goes on with that id (KIP-890).
    case end(EndTxnRequest, RequestOrigin, freshID: Int64?)
    /// The markers of the order were written, or their partitions are gone.
    case markersWritten(MarkerOrder)
    /// DescribeTransactions, for one id.
    case describe(String)
    /// ListTransactions: those here that pass the filters.
    case list(ListTransactionsRequest)
}

extension TransactionCoordinator {
    /// Whether a request comes to records as a rule.
    public static func isRecorded(_ request: TransactionRequest) -> Bool {
        switch request {
        case .initProducer, .addPartitions, .end, .markersWritten: true
        case .verifyPartitions, .describe, .list: false
        }
    }
}

/// What the transaction coordinator answers, by what it was asked.
public enum TransactionResponse: Sendable, Equatable {
    /// To `initProducer`.
    case initProducer(InitProducerIdResponse)
    /// To `addPartitions` and `verifyPartitions`: one code for all, or each its own.
    case partitions([TopicPartition: ErrorCode])
    /// To `end`.
    case end(EndTxnResponse)
    /// To `describe`.
    case describe(DescribeTransactionsResponse.TransactionState)
    /// To `list`.
    case list(ListTransactionsResponse)
    /// To what is told rather than asked.
    case done
}

/// What the shell does for the transaction coordinator elsewhere.
public enum TransactionCommand: Sendable, Hashable {
    /// Writes the markers, as often as it takes, and then steps `markersWritten`.
    case writeMarkers(MarkerOrder)
}

/// The markers that end one transaction.
public struct MarkerOrder: Sendable, Hashable {
    /// Whose transaction.
    public var transactionalID: String
    /// What ended.
    public var end: TransactionEnd
    /// The epoch of the coordinator that says so: partitions refuse an older one's.
    public var coordinatorEpoch: Int32
    /// Where the markers go.
    public var partitions: [TopicPartition]
    /// 2: the marker's epoch is above that of what the transaction wrote, so that a partition can tell a marker that
    /// comes late from the next transaction's end (KIP-890). Below 2: they are the same.
    public var transactionVersion: Int8

    /// An order.
    public init(
        transactionalID: String, end: TransactionEnd, coordinatorEpoch: Int32, partitions: [TopicPartition],
        transactionVersion: Int8
    ) {
        self.transactionalID = transactionalID
        self.end = end
        self.coordinatorEpoch = coordinatorEpoch
        self.partitions = partitions
        self.transactionVersion = transactionVersion
    }
}

/// How transactions are coordinated; the defaults are Kafka's.
public struct TransactionSettings: Sendable, Hashable {
    /// The longest timeout that a producer may ask for (`transaction.max.timeout.ms`).
    public var timeoutMillisecondsMax: Int32 = 900_000
    /// How long an id without a transaction is remembered (`transactional.id.expiration.ms`).
    public var idExpirationMilliseconds: Int64 = 604_800_000
    /// At least this between two rounds that forget ids (`transaction.remove.expired.transaction.cleanup.interval.ms`).
    public var idExpirationCheckMilliseconds: Int64 = 3_600_000
    /// At least this between two rounds that abort what timed out
    /// (`transaction.abort.timed.out.transaction.cleanup.interval.ms`). What times out alone is aborted at once.
    public var timeoutCheckMilliseconds: Int64 = 10_000
    /// How many partitions one transaction may have: a record of the log lists them all.
    public var partitionsMax = 10_000
    /// How many transactional ids one partition of the log remembers.
    public var idsMax = 1_000_000

    /// Kafka's defaults.
    public init() {}
}
