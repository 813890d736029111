import KafkaWire
import NIOCore
import Synchronization
import Testing

@testable import KafkaClient

@Suite("Groups, seen from outside")
struct GroupAdminTests {
    private static let retries = RetryPolicy(countMax: 5, delay: .milliseconds(1))

    private func withAdmin(
        _ body: (ScriptedBroker, GroupAdmin, KafkaClient) async throws -> Void
    ) async throws {
        try await ScriptedBroker.with { broker in
            let client = try KafkaClient(bootstrap: broker.address)
            try await body(broker, GroupAdmin(client, retries: Self.retries), client)
            await client.close()
        }
    }

    // MARK: Coordinators

    @Test("the coordinator is asked for once, and again when it says that it is another")
    func coordinator() async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(
                .deleteGroups, .answer(deleted(.none)), .answer(deleted(.notCoordinator)),
                .answer(deleted(.coordinatorLoadInProgress)), .close, .answer(deleted(.none)))
            try await admin.delete("g")
            #expect(broker.arrivals.filter { $0.api == .findCoordinator }.count == 1)
            try await admin.delete("g")
            #expect(broker.arrivals.filter { $0.api == .deleteGroups }.count == 5)
            #expect(broker.arrivals.filter { $0.api == .findCoordinator }.count == 4)
        }
    }

    @Test("a coordinator that is not there yet is waited for, but not for ever")
    func notAvailable() async throws {
        try await withAdmin { broker, admin, _ in
            let absent = Answers.coordinator(of: ["g"], at: ("", -1), .coordinatorNotAvailable)
            for _ in 0..<6 { broker.on(.findCoordinator, .answer(absent)) }
            let error = await #expect(throws: ClientError.self) { try await admin.delete("g") }
            #expect(error?.errorCode == .coordinatorNotAvailable)
            #expect(broker.arrivals.filter { $0.api == .findCoordinator }.count == 6)
            #expect(!broker.arrivals.contains { $0.api == .deleteGroups })
        }
    }

    @Test("a broker that knows coordinators one at a time is asked so", arguments: [Int16(0), 1, 3])
    func oldCoordinator(_ version: Int16) async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions([.findCoordinator: 0...version])))
            var answer = FindCoordinatorResponse()
            (answer.nodeId, answer.host, answer.port) = (1, "127.0.0.1", Int32(broker.port))
            broker.on(.findCoordinator, .answer(answer))
            broker.on(.deleteGroups, .answer(deleted(.none)))
            try await admin.delete("g")
            let asked = try #require(broker.arrivals.first { $0.api == .findCoordinator })
            #expect(try asked.decoded(as: FindCoordinatorRequest.self).key == "g")
        }
    }

    // MARK: Lists

    @Test("a list has what the filter takes, also from a broker that is too old for filters")
    func list() async throws {
        try await withAdmin { broker, admin, _ in
            var answer = ListGroupsResponse()
            answer.groups = [("b", "Stable"), ("a", "Empty"), ("c", "Stable")].map { id, state in
                var group = ListGroupsResponse.ListedGroup()
                (group.groupId, group.groupState, group.groupType) = (id, state, "Classic")
                group.protocolType = id == "c" ? "connect" : "consumer"
                return group
            }
            for _ in 0..<4 { broker.on(.listGroups, .answer(answer)) }
            #expect(try await admin.list().map(\.id) == ["a", "b", "c"])
            #expect(try await admin.list(GroupFilter(states: ["stable"])).map(\.id) == ["b", "c"])
            #expect(try await admin.list(GroupFilter(protocolTypes: ["connect"])).map(\.id) == ["c"])
            #expect(try await admin.list(GroupFilter(types: ["consumer"])) == [])
            let requests = try broker.arrivals.filter { $0.api == .listGroups }.map {
                try $0.decoded(as: ListGroupsRequest.self)
            }
            #expect(requests.map(\.statesFilter) == [[], ["stable"], [], []])
            #expect(requests.map(\.typesFilter) == [[], [], [], ["consumer"]])
        }
        try await withAdmin { broker, admin, _ in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions([.listGroups: 0...2])))
            broker.on(.listGroups, .answer(ListGroupsResponse()))
            let groups = try await admin.list(GroupFilter(states: ["Stable"], types: ["classic"]))
            #expect(groups.isEmpty)
        }
    }

    // MARK: Descriptions

    @Test("a group that is no KIP-848 group is described as a classic one, its members' bytes read")
    func classic() async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(.consumerGroupDescribe, .answer(notConsumerGroup))
            broker.on(.describeGroups, .answer(try classicGroup(version: 3)))
            let group = try await admin.describe("g")
            #expect((group.type, group.state, group.assignor) == ("classic", "Stable", "range"))
            let member = try #require(group.members.first)
            #expect(member.assignment == [TopicPartition("t", 0), TopicPartition("t", 2)])
            #expect(member.subscription == ["t", "u"])
            #expect(member.host == "127.0.0.1")
            #expect(group.coordinator.id == 1)
        }
    }

    @Test("what a member of a future version wrote is read as far as it is known", arguments: [Int16(0), 1, 3, 9])
    func memberBytes(_ version: Int16) throws {
        let group = try classicGroup(version: version)
        let member = try #require(group.groups.first?.members.first)
        #expect(GroupAdmin.assignment(in: member.memberAssignment).count == 2)
        #expect(GroupAdmin.subscription(in: member.memberMetadata) == ["t", "u"])
        #expect(GroupAdmin.assignment(in: ByteBuffer()).isEmpty)
        #expect(GroupAdmin.assignment(in: ByteBuffer(bytes: [0, 0, 0x7F, 0xFF])).isEmpty)
        #expect(GroupAdmin.subscription(in: ByteBuffer(bytes: [0xFF, 0xFF, 0, 0])).isEmpty)
    }

    @Test("a KIP-848 group has epochs and targets, and is not asked for twice")
    func consumer() async throws {
        try await withAdmin { broker, admin, _ in
            var member = ConsumerGroupDescribeResponse.Member()
            (member.memberId, member.memberEpoch, member.subscribedTopicRegex) = ("m", 4, "t.*")
            var topic = ConsumerGroupDescribeResponse.TopicPartitions()
            (topic.topicName, topic.partitions) = ("t", [1, 0])
            member.targetAssignment.topicPartitions = [topic]
            var found = ConsumerGroupDescribeResponse.DescribedGroup()
            (found.groupId, found.groupState, found.groupEpoch) = ("g", "Reconciling", 5)
            found.members = [member]
            var answer = ConsumerGroupDescribeResponse()
            answer.groups = [found]
            broker.on(.consumerGroupDescribe, .answer(answer))
            let group = try await admin.describe("g")
            #expect((group.type, group.epoch) == ("consumer", 5))
            #expect(group.members.first?.assignment == [])
            #expect(group.members.first?.target == [TopicPartition("t", 0), TopicPartition("t", 1)])
            #expect(!broker.arrivals.contains { $0.api == .describeGroups })
        }
    }

    @Test(
        "a group that is not there is told so, by brokers old and new", arguments: [ErrorCode.groupIdNotFound, .none])
    func unknown(_ code: ErrorCode) async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions([.consumerGroupDescribe: nil])))
            var found = DescribeGroupsResponse.DescribedGroup()
            (found.groupId, found.groupState, found.errorCode) = ("g", "Dead", code)
            var answer = DescribeGroupsResponse()
            answer.groups = [found]
            broker.on(.describeGroups, .answer(answer))
            let error = await #expect(throws: ClientError.self) { try await admin.describe("g") }
            #expect(error?.errorCode == .groupIdNotFound)
            #expect(error?.message == "there is no group 'g'; `weir group list` shows them")
            #expect(!broker.arrivals.contains { $0.api == .consumerGroupDescribe })
        }
    }

    // MARK: Offsets

    @Test(
        "committed offsets are those of every topic, asked for in the way of the broker's version",
        arguments: [true, false])
    func committed(_ isOld: Bool) async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions([.offsetFetch: 1...(isOld ? 7 : 9)])))
            broker.on(.offsetFetch, .answer(isOld ? Self.oldOffsets : Self.newOffsets))
            let offsets = try await admin.committedOffsets(of: "g")
            #expect(offsets == [TopicPartition("t", 1): CommittedOffset(offset: 42, leaderEpoch: 3, metadata: "x")])
            let request = try #require(broker.arrivals.last).decoded(as: OffsetFetchRequest.self)
            if isOld {
                #expect(request.topics == nil)
            } else {
                #expect(request.groups.map(\.topics) == [nil])
            }
        }
    }

    @Test("a group that never was has committed nothing")
    func nothingCommitted() async throws {
        try await withAdmin { broker, admin, _ in
            var answer = OffsetFetchResponse()
            var group = OffsetFetchResponse.OffsetFetchResponseGroup()
            (group.groupId, group.errorCode) = ("g", .groupIdNotFound)
            answer.groups = [group]
            broker.on(.offsetFetch, .answer(answer))
            let offsets = try await admin.committedOffsets(of: "g")
            #expect(offsets.isEmpty)
        }
    }

    @Test("a commit says which partitions were refused; while the coordinator loads it is tried again")
    func commit() async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(
                .offsetCommit, .answer(Self.commitAnswer([0: .coordinatorLoadInProgress, 1: .none])),
                .answer(Self.commitAnswer([0: .none, 1: .unknownTopicOrPartition])))
            let refused = try await admin.commit(
                [
                    TopicPartition("t", 0): CommittedOffset(offset: 7),
                    TopicPartition("t", 1): CommittedOffset(offset: 8),
                ],
                for: "g")
            #expect(refused == [TopicPartition("t", 1): .unknownTopicOrPartition])
            let requests = broker.arrivals.filter { $0.api == .offsetCommit }
            #expect(requests.count == 2)
            let request = try #require(requests.first).decoded(as: OffsetCommitRequest.self)
            #expect((request.memberId, request.generationIdOrMemberEpoch) == ("", -1))
            #expect(request.topics.map(\.name) == ["t"])
            #expect(request.topics[0].partitions.map(\.committedOffset) == [7, 8])
        }
    }

    @Test("a group with members is not deleted, and the sentence says what to do")
    func deleteRefused() async throws {
        try await withAdmin { broker, admin, _ in
            broker.on(.deleteGroups, .answer(deleted(.nonEmptyGroup)), .answer(deleted(.groupIdNotFound)))
            let busy = await #expect(throws: ClientError.self) { try await admin.delete("g") }
            #expect(busy?.message == "group 'g' has members; stop its consumers, or wait for their session timeout")
            let unknown = await #expect(throws: ClientError.self) { try await admin.delete("g") }
            #expect(unknown?.errorCode == .groupIdNotFound)
        }
    }

    @Test("offsets of many partitions are one question; those of topics that are gone are left out")
    func offsets() async throws {
        try await withAdmin { broker, _, client in
            var answer = ListOffsetsResponse()
            var topic = ListOffsetsResponse.ListOffsetsTopicResponse()
            topic.name = "t"
            topic.partitions = [(0, ErrorCode.none, -1), (1, .none, 9)].map { index, code, offset in
                var partition = ListOffsetsResponse.ListOffsetsPartitionResponse()
                (partition.partitionIndex, partition.errorCode, partition.offset) = (Int32(index), code, Int64(offset))
                return partition
            }
            answer.topics = [topic]
            var end = answer
            end.topics[0].partitions = [answer.topics[0].partitions[0]]
            end.topics[0].partitions[0].offset = 100
            broker.on(.listOffsets, .answer(answer), .answer(end))
            let wanted = [TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("t", 7)]
            let found = try await client.offsets(.timestamp(5), of: wanted)
            #expect(found == [TopicPartition("t", 0): 100, TopicPartition("t", 1): 9])
            #expect(broker.arrivals.filter { $0.api == .listOffsets }.count == 2)
        }
    }

    // MARK: Answers

    private func deleted(_ code: ErrorCode) -> DeleteGroupsResponse {
        var result = DeleteGroupsResponse.DeletableGroupResult()
        (result.groupId, result.errorCode) = ("g", code)
        var answer = DeleteGroupsResponse()
        answer.results = [result]
        return answer
    }

    private var notConsumerGroup: ConsumerGroupDescribeResponse {
        var found = ConsumerGroupDescribeResponse.DescribedGroup()
        (found.groupId, found.errorCode) = ("g", .groupIdNotFound)
        var answer = ConsumerGroupDescribeResponse()
        answer.groups = [found]
        return answer
    }

    private func classicGroup(version: Int16) throws -> DescribeGroupsResponse {
        let layout = min(version, 3)
        var assigned = ConsumerProtocolAssignment.TopicPartition()
        (assigned.topic, assigned.partitions) = ("t", [2, 0])
        var assignment = ConsumerProtocolAssignment()
        assignment.assignedPartitions = [assigned]
        var subscription = ConsumerProtocolSubscription()
        subscription.topics = ["u", "t"]
        var member = DescribeGroupsResponse.DescribedGroupMember()
        (member.memberId, member.clientId, member.clientHost) = ("m-1", "m", "/127.0.0.1")
        member.memberAssignment = ByteBuffer(integer: version)
        try assignment.write(to: &member.memberAssignment, version: layout)
        member.memberMetadata = ByteBuffer(integer: version)
        try subscription.write(to: &member.memberMetadata, version: layout)
        var found = DescribeGroupsResponse.DescribedGroup()
        (found.groupId, found.groupState, found.protocolType, found.protocolData) = ("g", "Stable", "consumer", "range")
        found.members = [member]
        var answer = DescribeGroupsResponse()
        answer.groups = [found]
        return answer
    }

    private static var oldOffsets: OffsetFetchResponse {
        var topic = OffsetFetchResponse.OffsetFetchResponseTopic()
        topic.name = "t"
        topic.partitions = [(0, -1), (1, 42)].map { index, offset in
            var partition = OffsetFetchResponse.OffsetFetchResponsePartition()
            (partition.partitionIndex, partition.committedOffset) = (Int32(index), Int64(offset))
            (partition.committedLeaderEpoch, partition.metadata) = (3, "x")
            return partition
        }
        var answer = OffsetFetchResponse()
        answer.topics = [topic]
        return answer
    }

    private static var newOffsets: OffsetFetchResponse {
        var topic = OffsetFetchResponse.OffsetFetchResponseTopics()
        topic.name = "t"
        topic.partitions = [(0, -1), (1, 42)].map { index, offset in
            var partition = OffsetFetchResponse.OffsetFetchResponsePartitions()
            (partition.partitionIndex, partition.committedOffset) = (Int32(index), Int64(offset))
            (partition.committedLeaderEpoch, partition.metadata) = (3, "x")
            return partition
        }
        var group = OffsetFetchResponse.OffsetFetchResponseGroup()
        (group.groupId, group.topics) = ("g", [topic])
        var answer = OffsetFetchResponse()
        answer.groups = [group]
        return answer
    }

    private static func commitAnswer(_ codes: [Int32: ErrorCode]) -> OffsetCommitResponse {
        var topic = OffsetCommitResponse.OffsetCommitResponseTopic()
        topic.name = "t"
        topic.partitions = codes.sorted { $0.key < $1.key }.map { index, code in
            var partition = OffsetCommitResponse.OffsetCommitResponsePartition()
            (partition.partitionIndex, partition.errorCode) = (index, code)
            return partition
        }
        var answer = OffsetCommitResponse()
        answer.topics = [topic]
        return answer
    }
}
