import KafkaWire
import NIOCore

extension GroupAdmin {
    /// The group with its members.
    ///
    /// Asks as for a KIP-848 group first, and as for a classic one where it is none, as Kafka's own client does.
    public func describe(_ group: String) async throws -> GroupDescription {
        try await client.withCoordinator(of: .group(group), retries) { coordinator, node in
            if coordinator.knows(.consumerGroupDescribe) {
                let found = try await Self.describeConsumerGroup(group, coordinator, node)
                if let found { return found }
            }
            return try await Self.describeClassicGroup(group, coordinator, node)
        }
    }

    /// Nil where there is no group of that name that speaks the protocol of KIP-848.
    private static func describeConsumerGroup(
        _ group: String, _ coordinator: BrokerConnection, _ node: KafkaClient.Node
    ) async throws -> GroupDescription? {
        var request = ConsumerGroupDescribeRequest()
        request.groupIds = [group]
        guard let found = try await coordinator.send(request).groups.first else { return nil }
        switch found.errorCode {
        case .none: break
        case .groupIdNotFound, .unsupportedVersion: return nil
        default: throw refusal(group, found.errorCode, found.errorMessage)
        }
        return GroupDescription(
            id: group, type: "consumer", state: found.groupState, protocolType: "consumer",
            assignor: found.assignorName, epoch: found.groupEpoch, assignmentEpoch: found.assignmentEpoch,
            coordinator: node, members: inOrder(found.members.map(member)))
    }

    private static func member(_ member: ConsumerGroupDescribeResponse.Member) -> GroupMember {
        func partitions(_ assignment: ConsumerGroupDescribeResponse.Assignment) -> [TopicPartition] {
            assignment.topicPartitions
                .flatMap { topic in topic.partitions.map { TopicPartition(topic.topicName, $0) } }.sorted()
        }
        return GroupMember(
            id: member.memberId, instanceID: member.instanceId, clientID: member.clientId,
            host: Self.host(member.clientHost), epoch: member.memberEpoch,
            subscription: member.subscribedTopicNames.sorted(), subscriptionRegex: member.subscribedTopicRegex,
            assignment: partitions(member.assignment), target: partitions(member.targetAssignment))
    }

    private static func describeClassicGroup(
        _ group: String, _ coordinator: BrokerConnection, _ node: KafkaClient.Node
    ) async throws -> GroupDescription {
        var request = DescribeGroupsRequest()
        request.groups = [group]
        guard let found = try await coordinator.send(request).groups.first else {
            throw ClientError(.unsupported, "\(coordinator.address) answered nothing for group '\(group)'")
        }
        guard found.errorCode == .none else { throw refusal(group, found.errorCode, found.errorMessage) }
        // Before version 6 that was how a coordinator said that it knows no such group (KIP-1043).
        guard found.groupState != "Dead" else { throw refusal(group, .groupIdNotFound) }
        let areConsumers = found.protocolType == "consumer"
        return GroupDescription(
            id: group, type: "classic", state: found.groupState, protocolType: found.protocolType,
            assignor: found.protocolData, coordinator: node,
            members: inOrder(
                found.members.map { member in
                    GroupMember(
                        id: member.memberId, instanceID: member.groupInstanceId, clientID: member.clientId,
                        host: Self.host(member.clientHost),
                        subscription: areConsumers ? subscription(in: member.memberMetadata) : [],
                        assignment: areConsumers ? assignment(in: member.memberAssignment) : nil)
                }))
    }

    private static func inOrder(_ members: [GroupMember]) -> [GroupMember] {
        members.sorted { ($0.clientID, $0.id) < ($1.clientID, $1.id) }
    }

    /// Java prints addresses with a slash in front, and brokers hand that on.
    private static func host(_ text: String) -> String {
        text.hasPrefix("/") ? String(text.dropFirst()) : text
    }

    // MARK: What consumers tell each other through a classic group

    /// The partitions in an assignment; none where it is empty or cannot be read.
    static func assignment(in bytes: ByteBuffer) -> [TopicPartition] {
        guard let assignment: ConsumerProtocolAssignment = consumerMessage(in: bytes) else { return [] }
        return assignment.assignedPartitions
            .flatMap { topic in topic.partitions.map { TopicPartition(topic.topic, $0) } }.sorted()
    }

    /// The topics in a subscription; none where it is empty or cannot be read.
    static func subscription(in bytes: ByteBuffer) -> [String] {
        guard let subscription: ConsumerProtocolSubscription = consumerMessage(in: bytes) else { return [] }
        return subscription.topics.sorted()
    }

    /// A version, and the message behind it; newer versions only add fields at the end.
    private static func consumerMessage<Message: KafkaMessage>(in bytes: ByteBuffer) -> Message? {
        var bytes = bytes
        guard let version: Int16 = bytes.readInteger(), version >= Message.validVersions.lowerBound else { return nil }
        return try? Message.read(from: &bytes, version: min(version, Message.validVersions.upperBound))
    }
}
