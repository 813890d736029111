import Coordinators
import KafkaWire
import NIOCore
import ObjectStore
import SegmentLog
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("groups through a connection") struct GroupRequestTests {
    /// A member of a classic group, on a connection of its own.
    final class Member {
        let client: SimulatedClient
        let group: String
        var id = ""
        var generation: Int32 = -1
        var isLeader = false
        var others: [String] = []

        init(_ node: SimulatedBroker, _ group: String) throws {
            client = try node.connect()
            self.group = group
        }

        func sendJoin() throws {
            var request = JoinGroupRequest()
            request.groupId = group
            request.memberId = id
            request.sessionTimeoutMs = 10_000
            request.rebalanceTimeoutMs = 60_000
            request.protocolType = "consumer"
            var range = JoinGroupRequest.JoinGroupRequestProtocol()
            range.name = "range"
            range.metadata = ByteBuffer(bytes: [0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
            request.protocols = [range]
            try client.send(request, version: 5)
        }

        func receiveJoin() throws -> ErrorCode? {
            guard let response = try client.receive(JoinGroupResponse.self, version: 5)?.response else { return nil }
            id = response.memberId.isEmpty ? id : response.memberId
            generation = response.generationId
            isLeader = response.leader == response.memberId
            others = response.members.map(\.memberId)
            return response.errorCode
        }

        func sendSync() throws {
            var request = SyncGroupRequest()
            request.groupId = group
            request.memberId = id
            request.generationId = generation
            if isLeader {
                request.assignments = others.map { member in
                    var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
                    assignment.memberId = member
                    assignment.assignment = ByteBuffer(string: "for \(member)")
                    return assignment
                }
            }
            try client.send(request, version: 3)
        }

        func receiveSync() throws -> SyncGroupResponse? {
            try client.receive(SyncGroupResponse.self, version: 3)?.response
        }

        func heartbeat() throws -> ErrorCode? {
            var request = HeartbeatRequest()
            request.groupId = group
            request.memberId = id
            request.generationId = generation
            return try client.ask(request, version: 3)?.errorCode
        }

        func commit(_ topic: String, _ partition: Int32 = 0, _ offset: Int64) throws -> [ErrorCode]? {
            var request = OffsetCommitRequest()
            request.groupId = group
            request.memberId = id
            request.generationIdOrMemberEpoch = generation
            var part = OffsetCommitRequest.OffsetCommitRequestPartition()
            part.partitionIndex = partition
            part.committedOffset = offset
            var asked = OffsetCommitRequest.OffsetCommitRequestTopic()
            asked.name = topic
            asked.partitions = [part]
            request.topics = [asked]
            return try client.ask(request, version: 7)?.topics.flatMap(\.partitions).map(\.errorCode)
        }
    }

    private func node(loopCount: Int = 1, topics: [String] = ["orders:2"]) throws -> SimulatedBroker {
        try SimulatedBroker(loopCount: loopCount, topics: topics)
    }

    private func find(_ key: String, _ client: SimulatedClient, type: Int8 = 0) throws -> FindCoordinatorResponse
        .Coordinator?
    {
        var request = FindCoordinatorRequest()
        request.keyType = type
        request.coordinatorKeys = [key]
        return try client.ask(request, version: 4)?.coordinators.first
    }

    /// Members of a group that has settled.
    private func settled(_ node: SimulatedBroker, _ count: Int, group: String = "g") throws -> [Member] {
        _ = try find(group, try node.connect())
        let members = try (0..<count).map { _ in try Member(node, group) }
        for member in members {
            try member.sendJoin()
            guard try member.receiveJoin() == .memberIdRequired else { throw Unexpected("no member id") }
            try member.sendJoin()
            node.settle()
        }
        node.pass(.seconds(3))
        for member in members {
            guard try member.receiveJoin() == ErrorCode.none else { throw Unexpected("not joined") }
        }
        for member in members { try member.sendSync() }
        for member in members {
            guard try member.receiveSync()?.errorCode == ErrorCode.none else { throw Unexpected("not synced") }
        }
        return members
    }

    struct Unexpected: Error {
        init(_ what: String) { self.what = what }
        let what: String
    }

    /// Closes a component's gate and tells the component, as the runtime does.
    private func drain(_ name: String, _ node: SimulatedBroker) throws {
        let gate = try #require(node.host.registry.gate(named: name))
        node.host.registry.close([gate])
        let component: any Component = try #require(name == "kafka" ? node.plugin : node.host.component(name))
        try node.run { await component.drain() }
        node.settle()
    }

    private func resume(_ name: String, _ node: SimulatedBroker) throws {
        let gate = try #require(node.host.registry.gate(named: name))
        try node.host.registry.reopen(gates: [gate])
        let component: any Component = try #require(node.host.component(name))
        try node.run { await component.resume() }
        node.settle()
    }

    @Test("the first to look for a coordinator makes its topic: 50 partitions, compacted, internal", arguments: [0, 1])
    func topicOnFirstUse(type: Int8) throws {
        let node = try node()
        let name = type == 0 ? "__consumer_offsets" : "__transaction_state"
        #expect(node.broker.topics.snapshot()[name] == nil)
        let found = try #require(try find("g", try node.connect(), type: type))
        #expect(found.errorCode == .none)
        #expect((found.nodeId, found.host, found.port) == (1, "node", 9))
        let topic = try #require(node.broker.topics.snapshot()[name])
        #expect(topic.partitionCount == 50)
        #expect(topic.isInternal)
        #expect(topic.configuration.isCompacted && !topic.configuration.deletesOldSegments)
        #expect(topic.configuration.value(of: "segment.bytes") == "104857600")
        #expect(topic.replicationFactor == 1)
        if type == 1 { #expect(topic.inSyncReplicasMin == 1) }
    }

    @Test("an internal topic that a client asks for by name is made as the settings say")
    func topicByName() throws {
        let node = try SimulatedBroker(settings: ["offsets.topic.num.partitions": "3"])
        var request = MetadataRequest()
        var topic = MetadataRequest.MetadataRequestTopic()
        topic.name = "__consumer_offsets"
        request.topics = [topic]
        request.allowAutoTopicCreation = true
        let answer = try #require(try node.connect().ask(request, version: 9)?.topics.first)
        #expect(answer.errorCode == .none)
        #expect(answer.isInternal)
        #expect(answer.partitions.count == 3)
        #expect(node.broker.topics.snapshot()["__consumer_offsets"]?.configuration.isCompacted == true)
        let member = try settled(node, 1)[0]
        #expect(try member.heartbeat() == ErrorCode.none)
    }

    @Test("settings that contradict each other are refused by name")
    func settings() {
        let bad = [
            ["group.min.session.timeout.ms": "2000000"],
            ["group.consumer.heartbeat.interval.ms": "45000"],
            ["offsets.topic.num.partitions": "0"],
            ["group.consumer.migration.policy": "sideways"],
        ]
        for values in bad {
            #expect(throws: SettingError.self, "\(values)") { try BrokerSettings(values: values) }
        }
    }

    @Test("before its topic is there, a group's requests get an error that is tried again")
    func noTopic() throws {
        let member = try Member(try node(), "g")
        #expect(try member.heartbeat() == .coordinatorNotAvailable)
    }

    @Test("three members join, are assigned, and stay alive", arguments: [1, 2])
    func rebalance(loopCount: Int) throws {
        let node = try node(loopCount: loopCount)
        let members = try settled(node, 3)
        #expect(members.filter(\.isLeader).count == 1)
        #expect(Set(members.map(\.generation)).count == 1)
        for member in members {
            #expect(member.id.hasPrefix("test-") && member.id.utf8.count == 41)
            #expect(try member.heartbeat() == ErrorCode.none)
        }
        // A join that waits is no operation that a drain would wait for.
        let latecomer = try Member(node, "g")
        try latecomer.sendJoin()
        #expect(try latecomer.receiveJoin() == .memberIdRequired)
        try latecomer.sendJoin()
        node.settle()
        #expect(node.work("kafka/groups").inFlight == 0)
        #expect(node.work("kafka/groups").sessions == 1)
        #expect(try members[0].heartbeat() == .rebalanceInProgress)
    }

    @Test("a commit names what does not exist, keeps the rest, and is there after the log was read again")
    func commit() throws {
        let node = try node()
        let member = try settled(node, 1)[0]
        #expect(try member.commit("orders", 1, 7) == [ErrorCode.none])
        #expect(try member.commit("orders", 2, 7) == [.unknownTopicOrPartition])
        #expect(try member.commit("nowhere", 0, 7) == [.unknownTopicOrPartition])
        try drain("kafka/groups", node)
        try resume("kafka/groups", node)
        var request = OffsetFetchRequest()
        var group = OffsetFetchRequest.OffsetFetchRequestGroup()
        group.groupId = "g"
        group.topics = nil
        request.groups = [group]
        let answer = try #require(try member.client.ask(request, version: 8)?.groups.first)
        #expect(answer.errorCode == .none)
        #expect(answer.topics.map(\.name) == ["orders"])
        #expect(answer.topics.first?.partitions.map(\.committedOffset) == [7])
        #expect(try member.heartbeat() == ErrorCode.none)
    }

    @Test("where the log fails, members are told to look again, and find what was committed")
    func failure() throws {
        let node = try node()
        let member = try settled(node, 1)[0]
        #expect(try member.commit("orders", 0, 7) == [ErrorCode.none])
        let partition = HashedPartition.of("g", among: 50)
        try node.withLog("__consumer_offsets", partition) { $0.appendError = LogError(.storage, "no space") }
        #expect(try member.commit("orders", 0, 8) == [.notCoordinator])
        #expect(try member.heartbeat() == .notCoordinator)
        node.pass(.seconds(1))
        #expect(try member.heartbeat() == ErrorCode.none)
        #expect(try member.commit("orders", 0, 8) == [ErrorCode.none])
    }

    @Test("while a coordinator reads its log, heartbeats are answered as if nothing was; a rebalance begins again")
    func loading() throws {
        let node = try node()
        let member = try settled(node, 1)[0]
        try node.withLog("__consumer_offsets", HashedPartition.of("g", among: 50)) { $0.holdsReads = true }
        try drain("kafka/groups", node)
        try resume("kafka/groups", node)
        #expect(try member.heartbeat() == ErrorCode.none)
        try member.sendSync()
        #expect(try member.receiveSync()?.errorCode == .rebalanceInProgress)
        try member.sendJoin()
        #expect(try member.receiveJoin() == .coordinatorLoadInProgress)
    }

    @Test("while the node drains, heartbeats and commits go on, and nobody's session ends or group rebalances")
    func drainKeepsMembers() throws {
        let node = try node()
        let members = try settled(node, 2)
        let parked = try Member(node, "other")
        try parked.sendJoin()
        _ = try parked.receiveJoin()
        try parked.sendJoin()
        let idle = try node.connect()
        node.settle()
        try drain("kafka", node)
        try drain("kafka/groups", node)
        #expect(try parked.receiveJoin() == .notCoordinator)
        #expect(node.work("kafka/groups").sessions == 0)
        #expect(node.work("kafka").sessions == 0)
        node.pass(.seconds(60))
        #expect(!idle.isOpen)
        for member in members {
            #expect(member.client.isOpen)
            #expect(try member.heartbeat() == ErrorCode.none)
            #expect(try member.commit("orders", 0, 7) == [ErrorCode.none])
        }
        try members[0].sendJoin()
        #expect(try members[0].receiveJoin() == .notCoordinator)
        try node.run { [plugin = node.plugin] in try await plugin.stop() }
        node.pass(.seconds(1))
        #expect(members.allSatisfy { !$0.client.isOpen })
    }

    @Test("clients neither produce to internal topics, nor delete them, nor add partitions")
    func internalTopics() throws {
        let node = try node()
        _ = try find("g", try node.connect())
        let client = try node.connect()
        let produced = try client.ask(produce(batch(["a"], key: "k"), to: "__consumer_offsets"), version: 7)
        #expect(produced?.parts.map(\.errorCode) == [.invalidTopicException])
        try node.run { [topics = node.broker.topics] in
            let deleted = await topics.delete([.name("__consumer_offsets")])
            #expect(Self.code(deleted[0]) == .invalidTopicException)
            let grown = await topics.createPartitions([NewPartitions(topic: "__consumer_offsets", totalCount: 60)])
            #expect(Self.code(grown[0]) == .invalidPartitions)
        }
        // Nor does who deletes the object.
        try node.run { [objects = node.broker.topics.objects] in
            let refused = await #expect(throws: ObjectError.self) {
                try await objects.delete(TopicObject.key("__consumer_offsets"), DeleteOptions())
            }
            #expect(refused?.reason == .forbidden)
        }
    }

    private static func code(_ result: Result<TopicDescription, TopicError>) -> ErrorCode {
        guard case .failure(let error) = result else { return .none }
        return error.code
    }

    @Test("tools see the groups of all partitions")
    func tools() throws {
        let node = try node(loopCount: 2)
        _ = try settled(node, 2, group: "a")
        _ = try settled(node, 1, group: "b")
        let client = try node.connect()
        let listed = try #require(try client.ask(ListGroupsRequest(), version: 5))
        #expect(listed.errorCode == .none)
        #expect(Set(listed.groups.map(\.groupId)) == ["a", "b"])
        #expect(listed.groups.allSatisfy { $0.groupState == "Stable" && $0.groupType == "classic" })
        var describe = DescribeGroupsRequest()
        describe.groups = ["b", "a", "none"]
        describe.includeAuthorizedOperations = true
        let described = try #require(try client.ask(describe, version: 6)?.groups)
        #expect(described.map(\.groupId) == ["b", "a", "none"])
        #expect(described.map(\.members.count) == [1, 2, 0])
        #expect(described.map(\.errorCode) == [.none, .none, .groupIdNotFound])
        #expect(described[0].authorizedOperations == 328)
        var forget = OffsetDeleteRequest()
        forget.groupId = "a"
        forget.topics = ["none"].map { name in
            var topic = OffsetDeleteRequest.OffsetDeleteRequestTopic()
            topic.name = name
            topic.partitions = [OffsetDeleteRequest.OffsetDeleteRequestPartition()]
            return topic
        }
        let forgotten = try #require(try client.ask(forget, version: 0))
        #expect(forgotten.errorCode == .none)
        #expect(forgotten.topics.map(\.name) == ["none"])
        #expect(forgotten.topics.flatMap(\.partitions).map(\.errorCode) == [.unknownTopicOrPartition])
        var delete = DeleteGroupsRequest()
        delete.groupsNames = ["a", "none", "a"]
        let deleted = try #require(try client.ask(delete, version: 2)?.results)
        #expect(deleted.map(\.groupId) == ["a", "none"])
        #expect(deleted.map(\.errorCode) == [.nonEmptyGroup, .groupIdNotFound])
        let metrics = try node.run { [probe = node.broker.probe] in await probe.collectMetrics() }
        #expect(metrics.first { $0.name == "weir_kafka_group_members" }?.samples.map(\.value) == [3])
    }
}
