import KafkaWire
import NIOCore
import SegmentLog
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

@Suite("Administration requests")
struct AdminHandlerTests {
    private func topic(
        _ name: String, partitions: Int32 = 1, configs: [String: String?] = [:]
    ) -> CreateTopicsRequest.CreatableTopic {
        var topic = CreateTopicsRequest.CreatableTopic()
        topic.name = name
        topic.numPartitions = partitions
        topic.replicationFactor = 1
        topic.configs = configs.sorted { $0.key < $1.key }.map { name, value in
            var config = CreateTopicsRequest.CreatableTopicConfig()
            config.name = name
            config.value = value
            return config
        }
        return topic
    }

    private func node(_ topics: String..., settings: [String: String] = [:]) throws -> AdminNode {
        let node = try AdminNode.started(settings: settings)
        try node.run { catalog in
            for result in await catalog.create(topics.map { NewTopic(name: $0, partitionCount: 2) }) {
                _ = try result.get()
            }
        }
        return node
    }

    /// Encodes and decodes the response in every version: one that cannot be encoded closes a connection.
    private func checkEncoding<Response: KafkaResponse>(_ response: Response) throws {
        for version in Response.validVersions {
            var buffer = ByteBuffer()
            try response.write(to: &buffer, version: version)
            _ = try Response.decode(buffer, version: version)
        }
    }

