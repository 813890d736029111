import KafkaWire
import NIOCore
import RecordBatch
import Testing

@testable import Kafka

@Suite("APIs and versions") struct VersionTests {
    @Test("ApiVersions tells what is served, in every version it has itself", arguments: Int16(0)...4)
    func apiVersions(version: Int16) throws {
        let client = try SimulatedBroker().connect()
        let answer = try #require(try client.ask(ApiVersionsRequest(), version: version))
        #expect(answer.errorCode == .none)
        let ranges = Dictionary(uniqueKeysWithValues: answer.apiKeys.map { ($0.apiKey, $0.minVersion...$0.maxVersion) })
        #expect(ranges[.produce] == 0...13)
        #expect(ranges[.fetch] == 4...18)
        #expect(ranges[.findCoordinator] != nil)
        for (key, range) in ranges {
            let valid = try #require(key.validVersions)
            #expect(valid.upperBound >= range.upperBound, "\(key) is told but not encoded")
        }
    }

    @Test("an ApiVersions of a version to come is answered in form 0, with its own range, and the connection stays")
    func apiVersionsToCome() throws {
        let client = try SimulatedBroker().connect()
        // Header 2: api 18, version 99, correlation 7, client "x", no tags; a body that nobody knows.
        try client.send(bytes: [0, 0, 0, 15, 0, 18, 0, 99, 0, 0, 0, 7, 0, 1, 0x78, 0, 1, 2, 3])
        var frame = try #require(try client.nextFrame())
        #expect(frame.readInteger(as: Int32.self) == 7)
        let answer = try ApiVersionsResponse.decode(frame, version: 0)
        #expect(answer.errorCode == .unsupportedVersion)
        #expect(answer.apiKeys.map(\.apiKey) == [.apiVersions])
        #expect(answer.apiKeys.first?.maxVersion == 4)
        #expect(try client.ask(ApiVersionsRequest(), version: 3)?.errorCode == ErrorCode.none)
    }

    @Test("a version that is encoded but not served gets UNSUPPORTED_VERSION in its own form")
    func notServedYet() throws {
        let client = try SimulatedBroker().connect()
        let handshake = try #require(try client.ask(SaslHandshakeRequest(), version: 1))
        #expect(handshake.errorCode == .unsupportedVersion)
        #expect(client.isOpen)
    }

    @Test(
        "an API or a version without a form closes the connection",
        arguments: [
            [0, 0, 0, 8, 0, 1, 0, 99, 0, 0, 0, 1] as [UInt8], [0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 1],
            [0, 0, 0, 10, 3, 0xE7, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF],
            [0, 0, 0, 10, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF],
        ])
    func unknown(bytes: [UInt8]) throws {
        let node = try SimulatedBroker()
        let client = try node.connect()
        try client.send(bytes: bytes)
        node.pass(.seconds(1))
        #expect(!client.isOpen)
        #expect(try node.connect().ask(ApiVersionsRequest(), version: 0) != nil)
    }

    @Test("every API answers in every version it tells", arguments: [1, 2])
    func everyVersion(loopCount: Int) throws {
        let node = try SimulatedBroker(loopCount: loopCount, topics: ["orders:2"])
        let client = try node.connect()
        func ask<Request: KafkaRequest>(_ request: Request) throws {
            let entry = try #require(ApiTable.standard[Request.apiKey])
            for version in entry.versions {
                #expect(try client.ask(request, version: version) != nil, "\(Request.apiKey) \(version)")
                #expect(client.isOpen, "\(Request.apiKey) \(version)")
            }
        }
        try ask(produce(batch(["a"]), to: "orders"))
        try ask(produce(batch(["a"]), to: "nobody"))
        try ask(produce(batch(["a"], codec: .zstd), to: "orders", 1))
        try ask(fetch([("orders", 0, 0), ("orders", 1, 0), ("orders", 7, 0), ("nobody", 0, 0)]))
        try ask(fetch([("orders", 0, 900)]))
        try ask(MetadataRequest())
        try ask(InitProducerIdRequest())
        try ask(OffsetForLeaderEpochRequest())
        try ask(ApiVersionsRequest())
        try ask(ListGroupsRequest())
        try ask(DescribeGroupsRequest())
        try ask(DeleteGroupsRequest())
        try ask(HeartbeatRequest())
        try ask(SyncGroupRequest())
        try ask(LeaveGroupRequest())
        try ask(OffsetCommitRequest())
        try ask(OffsetFetchRequest())
        try ask(OffsetDeleteRequest())
        try ask(ConsumerGroupHeartbeatRequest())
        try ask(ConsumerGroupDescribeRequest())
        try ask(AddPartitionsToTxnRequest())
        try ask(AddOffsetsToTxnRequest())
        try ask(EndTxnRequest())
        try ask(TxnOffsetCommitRequest())
        try ask(WriteTxnMarkersRequest())
        try ask(DescribeProducersRequest())
        try ask(DescribeTransactionsRequest())
        try ask(ListTransactionsRequest())
        try ask(DescribeLogDirsRequest())
        try ask(AlterReplicaLogDirsRequest())
        try ask(ElectLeadersRequest())
        try ask(AlterPartitionReassignmentsRequest())
        try ask(ListPartitionReassignmentsRequest())
        try ask(DescribeQuorumRequest())
        try ask(UnregisterBrokerRequest())
        try ask(DescribeTopicPartitionsRequest())
        try ask(UpdateFeaturesRequest())
        try ask(ListConfigResourcesRequest())
        try ask(GetTelemetrySubscriptionsRequest())
        try ask(PushTelemetryRequest())
        try ask(DescribeClusterRequest())
        var offsets = ListOffsetsRequest()
        offsets.topics = ([-1, -2, -3, -4, -5, -6, 0, 1_700_000_000_000] as [Int64]).map { timestamp in
            var partition = ListOffsetsRequest.ListOffsetsPartition()
            partition.timestamp = timestamp
            var topic = ListOffsetsRequest.ListOffsetsTopic()
            topic.name = "orders"
            topic.partitions = [partition]
            return topic
        }
        try ask(offsets)
        for version in Int16(0)...6 {
            var request = FindCoordinatorRequest()
            if version >= 4 { request.coordinatorKeys = ["a", "b"] } else { request.key = "a" }
            // One node coordinates all groups and all transactions; there is no third sort.
            for (type, expected) in [(Int8(0), ErrorCode.none), (1, .none), (9, .invalidRequest)]
            where version > 0 || type == 0 {
                request.keyType = type
                let answer = try #require(try client.ask(request, version: version))
                let codes = version >= 4 ? answer.coordinators.map(\.errorCode) : [answer.errorCode]
                #expect(codes == Array(repeating: expected, count: version >= 4 ? 2 : 1))
            }
        }
    }
}
