import KafkaWire
import NIOCore
import RecordBatch

@testable import Kafka

/// A batch of records with these values.
func batch(
    _ values: [String], codec: Codec = .none, timestamp: Int64 = 1_700_000_000_000, key: String? = nil,
    producer: Int64 = -1, epoch: Int16 = -1, sequence: Int32 = -1, attributes: BatchAttributes = []
) throws -> ByteBuffer {
    var builder = RecordBatchBuilder(
        codec: codec, attributes: attributes, producerID: producer, producerEpoch: epoch, baseSequence: sequence)
    for value in values {
        builder.append(timestamp: timestamp, key: key.map { ByteBuffer(string: $0) }, value: ByteBuffer(string: value))
    }
    return try builder.build()
}

/// A produce of one batch to one partition.
func produce(
    _ records: ByteBuffer?, to topic: String, _ partition: Int32 = 0, acks: Int16 = -1, timeoutMs: Int32 = 30_000
) -> ProduceRequest {
    var request = ProduceRequest()
    request.acks = acks
    request.timeoutMs = timeoutMs
    request.topicData = [topicData(topic, [(partition, records)])]
    return request
}

func topicData(_ topic: String, _ partitions: [(Int32, ByteBuffer?)]) -> ProduceRequest.TopicProduceData {
    var data = ProduceRequest.TopicProduceData()
    data.name = topic
    data.partitionData = partitions.map { index, records in
        var partition = ProduceRequest.PartitionProduceData()
        partition.index = index
        partition.records = records
        return partition
    }
    return data
}

/// A fetch of these partitions.
func fetch(
    _ wanted: [(topic: String, partition: Int32, offset: Int64)], waitMs: Int32 = 0, bytesMin: Int32 = 1,
    bytesMax: Int32 = 1 << 20, partitionBytesMax: Int32 = 1 << 20, isolation: Int8 = 0
) -> FetchRequest {
    var request = FetchRequest()
    request.maxWaitMs = waitMs
    request.minBytes = bytesMin
    request.maxBytes = bytesMax
    request.isolationLevel = isolation
    request.topics = wanted.map { topic, index, offset in
        var partition = FetchRequest.FetchPartition()
        partition.partition = index
        partition.fetchOffset = offset
        partition.partitionMaxBytes = partitionBytesMax
        var entry = FetchRequest.FetchTopic()
        entry.topic = topic
        entry.partitions = [partition]
        return entry
    }
    return request
}

extension FetchResponse {
    /// The parts of the response, in order.
    var parts: [PartitionData] { responses.flatMap(\.partitions) }
}

extension ProduceResponse {
    /// The parts of the response, in order.
    var parts: [PartitionProduceResponse] { responses.flatMap(\.partitionResponses) }
}

extension FetchResponse.PartitionData {
    /// The values of the records, with their offsets.
    func values() throws -> [String] {
        var values: [String] = []
        var rest = records ?? ByteBuffer()
        while rest.readableBytes > 0 {
            let header = try BatchHeader(of: rest, at: rest.readerIndex)
            guard let bytes = rest.readSlice(length: header.batchSizeBytes) else { break }
            var reader = try RecordReader(bytes, header: header, uncompressedSizeBytesMax: 1 << 24)
            while let record = try reader.next() {
                let value = record.value.map { String(buffer: $0) } ?? "null"
                values.append("\(header.baseOffset + Int64(record.offsetDelta)) \(value)")
            }
        }
        return values
    }
}