    @Test("CreateTopics answers each topic with its shape, settings and id")
    func createTopics() throws {
        let node = try node("there")
        var request = CreateTopicsRequest()
        request.topics = [
            topic("new", partitions: 3, configs: ["retention.ms": "5"]), topic("there"), topic("bad name"),
            topic("twice"), topic("twice"), topic("null", configs: ["retention.ms": nil]),
        ]
        let response = try node.run { [request] in await request.answer(by: $0) }
        #expect(response.topics.map(\.name) == ["new", "there", "bad name", "twice", "null"])
        #expect(
            response.topics.map(\.errorCode) == [
                .none, .topicAlreadyExists, .invalidTopicException, .invalidRequest, .invalidConfig,
            ])
        let made = response.topics[0]
        #expect(made.errorMessage == nil)
        #expect(made.numPartitions == 3)
        #expect(made.replicationFactor == 1)
        #expect(TopicID(made.topicId) == node.catalog.snapshot()["new"]?.id)
        #expect(made.configs?.count == TopicConfiguration.definitions.count)
        let retention = try #require(made.configs?.first { $0.name == "retention.ms" })
        #expect(retention.value == "5")
        #expect(retention.configSource == 1)
        #expect(response.topics[1].errorMessage == "Topic 'there' already exists.")
        #expect(response.topics[1].topicId.isZero)
        try checkEncoding(response)
    }

    @Test("CreateTopics that only checks makes nothing and gives no id")
    func validateOnly() throws {
        let node = try node()
        var request = CreateTopicsRequest()
        request.validateOnly = true
        request.topics = [topic("new", partitions: 4)]
        let response = try node.run { [request] in await request.answer(by: $0) }
        #expect(response.topics.map(\.errorCode) == [.none])
        #expect(response.topics[0].numPartitions == 4)
        #expect(response.topics[0].topicId.isZero)
        #expect(node.catalog.snapshot().byName.isEmpty)
    }

    @Test("an empty request is answered by an empty response")
    func emptyRequests() throws {
        let node = try node()
        try node.run { [configurations = node.configurations] catalog in
            #expect(await CreateTopicsRequest().answer(by: catalog).topics.isEmpty)
            #expect(await DeleteTopicsRequest().answer(by: catalog, version: 6).responses.isEmpty)
            #expect(await CreatePartitionsRequest().answer(by: catalog).results.isEmpty)
            #expect(await AlterConfigsRequest().answer(by: catalog, configurations, nodeID: 1).responses.isEmpty)
            #expect(
                await IncrementalAlterConfigsRequest().answer(by: catalog, configurations, nodeID: 1).responses.isEmpty)
            #expect(DescribeConfigsRequest().answer(by: catalog, configurations, nodeID: 1).results.isEmpty)
        }
    }

    @Test("DeleteTopics by name, in the versions that only have names")
    func deleteByName() throws {
        let node = try node("a", "b", "c")
        var request = DeleteTopicsRequest()
        request.topicNames = ["a", "nope", "b", "b"]
        let response = try node.run { [request] in await request.answer(by: $0, version: 5) }
        #expect(response.responses.map(\.name) == ["a", "nope", "b"])
        #expect(response.responses.map(\.errorCode) == [.none, .unknownTopicOrPartition, .invalidRequest])
        #expect(node.catalog.snapshot().byName.keys.sorted() == ["b", "c"])
        try checkEncoding(response)
        node.checkLogs()
    }

    @Test("DeleteTopics by name or id")
    func deleteByID() throws {
        let node = try node("a", "b", "c", "d")
        func state(_ name: String?, _ id: WireUUID = .zero) -> DeleteTopicsRequest.DeleteTopicState {
            var state = DeleteTopicsRequest.DeleteTopicState()
            state.name = name
            state.topicId = id
            return state
        }
        let ids = node.catalog.snapshot().byName.mapValues { WireUUID($0.id) }
        let (a, c, d) = (try #require(ids["a"]), try #require(ids["c"]), try #require(ids["d"]))
        let unknown = WireUUID(high: 4, low: 4)
        var request = DeleteTopicsRequest()
        request.topics = [
            state(nil, a), state("b"), state("c", c), state(nil), state(nil, unknown), state(nil, d), state("d"),
        ]
        let response = try node.run { [request] in await request.answer(by: $0, version: 6) }
        #expect(
            response.responses.map(\.errorCode) == [
                .none, .none, .invalidRequest, .invalidRequest, .unknownTopicId, .none, .invalidRequest,
            ])
        #expect(response.responses.map(\.name) == ["a", "b", "c", nil, nil, "d", "d"])
        #expect(response.responses[0].topicId == a)
        #expect(response.responses[4].topicId == unknown)
        #expect(node.catalog.snapshot().byName.keys.sorted() == ["c"])
        var buffer = ByteBuffer()
        try response.write(to: &buffer, version: 6)
    }

    @Test(
        "DeleteTopics is refused where it is disabled",
        arguments: [(1, 42), (2, 42), (3, 73), (6, 73)] as [(Int16, Int16)])
    func deletionDisabled(version: Int16, code: Int16) throws {
        let node = try node("a", settings: ["delete.topic.enable": "false"])
        var request = DeleteTopicsRequest()
        request.topicNames = ["a"]
        var state = DeleteTopicsRequest.DeleteTopicState()
        state.name = "a"
        request.topics = [state]
        let response = try node.run { [request] in await request.answer(by: $0, version: version) }
        #expect(response.responses.map(\.errorCode.rawValue) == [code])
        #expect(node.catalog.snapshot()["a"] != nil)
    }

    @Test("CreatePartitions answers each topic")
    func createPartitions() throws {
        let node = try node("a", "b", "c")
        func more(_ name: String, _ count: Int32) -> CreatePartitionsRequest.CreatePartitionsTopic {
            var topic = CreatePartitionsRequest.CreatePartitionsTopic()
            topic.name = name
            topic.count = count
            topic.assignments = nil
            return topic
        }
        var request = CreatePartitionsRequest()
        request.topics = [more("a", 5), more("b", 1), more("nope", 3), more("c", 3), more("c", 4)]
        let response = try node.run { [request] in await request.answer(by: $0) }
        #expect(response.results.map(\.name) == ["a", "b", "nope", "c"])
        #expect(
            response.results.map(\.errorCode) == [
                .none, .invalidPartitions, .unknownTopicOrPartition, .invalidRequest,
            ])
        #expect(node.catalog.snapshot()["a"]?.partitionCount == 5)
        try checkEncoding(response)
        node.checkLogs()
    }

    @Test("DescribeConfigs tells topics, this node and nothing of others")
    func describeConfigs() throws {
        let node = try node("a", settings: ["log.retention.hours": "1"])
        func resource(
            _ type: Int8, _ name: String, _ keys: [String]? = nil
        ) -> DescribeConfigsRequest.DescribeConfigsResource {
            var resource = DescribeConfigsRequest.DescribeConfigsResource()
            resource.resourceType = type
            resource.resourceName = name
            resource.configurationKeys = keys
            return resource
        }
        var request = DescribeConfigsRequest()
        request.includeSynonyms = true
        request.includeDocumentation = true
        request.resources = [
            resource(2, "a"), resource(2, "a", ["retention.ms", "nonsense"]), resource(2, "nope"), resource(2, "b/d"),
            resource(4, "1"), resource(4, ""), resource(4, "2"), resource(4, "x"), resource(8, "1"), resource(16, "z"),
        ]
        let response = request.answer(by: node.catalog, node.configurations, nodeID: 1)
        #expect(
            response.results.map(\.errorCode) == [
                .none, .none, .unknownTopicOrPartition, .invalidTopicException, .none, .none, .invalidRequest,
                .invalidRequest, .none, .none,
            ])
        #expect(
            response.results.map(\.configs.count) == [
                TopicConfiguration.definitions.count, 1, 0, 0, BrokerSettings.definitions.count, 0, 0, 0, 0, 0,
            ])
        let retention = response.results[1].configs[0]
        #expect(retention.value == "3600000")
        #expect(retention.configSource == 4)
        #expect(retention.configType == 5)
        #expect(retention.synonyms.map(\.name) == ["log.retention.hours", "log.retention.hours"])
        #expect(retention.documentation?.isEmpty == false)
        #expect(response.results[4].configs.contains { $0.name == "default.replication.factor" && $0.value == "1" })
        try checkEncoding(response)

        request.includeSynonyms = false
        request.includeDocumentation = false
        let plain = request.answer(by: node.catalog, node.configurations, nodeID: 1).results[1].configs[0]
        #expect(plain.synonyms.isEmpty)
        #expect(plain.documentation == nil)
    }

    @Test("AlterConfigs replaces what was set")
    func alterConfigs() throws {
        let node = try AdminNode.started()
        var create = CreateTopicsRequest()
        create.topics = [topic("a", configs: ["retention.ms": "999999"])]
        var config = AlterConfigsRequest.AlterableConfig()
        config.name = "max.message.bytes"
        config.value = "50000"
        func resource(_ type: Int8, _ name: String) -> AlterConfigsRequest.AlterConfigsResource {
            var resource = AlterConfigsRequest.AlterConfigsResource()
            resource.resourceType = type
            resource.resourceName = name
            resource.configs = [config]
            return resource
        }
        var request = AlterConfigsRequest()
        request.resources = [
            resource(2, "a"), resource(2, "nope"), resource(4, "1"), resource(7, "x"), resource(2, "b"),
            resource(2, "b"),
        ]
        let response = try node.run { [create, request, configurations = node.configurations] catalog in
            _ = await create.answer(by: catalog)
            return await request.answer(by: catalog, configurations, nodeID: 1)
        }
        #expect(response.responses.map(\.resourceName) == ["a", "nope", "1", "x", "b"])
        #expect(
            response.responses.map(\.errorCode) == [
                .none, .unknownTopicOrPartition, .invalidConfig, .invalidRequest, .invalidRequest,
            ])
        #expect(node.catalog.snapshot()["a"]?.configuration.overrides == ["max.message.bytes": "50000"])
        #expect(node.host.takeCalls() == ["create a 0..<1", "apply a"])
        try checkEncoding(response)
    }

    @Test("IncrementalAlterConfigs changes what it names")
    func incrementalAlterConfigs() throws {
        let node = try node("a")
        func alter(_ changes: (String, Int8, String?)...) throws -> ErrorCode? {
            var resource = IncrementalAlterConfigsRequest.AlterConfigsResource()
            resource.resourceType = 2
            resource.resourceName = "a"
            resource.configs = changes.map { name, operation, value in
                var config = IncrementalAlterConfigsRequest.AlterableConfig()
                config.name = name
                config.configOperation = operation
                config.value = value
                return config
            }
            var request = IncrementalAlterConfigsRequest()
            request.resources = [resource]
            let response = try node.run { [request, configurations = node.configurations] in
                await request.answer(by: $0, configurations, nodeID: 1)
            }
            try checkEncoding(response)
            return response.responses.first?.errorCode
        }
        #expect(try alter(("retention.ms", 0, "123456"), ("cleanup.policy", 2, "compact")) == ErrorCode.none)
        var overrides = node.catalog.snapshot()["a"]?.configuration.overrides
        #expect(overrides == ["retention.ms": "123456", "cleanup.policy": "delete,compact"])
        #expect(try alter(("cleanup.policy", 3, "delete")) == ErrorCode.none)
        #expect(try alter(("retention.ms", 1, nil)) == ErrorCode.none)
        overrides = node.catalog.snapshot()["a"]?.configuration.overrides
        #expect(overrides == ["cleanup.policy": "compact"])
        #expect(try alter(("retention.ms", 0, "notanumber")) == .invalidConfig)
        #expect(try alter(("no.such.config", 0, "1")) == .invalidConfig)
        #expect(try alter(("retention.ms", 9, "1")) == .invalidRequest)
        #expect(node.catalog.snapshot()["a"]?.configuration.overrides == overrides)
    }

    @Test("DescribeCluster tells the nodes, and authorized operations only where asked")
    func describeCluster() throws {
        let nodes = [ClusterNode(id: 1, host: "h", port: 9)]
        var request = DescribeClusterRequest()
        var response = request.answer(clusterID: "c", controllerID: 1, nodes: nodes)
        #expect(response.errorCode == .none)
        #expect(response.clusterId == "c")
        #expect(response.controllerId == 1)
        #expect(response.brokers.map(\.host) == ["h"])
        #expect(response.clusterAuthorizedOperations == .min)
        try checkEncoding(response)
        request.includeClusterAuthorizedOperations = true
        response = request.answer(clusterID: "c", controllerID: 1, nodes: nodes)
        #expect(response.clusterAuthorizedOperations == 8096)
        request.endpointType = 2
        response = request.answer(clusterID: "c", controllerID: 1, nodes: nodes)
        #expect(response.errorCode == .mismatchedEndpointType)
        #expect(response.brokers.isEmpty)
    }
}

