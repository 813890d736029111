import KafkaWire
import NIOCore

// What the log says of the group.
extension ClassicGroup {
    /// The protocol type of consumers, whose subscriptions can be read.
    static let consumerProtocolType = "consumer"

    /// The record of the group as it is, in memory of its own.
    mutating func record() -> CoordinatorRecord {
        isPersisted = true
        return CoordinatorRecord(
            key: key, value: GroupRecords.encode(value, version: GroupRecords.classicGroupValueVersion))
    }

    /// About how large the record is; never less than it is.
    var recordSizeBytes: Int {
        // The group's own texts are few, and each of at most 32 KiB.
        members.values.reduce(160 << 10) { size, member in
            size + member.metadata(for: protocolName).readableBytes + member.assignment.readableBytes
                + member.id.utf8.count + (member.instanceID?.utf8.count ?? 0) + member.clientID.utf8.count
                + member.clientHost.utf8.count + 64
        }
    }

    /// The records that say that the group is gone.
    var tombstones: [CoordinatorRecord] { isPersisted ? [CoordinatorRecord(key: key, value: nil)] : [] }

    private var key: ByteBuffer {
        var key = GroupMetadataKey()
        key.group = id
        return GroupRecords.encode(key, version: GroupRecords.classicGroupKeyVersion)
    }

    /// What is recorded: the generation, and who has which assignment.
    var value: GroupMetadataValue {
        var value = GroupMetadataValue()
        value.protocolType = protocolType ?? ""
        value.generation = generation
        value.protocol = protocolName
        value.leader = leader
        value.currentStateTimestamp = stateMilliseconds ?? -1
        value.members = membersInOrder.map { member in
            var recorded = GroupMetadataValue.MemberMetadata()
            recorded.memberId = member.id
            recorded.groupInstanceId = member.instanceID
            recorded.clientId = member.clientID
            recorded.clientHost = member.clientHost
            recorded.rebalanceTimeout = member.rebalanceMilliseconds
            recorded.sessionTimeout = member.sessionMilliseconds
            recorded.subscription = member.metadata(for: protocolName)
            recorded.assignment = member.assignment
            return recorded
        }
        return value
    }

    /// The group that a record speaks of.
    init(id: String, replaying value: GroupMetadataValue) {
        self.init(id: id, wallMilliseconds: value.currentStateTimestamp)
        if value.currentStateTimestamp == -1 { stateMilliseconds = nil }
        generation = value.generation
        protocolName = value.protocol
        isPersisted = true
        for recorded in value.members {
            var known = JoinGroupRequest.JoinGroupRequestProtocol()
            known.name = value.protocol ?? ""
            known.metadata = recorded.subscription.owned
            var member = ClassicMember(
                id: recorded.memberId, serial: takeSerial(), instanceID: recorded.groupInstanceId,
                clientID: recorded.clientId, clientHost: recorded.clientHost,
                rebalanceMilliseconds: recorded.rebalanceTimeout == -1
                    ? recorded.sessionTimeout : recorded.rebalanceTimeout,
                sessionMilliseconds: recorded.sessionTimeout, protocols: [known])
            member.assignment = recorded.assignment.owned
            // A record with a member twice is damaged; the first one counts.
            guard members[member.id] == nil, recorded.groupInstanceId.flatMap({ staticMembers[$0] }) == nil else {
                continue
            }
            add(member, type: value.protocolType)
        }
        state = members.isEmpty ? .empty : .stable
        protocolType = value.protocolType.isEmpty ? nil : value.protocolType
        leader = value.leader
        subscribedTopics = computeSubscribedTopics()
    }

    /// The topics that consumers say they want; nil: there is no telling.
    ///
    /// Every version of a subscription begins as version 0 does, so that later ones can be read too.
    func computeSubscribedTopics() -> Set<String>? {
        guard protocolType == Self.consumerProtocolType else { return nil }
        var topics: Set<String> = []
        for member in members.values {
            var metadata = member.metadata(for: protocolName)
            guard metadata.readInteger(as: Int16.self) != nil,
                let subscription = try? ConsumerProtocolSubscription.read(from: &metadata, version: 0)
            else { return nil }
            topics.formUnion(subscription.topics)
        }
        return topics
    }
}
