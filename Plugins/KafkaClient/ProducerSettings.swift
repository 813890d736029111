public import NIOCore
public import RecordBatch

/// How a producer sends.
public struct ProducerSettings: Sendable, Hashable {
    /// What an acknowledgement says: -1 committed, 1 written by the leader, 0 nothing.
    public var acks: Int16
    /// The codec of batches.
    public var codec: Codec
    /// Whether retries cannot double a batch (KIP-98); needs acks -1.
    public var isIdempotent: Bool
    /// How often a batch is tried again after an error that may pass.
    public var retriesMax: Int
    /// How long to wait between two tries.
    public var retryDelay: Duration
    /// How long a batch waits for more records before it is sent. Zero: as long as others are on their way.
    public var linger: Duration = .zero
    /// A batch of queued records is sent when it has this many bytes, before compression.
    public var batchSizeBytesMax = 64 << 10
    /// Batches on their way at once. Without idempotence one (a retry would overtake the others); with it five,
    /// which is what brokers remember.
    public var batchesInFlightMax: Int
    /// The bytes of records that may be queued; beyond them `enqueue` says no.
    public var queueSizeBytesMax = 32 << 20

    /// Committed, idempotent, not compressed; tries for about a minute.
    public init(
        acks: Int16 = -1, codec: Codec = .none, isIdempotent: Bool = true, retriesMax: Int = 300,
        retryDelay: Duration = .milliseconds(200)
    ) {
        self.acks = acks
        self.codec = codec
        self.isIdempotent = isIdempotent && acks == -1
        self.retriesMax = retriesMax
        self.retryDelay = retryDelay
        batchesInFlightMax = self.isIdempotent ? 5 : 1
    }
}

/// A record to be sent.
public struct OutgoingRecord: Sendable, Hashable {
    /// Its time, in milliseconds since 1970.
    public var timestamp: Int64
    /// Its key; nil: none.
    public var key: ByteBuffer?
    /// Its value; nil: a tombstone.
    public var value: ByteBuffer?
    /// Its headers.
    public var headers: [Record.Header]

    /// A record.
    public init(timestamp: Int64, key: ByteBuffer? = nil, value: ByteBuffer?, headers: [Record.Header] = []) {
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// About the bytes that it takes in a batch.
    var sizeBytes: Int {
        headers.reduce(24 + (key?.readableBytes ?? 0) + (value?.readableBytes ?? 0)) {
            $0 + 4 + $1.key.utf8.count + ($1.value?.readableBytes ?? 0)
        }
    }
}
