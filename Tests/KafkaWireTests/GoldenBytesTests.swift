import KafkaWire
import NIOCore
import Testing

/// Bytes that another implementation wrote: kafka-python 3.0.12, `Message(version=…, …).encode(version=…)` with the
/// values below.
@Suite("Bytes of another implementation")
struct GoldenBytesTests {
    private func check<Message: KafkaMessage>(_ message: Message, _ version: Int16, _ expected: String) throws {
        #expect(hexadecimal(try message.encoded(version)) == expected, "\(Message.self) \(version)")
        #expect(try Message.decode(bytes(expected), version: version) == message, "\(Message.self) \(version)")
    }

    @Test("ApiVersions 0 and 3")
    func apiVersions() throws {
        try check(ApiVersionsRequest(), 0, "")
        var request = ApiVersionsRequest()
        request.clientSoftwareName = "weir"
        request.clientSoftwareVersion = "0.1"
        try check(request, 3, "057765697204302e3100")

        var produce = ApiVersionsResponse.ApiVersion()
        produce.maxVersion = 11
        var versions = ApiVersionsResponse.ApiVersion()
        versions.apiKey = .apiVersions
        versions.maxVersion = 4
        var response = ApiVersionsResponse()
        response.errorCode = .unsupportedVersion
        response.apiKeys = [produce, versions]
        try check(response, 0, "00230000000200000000000b001200000004")
        response.errorCode = .none
        response.throttleTimeMs = 7
        response.finalizedFeaturesEpoch = 5
        try check(response, 3, "00000300000000000b0000120000000400000000070101080000000000000005")
    }

    @Test("Metadata 1 and 9")
    func metadata() throws {
        var request = MetadataRequest()
        request.topics = nil
        try check(request, 1, "ffffffff")
        var wanted = MetadataRequest.MetadataRequestTopic()
        wanted.name = "orders"
        request.topics = [wanted]
        request.allowAutoTopicCreation = false
        request.includeTopicAuthorizedOperations = true
        try check(request, 9, "02076f72646572730000000100")

        var broker = MetadataResponse.MetadataResponseBroker()
        broker.nodeId = 1
        broker.host = "localhost"
        broker.port = 9092
        var partition = MetadataResponse.MetadataResponsePartition()
        partition.leaderId = 1
        partition.replicaNodes = [1]
        partition.isrNodes = [1]
        var topic = MetadataResponse.MetadataResponseTopic()
        topic.name = "orders"
        topic.partitions = [partition]
        var response = MetadataResponse()
        response.brokers = [broker]
        response.controllerId = 1
        response.topics = [topic]
        try check(
            response, 1,
            "000000010000000100096c6f63616c686f737400002384ffff0000000100000001000000066f7264657273000000"
                + "00010000000000000000000100000001000000010000000100000001")
        response.clusterId = "weir"
        response.topics[0].partitions[0].leaderEpoch = 3
        try check(
            response, 9,
            "0000000002000000010a6c6f63616c686f7374000023840000057765697200000001020000076f72646572730002"
                + "000000000000000000010000000302000000010200000001010080000000008000000000")
    }

    @Test("Produce 3 and 9")
    func produce() throws {
        var partition = ProduceRequest.PartitionProduceData()
        partition.index = 2
        partition.records = ByteBuffer(string: "batch")
        var topic = ProduceRequest.TopicProduceData()
        topic.name = "orders"
        topic.partitionData = [partition]
        var request = ProduceRequest()
        request.acks = -1
        request.timeoutMs = 30_000
        request.topicData = [topic]
        try check(request, 3, "ffffffff000075300000000100066f72646572730000000100000002000000056261746368")
        try check(request, 9, "00ffff0000753002076f72646572730200000002066261746368000000")

        var outcome = ProduceResponse.PartitionProduceResponse()
        outcome.index = 2
        outcome.errorCode = .notLeaderOrFollower
        outcome.baseOffset = -1
        var answered = ProduceResponse.TopicProduceResponse()
        answered.name = "orders"
        answered.partitionResponses = [outcome]
        var response = ProduceResponse()
        response.responses = [answered]
        try check(
            response, 3,
            "0000000100066f726465727300000001000000020006ffffffffffffffffffffffffffffffff00000000")
        response.responses[0].partitionResponses[0].logStartOffset = 4
        response.responses[0].partitionResponses[0].errorMessage = "no"
        try check(
            response, 9,
            "02076f726465727302000000020006ffffffffffffffffffffffffffffffff000000000000000401036e6f000000"
                + "00000000")
    }

    @Test("Fetch 4 and 12")
    func fetch() throws {
        var partition = FetchRequest.FetchPartition()
        partition.fetchOffset = 42
        partition.partitionMaxBytes = 65_536
        var topic = FetchRequest.FetchTopic()
        topic.topic = "orders"
        topic.partitions = [partition]
        var request = FetchRequest()
        request.maxWaitMs = 500
        request.minBytes = 1
        request.maxBytes = 1_048_576
        request.isolationLevel = 1
        request.topics = [topic]
        try check(
            request, 4,
            "ffffffff000001f40000000100100000010000000100066f72646572730000000100000000000000000000002a00010000")
        request.topics[0].partitions[0].currentLeaderEpoch = 3
        try check(
            request, 12,
            "ffffffff000001f400000001001000000100000000ffffffff02076f7264657273020000000000000003000000000000"
                + "002affffffffffffffffffffffff000100000000010100")

        var aborted = FetchResponse.AbortedTransaction()
        aborted.producerId = 9
        aborted.firstOffset = 41
        var served = FetchResponse.PartitionData()
        served.highWatermark = 43
        served.lastStableOffset = 43
        served.abortedTransactions = [aborted]
        served.records = ByteBuffer()
        var answered = FetchResponse.FetchableTopicResponse()
        answered.topic = "orders"
        answered.partitions = [served]
        var response = FetchResponse()
        response.responses = [answered]
        try check(
            response, 4,
            "000000000000000100066f726465727300000001000000000000000000000000002b000000000000002b0000000100000000"
                + "00000009000000000000002900000000")
        response.responses[0].partitions[0].logStartOffset = 0
        try check(
            response, 12,
            "0000000000000000000002076f726465727302000000000000000000000000002b000000000000002b0000000000000000"
                + "020000000000000009000000000000002900ffffffff01000000")
    }

    @Test("request headers 1 and 2, whose client id is never compact")
    func headers() throws {
        for (version, expected) in [(3, "000000030000004d000477656972"), (9, "000000090000004d00047765697200")] {
            let header = RequestHeader(api: .produce, version: Int16(version), correlationId: 77, clientId: "weir")
            var buffer = ByteBuffer()
            try header.write(to: &buffer)
            #expect(hexadecimal(buffer) == expected)
            #expect(try RequestHeader.read(from: &buffer) == header)
            #expect(buffer.readableBytes == 0)
        }
    }

    @Test("ListOffsets 6")
    func listOffsets() throws {
        var partition = ListOffsetsRequest.ListOffsetsPartition()
        partition.partitionIndex = 1
        partition.timestamp = -2
        var topic = ListOffsetsRequest.ListOffsetsTopic()
        topic.name = "orders"
        topic.partitions = [partition]
        var request = ListOffsetsRequest()
        request.replicaId = -1
        request.topics = [topic]
        try check(request, 6, "ffffffff0002076f72646572730200000001fffffffffffffffffffffffe000000")
    }
}
