import KafkaWire
import WeirRuntime

/// A group whose members speak the protocol of KIP-848: the coordinator assigns, each member follows in its own time.
///
/// The group has an epoch, raised whenever who is in it or what they want changes. Each epoch gets a target
/// assignment, and each member is brought towards its part of the newest target heartbeat by heartbeat: first it gives
/// up what it is not to keep, then it gets what is free. All durable state changes by ``ConsumerGroupChange`` alone.
struct ConsumerGroup: Sendable {
    /// One member.
    struct Member: Sendable, Equatable {
        /// What it says of itself.
        var metadata = ConsumerGroupMemberMetadataValue.blank
        /// What it has.
        var current = CurrentAssignment()
    }

    /// The group's id.
    let id: String
    /// Raised with every change of members or of what they want.
    private(set) var epoch: Int32 = 0
    /// The epoch that the targets are of.
    private(set) var targetEpoch: Int32 = 0
    /// The members by id.
    private(set) var members: [String: Member] = [:]
    /// What each member is to have.
    private(set) var targets: [String: TopicPartitionSet] = [:]
    /// The subscribed topics that there were when the epoch was last raised for them, by name.
    private(set) var subscribedTopics: [SubscribedTopic] = []

    // What follows from the above.

    /// The members of static names.
    private(set) var staticMembers: [String: String] = [:]
    /// Who owns each partition: may have it, or has still to give it up.
    private(set) var owners: [WireUUID: [Int32: String]] = [:]
    /// How many members name each topic.
    private(set) var subscriberCounts: [String: Int] = [:]
    /// The regular expressions that members subscribe with.
    private(set) var patterns = TopicPatterns()
    /// How many members speak the classic protocol (KIP-848, online migration).
    private(set) var classicMemberCount = 0

    // What is not written down.

    /// Whether topics may have changed since they were last looked at.
    var topicsAreStale = false
    /// Until when members are heard more often: what has just changed is likely to change again.
    var restlessUntil = MonotonicTime(nanoseconds: .min)

    /// A group without members.
    init(id: String) { self.id = id }

    /// Whether the group has no members.
    var isEmpty: Bool { members.isEmpty }

    /// The state's name, as Kafka shows it. O(members).
    var stateName: String {
        if members.isEmpty { return "Empty" }
        if epoch > targetEpoch { return "Assigning" }
        let reconciled = members.values.allSatisfy { $0.current.isReconciled(to: targetEpoch) }
        return reconciled ? "Stable" : "Reconciling"
    }

    /// Whether somebody other than the member owns the partition.
    func isFree(_ topic: WireUUID, _ partition: Int32, for member: String) -> Bool {
        guard let owner = owners[topic]?[partition] else { return true }
        return owner == member
    }
}

extension ConsumerGroup {
    /// Changes the group as a record says: one that was just made, or one of the log.
    mutating func apply(_ change: ConsumerGroupChange) {
        switch change {
        case .groupEpoch(let epoch): self.epoch = epoch ?? 0
        case .subscribedTopics(let topics): subscribedTopics = topics
        case .member(let id, let metadata?): setMetadata(metadata, of: id)
        case .member(let id, nil): remove(id)
        case .targetEpoch(let epoch): targetEpoch = epoch ?? 0
        case .target(let id, let target): targets[id] = target
        case .current(let id, let current?): setCurrent(current, of: id)
        case .current(let id, nil):
            if members[id] != nil { setCurrent(CurrentAssignment(), of: id) }
        }
    }

    /// Changes the group, and has the record of it appended.
    mutating func record(_ change: ConsumerGroupChange, _ work: inout GroupWork) {
        apply(change)
        work.append(change.record(of: id))
    }

    private mutating func setMetadata(_ metadata: ConsumerGroupMemberMetadataValue, of id: String) {
        if let old = members[id]?.metadata { forget(old, of: id) }
        members[id, default: Member()].metadata = metadata
        if let instance = metadata.instanceId { staticMembers[instance] = id }
        for topic in metadata.subscribedTopicNames { subscriberCounts[topic, default: 0] += 1 }
        if let pattern = metadata.pattern { patterns.add(pattern) }
        if metadata.classicMemberMetadata != nil { classicMemberCount += 1 }
    }

    private mutating func remove(_ id: String) {
        guard let member = members[id] else { return }
        forget(member.metadata, of: id)
        disown(member.current.owned, of: id)
        members[id] = nil
    }

    private mutating func forget(_ metadata: ConsumerGroupMemberMetadataValue, of id: String) {
        if let instance = metadata.instanceId, staticMembers[instance] == id { staticMembers[instance] = nil }
        for topic in metadata.subscribedTopicNames {
            let count = subscriberCounts[topic, default: 0] - 1
            subscriberCounts[topic] = count > 0 ? count : nil
        }
        if let pattern = metadata.pattern { patterns.remove(pattern) }
        if metadata.classicMemberMetadata != nil { classicMemberCount -= 1 }
    }

    private mutating func setCurrent(_ current: CurrentAssignment, of id: String) {
        if let old = members[id]?.current { disown(old.owned, of: id) }
        members[id, default: Member()].current = current
        current.owned.forEach { topic, partition in owners[topic, default: [:]][partition] = id }
    }

    private mutating func disown(_ partitions: TopicPartitionSet, of id: String) {
        partitions.forEach { topic, partition in
            guard owners[topic]?[partition] == id else { return }
            owners[topic]?[partition] = nil
            if owners[topic]?.isEmpty == true { owners[topic] = nil }
        }
    }

    /// Looks which of the subscribed topics there are: what members name, and what their regular expressions match.
    mutating func lookUpTopics(_ work: GroupWork) -> [SubscribedTopic] {
        if topicsAreStale { patterns.topicsChanged() }
        patterns.resolve(work.topics, at: work.time.now, every: work.settings.regexRefreshMilliseconds)
        topicsAreStale = patterns.isStale
        return Set(subscriberCounts.keys).union(patterns.topics).compactMap { work.topics[$0] }
            .map { SubscribedTopic(name: $0.name, id: $0.id, partitionCount: $0.partitionCount) }
            .sorted { $0.name < $1.name }
    }
}

extension ConsumerGroupMemberMetadataValue {
    /// A member that has said nothing yet.
    static var blank: ConsumerGroupMemberMetadataValue {
        var value = ConsumerGroupMemberMetadataValue()
        value.instanceId = nil
        value.rackId = nil
        value.subscribedTopicRegex = nil
        value.serverAssignor = nil
        return value
    }

    /// The regular expression that the member subscribes with; nil: with none.
    var pattern: String? { subscribedTopicRegex.flatMap { $0.isEmpty ? nil : $0 } }
}
