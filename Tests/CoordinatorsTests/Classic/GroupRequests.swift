import KafkaWire
import NIOCore

@testable import Coordinators

/// Requests as clients send them, in few words.
enum Ask {
    static let origin = RequestOrigin(version: 9, clientID: "client", clientHost: "/127.0.0.1")

    static func origin(version: Int16) -> RequestOrigin {
        RequestOrigin(version: version, clientID: "client", clientHost: "/127.0.0.1")
    }

    static func join(
        _ group: String = "g", member: String = "", instance: String? = nil, type: String = "consumer",
        protocols: [String] = ["range"], topics: [String] = ["t"], session: Int32 = 10_000, rebalance: Int32 = 60_000,
        version: Int16 = 9, fresh: String = "m"
    ) -> GroupRequest {
        var request = JoinGroupRequest()
        request.groupId = group
        request.memberId = member
        request.groupInstanceId = instance
        request.protocolType = type
        request.sessionTimeoutMs = session
        request.rebalanceTimeoutMs = rebalance
        request.protocols = protocols.map { name in
            var offered = JoinGroupRequest.JoinGroupRequestProtocol()
            offered.name = name
            var subscription = ConsumerProtocolSubscription()
            subscription.topics = topics
            offered.metadata = GroupRecords.encode(subscription, version: 1)
            return offered
        }
        return .join(request, origin(version: version), memberID: fresh)
    }

    static func sync(
        _ group: String = "g", member: String, instance: String? = nil, generation: Int32,
        assignments: [String: String] = [:], type: String? = nil, name: String? = nil
    ) -> GroupRequest {
        var request = SyncGroupRequest()
        request.groupId = group
        request.memberId = member
        request.groupInstanceId = instance
        request.generationId = generation
        request.protocolType = type
        request.protocolName = name
        request.assignments = assignments.map { member, partitions in
            var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
            assignment.memberId = member
            assignment.assignment = ByteBuffer(string: partitions)
            return assignment
        }
        return .sync(request, origin)
    }

    static func heartbeat(
        _ group: String = "g", member: String, instance: String? = nil, generation: Int32
    ) -> GroupRequest {
        var request = HeartbeatRequest()
        request.groupId = group
        request.memberId = member
        request.groupInstanceId = instance
        request.generationId = generation
        return .heartbeat(request, origin)
    }

    static func leave(_ group: String = "g", members: [(id: String, instance: String?)]) -> GroupRequest {
        var request = LeaveGroupRequest()
        request.groupId = group
        request.members = members.map { id, instance in
            var member = LeaveGroupRequest.MemberIdentity()
            member.memberId = id
            member.groupInstanceId = instance
            return member
        }
        return .leave(request, origin)
    }

    static func commit(
        of group: String = "g", _ offsets: [TopicPartition: Int64], member: String = "", instance: String? = nil,
        generation: Int32 = -1, metadata: String? = "", retention: Int64 = -1, version: Int16 = 9
    ) -> GroupRequest {
        var request = OffsetCommitRequest()
        request.groupId = group
        request.memberId = member
        request.groupInstanceId = instance
        request.generationIdOrMemberEpoch = generation
        request.retentionTimeMs = retention
        request.topics = offsets.sorted { $0.key < $1.key }.map { partition, offset in
            var entry = OffsetCommitRequest.OffsetCommitRequestPartition()
            entry.partitionIndex = partition.partition
            entry.committedOffset = offset
            entry.committedMetadata = metadata
            var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
            topic.name = partition.topic
            topic.partitions = [entry]
            return topic
        }
        return .commit(request, origin(version: version))
    }

    static func transactionalCommit(
        of group: String = "g", _ offsets: [TopicPartition: Int64], producer: Int64, member: String = "",
        generation: Int32 = -1
    ) -> GroupRequest {
        var request = TxnOffsetCommitRequest()
        request.groupId = group
        request.producerId = producer
        request.memberId = member
        request.generationId = generation
        request.topics = offsets.sorted { $0.key < $1.key }.map { partition, offset in
            var entry = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition()
            entry.partitionIndex = partition.partition
            entry.committedOffset = offset
            var topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
            topic.name = partition.topic
            topic.partitions = [entry]
            return topic
        }
        return .transactionalCommit(request, origin(version: 3))
    }