@Suite("DeleteRecords")
struct AdminDeleteRecordsTests {
    private func description(_ name: String = "t", _ overrides: [String: String] = [:]) throws -> TopicDescription {
        TopicDescription(
            name: name, id: TopicID(high: 1, low: 2), partitionCount: 1, replicationFactor: 1,
            configuration: try TopicConfiguration(overrides: overrides))
    }

    @Test(
        "the start moves up to the high watermark, never beyond and never back",
        arguments: [
            ([40], 40, 0), ([-1], 100, 0), ([100], 100, 0), ([101], -1, 1), ([500], -1, 1), ([-2], -1, 1), ([0], 0, 0),
            ([40, 10], 40, 0),
        ] as [([Int64], Int64, Int16)])
    func offsets(offsets: [Int64], lowWatermark: Int64, code: Int16) throws {
        let node = try AdminNode.started()
        let topic = try description()
        let identity = LogIdentity(topicID: topic.id, topic: topic.name, partition: 0)
        let provider = MemoryLogs(node.disk)
        let outcome = try node.run { [loop = node.loop] _ in
            let log = try await provider.create(identity, settings: LogSettings(), on: loop)
            let records = try batch((0..<100).map { "\($0)" })
            await withCheckedContinuation { continuation in
                loop.execute { _ = try? log.append(records, until: .committed) { _ in continuation.resume() } }
            }
            var outcome = DeletedRecords()
            for offset in offsets { outcome = await DeletedRecords.delete(before: offset, of: topic, in: log) }
            return outcome
        }
        #expect(outcome.lowWatermark == lowWatermark)
        #expect(outcome.error.rawValue == code)
    }

