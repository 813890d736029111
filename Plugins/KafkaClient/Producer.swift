import KafkaWire
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
}

/// Sends batches to one partition, one after another, each until it is acknowledged.
public actor Producer {
    private let client: KafkaClient
    private let topic: String
    private let partition: Int32
    private let settings: ProducerSettings
    private var identity: (id: Int64, epoch: Int16)?
    private var nextSequence: Int32 = 0

    /// A producer to `partition` of `topic`. Does not connect yet.
    public init(_ client: KafkaClient, topic: String, partition: Int32, settings: ProducerSettings = ProducerSettings()) {
        self.client = client
        self.topic = topic
        self.partition = partition
        self.settings = settings
    }

    /// Sends the records as one batch; returns the offset of the first, or -1 with acks 0.
    ///
    /// Errors that may pass are tried again, at the leader that fresh metadata names. Calls must not overlap.
    public func send(_ records: [OutgoingRecord]) async throws -> Int64 {
        precondition(!records.isEmpty, "a batch has at least one record")
        let request = try await request(for: records)
        var triesLeft = settings.retriesMax
        while true {
            do {
                let offset = try await tryOnce(request)
                nextSequence = ProducerSequence.advance(nextSequence, by: Int32(records.count))
                return offset
            } catch let error as ClientError where error.isRetriable && triesLeft > 0 {
                triesLeft -= 1
                await client.forgetLeaders(of: topic)
                try await Task.sleep(for: settings.retryDelay)
            }
        }
    }

    private func request(for records: [OutgoingRecord]) async throws -> ProduceRequest {
        if settings.isIdempotent, identity == nil { identity = try await initialise() }
        var builder = RecordBatchBuilder(
            codec: settings.codec, producerID: identity?.id ?? -1, producerEpoch: identity?.epoch ?? -1,
            baseSequence: identity == nil ? -1 : nextSequence)
        for record in records {
            builder.append(
                timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
        }
        var data = ProduceRequest.PartitionProduceData()
        data.index = partition
        data.records = try builder.build()
        var group = ProduceRequest.TopicProduceData()
        group.name = topic
        group.partitionData = [data]
        var request = ProduceRequest()
        request.acks = settings.acks
        request.timeoutMs = 30_000
        request.topicData = [group]
        return request
    }

    private func tryOnce(_ request: ProduceRequest) async throws -> Int64 {
        let leader = try await client.leader(of: topic, partition)
        if settings.acks == 0 {
            try await leader.sendWithoutAnswer(request)
            return -1
        }
        let answer = try await leader.send(request)
        guard let result = answer.responses.first?.partitionResponses.first else {
            throw ClientError(.unsupported, "the broker answered nothing")
        }
        guard result.errorCode == .none else {
            throw ClientError.refused(
                "\(topic)-\(partition) refuses a batch", result.errorCode, result.errorMessage)
        }
        return result.baseOffset
    }

    private func initialise() async throws -> (id: Int64, epoch: Int16) {
        var initialisation = InitProducerIdRequest()
        initialisation.transactionalId = nil
        initialisation.transactionTimeoutMs = 60_000
        let answer = try await client.send(initialisation)
        guard answer.errorCode == .none else {
            throw ClientError.refused("no producer id", answer.errorCode, nil)
        }
        return (answer.producerId, answer.producerEpoch)
    }
}