    static func end(producer: Int64, _ outcome: TransactionOutcome) -> GroupRequest {
        .transactionEnded(TransactionEnd(producer: ProducerIdentity(id: producer, epoch: 0), outcome: outcome))
    }

    static func fetch(of group: String = "g", _ partitions: [TopicPartition]?, requireStable: Bool = false)
        -> GroupRequest
    {
        var request = OffsetFetchRequest.OffsetFetchRequestGroup()
        request.groupId = group
        request.topics = partitions?.map { partition in
            var topic = OffsetFetchRequest.OffsetFetchRequestTopics()
            topic.name = partition.topic
            topic.partitionIndexes = [partition.partition]
            return topic
        }
        return .fetchOffsets(request, requireStable: requireStable, origin)
    }

    static func deleteOffsets(of group: String = "g", _ partition: TopicPartition) -> GroupRequest {
        var entry = OffsetDeleteRequest.OffsetDeleteRequestPartition()
        entry.partitionIndex = partition.partition
        var topic = OffsetDeleteRequest.OffsetDeleteRequestTopic()
        topic.name = partition.topic
        topic.partitions = [entry]
        var request = OffsetDeleteRequest()
        request.groupId = group
        request.topics = [topic]
        return .deleteOffsets(request)
    }
}

extension GroupResponse {
    /// The code of the whole answer, or of its first part.
    var code: ErrorCode {
        switch self {
        case .join(let join): join.errorCode
        case .sync(let sync): sync.errorCode
        case .heartbeat(let heartbeat): heartbeat.errorCode
        case .leave(let leave): leave.errorCode == .none ? leave.members.first?.errorCode ?? .none : leave.errorCode
        case .commit(let commit): commit.topics.first?.partitions.first?.errorCode ?? .none
        case .transactionalCommit(let commit): commit.topics.first?.partitions.first?.errorCode ?? .none
        case .fetchOffsets(let fetch):
            fetch.errorCode == .none ? fetch.topics.first?.partitions.first?.errorCode ?? .none : fetch.errorCode
        case .deleteOffsets(let delete):
            delete.errorCode == .none ? delete.topics.first?.partitions.first?.errorCode ?? .none : delete.errorCode
        case .delete(let code): code
        case .describe(let group): group.errorCode
        case .describeConsumer(let group): group.errorCode
        case .consumerHeartbeat(let heartbeat): heartbeat.errorCode
        case .list, .done: .none
        }
    }

    /// The offsets that a fetch found.
    var offsets: [TopicPartition: Int64] {
        guard case .fetchOffsets(let fetch) = self else { return [:] }
        var found: [TopicPartition: Int64] = [:]
        for topic in fetch.topics {
            for entry in topic.partitions {
                found[TopicPartition(topic.name, entry.partitionIndex)] = entry.committedOffset
            }
        }
        return found
    }
}

extension GroupWorld {
    /// A group of these members in generation 1, which all have what the first one assigned: nothing.
    mutating func form(
        _ group: String = "g", members: [String], session: Int32 = 10_000,
        instance: (String) -> String? = { _ in nil }
    ) throws {
        for member in members {
            let version: Int16 = instance(member) == nil ? 3 : 9
            _ = step(
                Ask.join(group, instance: instance(member), session: session, version: version, fresh: member))
        }
        while case .classic(let formed)? = machine.groups[group], formed.state == .preparingRebalance {
            pass(milliseconds: 1_000)
        }
        _ = try commit()
        for member in members.reversed() {
            _ = step(Ask.sync(group, member: member, instance: instance(member), generation: 1))
        }
        _ = try commit()
    }
}
