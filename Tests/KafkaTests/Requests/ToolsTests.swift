import KafkaWire
import NIOCore
import SegmentLog
import Testing

@testable import Kafka

@Suite("what tools ask") struct ToolsTests {
    @Test("log folders tell each log's size, and only those asked for")
    func logDirs() throws {
        let node = try SimulatedBroker(loopCount: 2, topics: ["orders:3", "other"])
        let client = try node.connect()
        _ = try client.ask(produce(batch(["a"]), to: "orders", 1), version: 9)
        let size = try node.withLog("orders", 1) { $0.sizeBytes }
        var request = DescribeLogDirsRequest()
        request.topics = nil
        let all = try #require(try client.ask(request, version: 4)?.results.first)
        #expect(all.logDir == "/" && all.errorCode == .none)
        #expect(all.topics.map(\.name) == ["orders", "other"])
        #expect(all.topics[0].partitions.map(\.partitionIndex) == [0, 1, 2])
        #expect(all.topics[0].partitions.map(\.partitionSize) == [0, size, 0])
        #expect(all.totalBytes == -1, "who does not know the room says so")
        var orders = DescribeLogDirsRequest.DescribableLogDirTopic()
        orders.topic = "orders"
        orders.partitions = [1, 9]
        var nobody = orders
        nobody.topic = "nobody"
        request.topics = [orders, nobody]
        let some = try #require(try client.ask(request, version: 4)?.results.first)
        #expect(some.topics.map(\.name) == ["orders"])
        #expect(some.topics[0].partitions.map(\.partitionIndex) == [1])
    }

