import Coordinators
import KafkaWire
import NIOCore
import RecordBatch
import Testing

@testable import Kafka

/// A transactional producer on a connection of its own, which speaks as old or as new as its version of transactions.
final class TransactionalClient {
    let client: SimulatedClient
    let id: String
    /// 1: partitions are added by requests. 2: by the first batch, and the epoch changes with each end (KIP-890).
    let version: Int
    private(set) var producer = ProducerIdentity(id: -1, epoch: -1)
    private var sequences: [TopicPartition: Int32] = [:]

    init(_ node: SimulatedBroker, _ id: String, version: Int) throws {
        client = try node.connect()
        self.id = id
        self.version = version
        try find(id, .transaction)
        try begin(on: node)
    }

    /// Looks for a coordinator, which makes its topic.
    func find(_ key: String, _ sort: CoordinatorSort) throws {
        var request = FindCoordinatorRequest()
        request.keyType = sort.rawValue
        request.coordinatorKeys = [key]
        let response = try #require(try client.ask(request, version: 4))
        #expect(response.coordinators.map(\.errorCode) == [.none])
    }

    /// InitProducerId, as often as it takes.
    func begin(on node: SimulatedBroker) throws {
        var request = InitProducerIdRequest()
        request.transactionalId = id
        request.transactionTimeoutMs = 60_000
        for _ in 0..<20 {
            let response = try #require(try client.ask(request, version: 4))
            if response.errorCode == .none {
                producer = ProducerIdentity(id: response.producerId, epoch: response.producerEpoch)
                sequences = [:]
                return
            }
            #expect(response.errorCode.isRetriable, "\(response.errorCode)")
            node.pass(.milliseconds(50))
        }
        Issue.record("\(id) gets no producer id")
    }

    func add(_ topic: String, _ partitions: [Int32]) throws -> [ErrorCode] {
        var request = AddPartitionsToTxnRequest()
        request.v3AndBelowTransactionalId = id
        request.v3AndBelowProducerId = producer.id
        request.v3AndBelowProducerEpoch = producer.epoch
        var added = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic()
        added.name = topic
        added.partitions = partitions
        request.v3AndBelowTopics = [added]
        let response = try #require(try client.ask(request, version: 3))
        return response.resultsByTopicV3AndBelow.flatMap(\.resultsByPartition).map(\.partitionErrorCode)
    }

    /// Sends a batch of one record, and does not wait.
    func sendProduce(
        _ value: String, to topic: String, _ partition: Int32 = 0, apiVersion: Int16? = nil
    ) throws {
        let place = TopicPartition(topic, partition)
        let sequence = sequences[place, default: 0]
        sequences[place] = sequence + 1
        var request = produce(
            try batch(
                [value], producer: producer.id, epoch: producer.epoch, sequence: sequence,
                attributes: .transactional),
            to: topic, partition)
        request.transactionalId = id
        try client.send(request, version: apiVersion ?? produceVersion)
    }

    func receiveProduce(apiVersion: Int16? = nil) throws -> (code: ErrorCode, offset: Int64)? {
        let response = try client.receive(ProduceResponse.self, version: apiVersion ?? produceVersion)?.response
        return response?.parts.first.map { ($0.errorCode, $0.baseOffset) }
    }

    /// Produces a batch of one record.
    func write(_ value: String, to topic: String, _ partition: Int32 = 0, apiVersion: Int16? = nil) throws -> ErrorCode
    {
        try sendProduce(value, to: topic, partition, apiVersion: apiVersion)
        client.node.settle()
        return try #require(try receiveProduce(apiVersion: apiVersion)).code
    }

    func end(_ outcome: TransactionOutcome) throws -> ErrorCode {
        var request = EndTxnRequest()
        request.transactionalId = id
        request.producerId = producer.id
        request.producerEpoch = producer.epoch
        request.committed = outcome == .committed
        let apiVersion: Int16 = version >= 2 ? 5 : 4
        let response = try #require(try client.ask(request, version: apiVersion))
        if version >= 2, response.errorCode == .none {
            producer = ProducerIdentity(id: response.producerId, epoch: response.producerEpoch)
            sequences = [:]
        }
        return response.errorCode
    }

    func commitOffset(_ offset: Int64, of topic: String, group: String, apiVersion: Int16) throws -> ErrorCode {
        var request = TxnOffsetCommitRequest()
        request.transactionalId = id
        request.groupId = group
        request.producerId = producer.id
        request.producerEpoch = producer.epoch
        var committed = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
        committed.name = topic
        var partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition()
        partition.committedOffset = offset
        committed.partitions = [partition]
        request.topics = [committed]
        let response = try #require(try client.ask(request, version: apiVersion))
        return try #require(response.topics.first?.partitions.first).errorCode
    }

    func state() throws -> DescribeTransactionsResponse.TransactionState {
        var request = DescribeTransactionsRequest()
        request.transactionalIds = [id]
        return try #require(try client.ask(request, version: 0)?.transactionStates.first)
    }

    private var produceVersion: Int16 { version >= 2 ? 12 : 11 }
}

extension SimulatedBroker {
    /// What stands in a partition's log: `a1` for a record of epoch 1, `commit` and `abort` for markers.
    func story(of topic: String, _ partition: Int32 = 0) throws -> [String] {
        try withLog(topic, partition) { $0.batches }.map { header, bytes in
            var reader = try RecordReader(bytes, header: header, uncompressedSizeBytesMax: 1 << 20)
            let record = try reader.next()
            guard header.attributes.contains(.control) else {
                return String(buffer: record?.value ?? ByteBuffer()) + "\(header.producerEpoch)"
            }
            let isCommit = record?.key?.getInteger(at: (record?.key?.readerIndex ?? 0) + 2, as: Int16.self) == 1
            return isCommit ? "commit" : "abort"
        }
    }
}