    @Test("internal topics and those that keep the last record of each key keep their records")
    func refusals() throws {
        #expect(DeletedRecords.refusal(of: try description("__consumer_offsets")) == .invalidTopicException)
        #expect(DeletedRecords.refusal(of: try description("t", ["cleanup.policy": "compact"])) == .policyViolation)
        #expect(DeletedRecords.refusal(of: try description("t", ["cleanup.policy": "compact,delete"])) == nil)
        #expect(DeletedRecords.refusal(of: try description("t", ["cleanup.policy": ""])) == nil)
    }

    @Test("partitions and topics that are not there are answered one by one")
    func unknown() throws {
        let node = try AdminNode.started()
        var known = TopicsSnapshot()
        known.insert(try description())
        func topic(_ name: String, _ partitions: [Int32]) -> DeleteRecordsRequest.DeleteRecordsTopic {
            var topic = DeleteRecordsRequest.DeleteRecordsTopic()
            topic.name = name
            topic.partitions = partitions.map { number in
                var partition = DeleteRecordsRequest.DeleteRecordsPartition()
                partition.partitionIndex = number
                partition.offset = Int64(number)
                return partition
            }
            return topic
        }
        var request = DeleteRecordsRequest()
        request.topics = [topic("t", [1, 0, -1]), topic("nope", [0])]
        let response = try node.run { [request, known] _ in
            await request.answer(topics: known) { _, partition, offset in
                DeletedRecords(lowWatermark: offset + 7)
            }
        }
        #expect(response.topics.map(\.name) == ["t", "nope"])
        #expect(response.topics[0].partitions.map(\.partitionIndex) == [1, 0, -1])
        #expect(
            response.topics[0].partitions.map(\.errorCode) == [
                .unknownTopicOrPartition, .none, .unknownTopicOrPartition,
            ])
        #expect(response.topics[0].partitions.map(\.lowWatermark) == [-1, 7, -1])
        #expect(response.topics[1].partitions.map(\.errorCode) == [.unknownTopicOrPartition])
    }
}