    @Test("a log is moved nowhere but where it is", arguments: [("/", ErrorCode.none), ("/mnt", .logDirNotFound)])
    func alterLogDirs(path: String, expected: ErrorCode) throws {
        let client = try SimulatedBroker(topics: ["orders"]).connect()
        var topic = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic()
        topic.name = "orders"
        topic.partitions = [0, 4]
        var directory = AlterReplicaLogDirsRequest.AlterReplicaLogDir()
        directory.path = path
        directory.topics = [topic]
        var request = AlterReplicaLogDirsRequest()
        request.dirs = [directory]
        let answer = try #require(try client.ask(request, version: 2)).results
        #expect(
            answer.first?.partitions.map(\.errorCode)
                == [expected, expected == .none ? .unknownTopicOrPartition : expected])
    }

    @Test(
        "no election is needed; unknown partitions are told so; of all partitions none is told",
        arguments: [Int8(0), 1])
    func elections(type: Int8) throws {
        let client = try SimulatedBroker(topics: ["orders"]).connect()
        var topic = ElectLeadersRequest.TopicPartitions()
        topic.topic = "orders"
        topic.partitions = [0, 3]
        var request = ElectLeadersRequest()
        request.electionType = type
        request.topicPartitions = [topic]
        let answer = try #require(try client.ask(request, version: 2))
        #expect(
            answer.replicaElectionResults.first?.partitionResult.map(\.errorCode)
                == [.electionNotNeeded, .unknownTopicOrPartition])
        request.topicPartitions = nil
        #expect(try client.ask(request, version: 2)?.replicaElectionResults.isEmpty == true)
    }

    @Test(
        "an assignment is taken where it is the one in force",
        arguments: [
            ([1] as [Int32]?, ErrorCode.none), ([2], .invalidReplicaAssignment), ([1, 1], .invalidReplicaAssignment),
            ([], .invalidReplicaAssignment), (nil, .noReassignmentInProgress),
        ])
    func reassignment(replicas: [Int32]?, expected: ErrorCode) throws {
        let client = try SimulatedBroker(topics: ["orders"]).connect()
        func partition(_ index: Int32) -> AlterPartitionReassignmentsRequest.ReassignablePartition {
            var partition = AlterPartitionReassignmentsRequest.ReassignablePartition()
            partition.partitionIndex = index
            partition.replicas = replicas
            return partition
        }
        var topic = AlterPartitionReassignmentsRequest.ReassignableTopic()
        topic.name = "orders"
        topic.partitions = [partition(0), partition(9)]
        var request = AlterPartitionReassignmentsRequest()
        request.topics = [topic]
        let answer = try #require(try client.ask(request, version: 1))
        #expect(answer.responses.first?.partitions.map(\.errorCode) == [expected, .unknownTopicOrPartition])
        #expect(try client.ask(ListPartitionReassignmentsRequest(), version: 0)?.topics.isEmpty == true)
    }

    @Test("the quorum is this node, and its offsets grow with the metadata")
    func quorum() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        func described(_ topic: String) throws -> DescribeQuorumResponse.PartitionData? {
            var wanted = DescribeQuorumRequest.TopicData()
            wanted.topicName = topic
            wanted.partitions = [.init()]
            var request = DescribeQuorumRequest()
            request.topics = [wanted]
            return try client.ask(request, version: 2)?.topics.first?.partitions.first
        }
        let before = try #require(try described("__cluster_metadata"))
        #expect(before.errorCode == .none && before.leaderId == 1 && before.observers.isEmpty)
        #expect(before.currentVoters.map(\.replicaId) == [1])
        #expect(before.currentVoters.map(\.logEndOffset) == [before.highWatermark])
        try node.run { [topics = node.broker.topics] in _ = await topics.create([NewTopic(name: "new")]) }
        let after = try #require(try described("__cluster_metadata"))
        #expect(after.highWatermark > before.highWatermark)
        #expect(try described("orders")?.errorCode == .unknownTopicOrPartition)
    }

    @Test(
        "a node is not unregistered",
        arguments: [(Int32(1), ErrorCode.unsupportedVersion), (7, .brokerIdNotRegistered)])
    func unregister(id: Int32, expected: ErrorCode) throws {
        var request = UnregisterBrokerRequest()
        request.brokerId = id
        let answer = try #require(try SimulatedBroker().connect().ask(request, version: 0))
        #expect(answer.errorCode == expected && answer.errorMessage?.isEmpty == false)
    }

    @Test("partitions are told page by page, each once, whatever the limit", arguments: [Int32(1), 2, 3, 4, 100])
    func topicPartitions(limit: Int32) throws {
        let client = try SimulatedBroker(topics: ["a:3", "b", "c:4"]).connect()
        var request = DescribeTopicPartitionsRequest()
        request.responsePartitionLimit = limit
        request.topics = ["c", "a", "nobody", "b"].map { name in
            var topic = DescribeTopicPartitionsRequest.TopicRequest()
            topic.name = name
            return topic
        }
        var found: [String] = []
        var unknown = 0
        for _ in 0..<20 {
            let answer = try #require(try client.ask(request, version: 0))
            for topic in answer.topics {
                if topic.errorCode == .unknownTopicOrPartition { unknown += 1 }
                found += topic.partitions.map { "\(topic.name ?? "")-\($0.partitionIndex)" }
            }
            #expect(answer.topics.reduce(0) { $0 + $1.partitions.count } <= Int(limit))
            guard let next = answer.nextCursor else { break }
            var cursor = DescribeTopicPartitionsRequest.Cursor()
            cursor.topicName = next.topicName
            cursor.partitionIndex = next.partitionIndex
            request.cursor = cursor
        }
        #expect(found == ["a-0", "a-1", "a-2", "b-0", "c-0", "c-1", "c-2", "c-3"])
        #expect(unknown == 1)
    }

    @Test("features are told, changed within their range, and never lowered by an upgrade")
    func features() throws {
        let node = try SimulatedBroker()
        let client = try node.connect()
        func update(_ level: Int16, _ type: Int8 = 1, name: String = "transaction.version") throws -> ErrorCode? {
            var feature = UpdateFeaturesRequest.FeatureUpdateKey()
            feature.feature = name
            feature.maxVersionLevel = level
            feature.upgradeType = type
            var request = UpdateFeaturesRequest()
            request.featureUpdates = [feature]
            return try client.ask(request, version: 2)?.errorCode
        }
        func levels() throws -> [String: Int16] {
            let answer = try #require(try client.ask(ApiVersionsRequest(), version: 4))
            return Dictionary(uniqueKeysWithValues: answer.finalizedFeatures.map { ($0.name, $0.maxVersionLevel) })
        }
        #expect(try levels() == ["group.version": 1, "transaction.version": 2])
        #expect(try update(1) == .invalidUpdateVersion)
        #expect(try update(1, 2) == ErrorCode.none)
        #expect(try levels() == ["group.version": 1, "transaction.version": 1])
        #expect(try update(0, 3) == ErrorCode.none)
        #expect(try levels() == ["group.version": 1])
        #expect(try update(3) == .invalidUpdateVersion)
        #expect(try update(1, name: "nonsense.version") == .invalidUpdateVersion)
        #expect(try update(2) == ErrorCode.none)
        #expect(try levels() == ["group.version": 1, "transaction.version": 2])
        let answer = try #require(try client.ask(ApiVersionsRequest(), version: 3))
        #expect(answer.supportedFeatures.allSatisfy { $0.minVersion == 1 }, "KAFKA-17011")
        #expect(answer.finalizedFeaturesEpoch > 0)
    }

    @Test("with group.version 0 the protocol of KIP-848 is refused")
    func oldGroups() throws {
        let client = try SimulatedBroker().connect()
        func heartbeat() throws -> ErrorCode? {
            var request = ConsumerGroupHeartbeatRequest()
            request.groupId = "g"
            return try client.ask(request, version: 1)?.errorCode
        }
        #expect(try heartbeat() != .unsupportedVersion)
        var feature = UpdateFeaturesRequest.FeatureUpdateKey()
        feature.feature = "group.version"
        feature.upgradeType = 2
        var request = UpdateFeaturesRequest()
        request.featureUpdates = [feature]
        #expect(try client.ask(request, version: 2)?.errorCode == ErrorCode.none)
        #expect(try heartbeat() == .unsupportedVersion)
        var describe = ConsumerGroupDescribeRequest()
        describe.groupIds = ["g"]
        #expect(try client.ask(describe, version: 0)?.groups.map(\.errorCode) == [.unsupportedVersion])
    }

    @Test("the resources of each kind that have a configuration are listed", arguments: [Int16(0), 1])
    func resources(version: Int16) throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let client = try node.connect()
        try set(client, 16, "slow", ["interval.ms": "1000"])
        try set(client, 32, "billing", ["consumer.session.timeout.ms": "50000"])
        let answer = try #require(try client.ask(ListConfigResourcesRequest(), version: version))
        let listed = answer.configResources.map { "\($0.resourceType) \($0.resourceName)" }
        #expect(listed == (version == 0 ? ["16 slow"] : ["2 orders", "4 1", "8 1", "16 slow", "32 billing"]))
        var request = ListConfigResourcesRequest()
        request.resourceTypes = [99]
        if version > 0 { #expect(try client.ask(request, version: version)?.errorCode == .unsupportedVersion) }
    }

    private func set(_ client: SimulatedClient, _ type: Int8, _ name: String, _ values: [String: String]) throws {
        #expect(try alter(client, type, name, values) == ErrorCode.none)
    }
}

/// Sets values of a resource; nil takes them away.
func alter(
    _ client: SimulatedClient, _ type: Int8, _ name: String, _ values: [String: String?]
) throws -> ErrorCode? {
    var resource = IncrementalAlterConfigsRequest.AlterConfigsResource()
    resource.resourceType = type
    resource.resourceName = name
    resource.configs = values.map { name, value in
        var config = IncrementalAlterConfigsRequest.AlterableConfig()
        config.name = name
        config.configOperation = value == nil ? 1 : 0
        config.value = value
        return config
    }
    var request = IncrementalAlterConfigsRequest()
    request.resources = [resource]
    return try client.ask(request, version: 1)?.responses.first?.errorCode
}
