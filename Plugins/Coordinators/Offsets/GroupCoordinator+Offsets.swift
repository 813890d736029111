import KafkaWire

/// Which offsets a fetch wants.
enum OffsetIsolation: Sendable {
    /// What was committed last.
    case committed
    /// The same, unless an open transaction may change it.
    case stable
}

// OffsetFetch, OffsetDelete, and offsets that nobody wants any more.
extension GroupCoordinator {
    /// OffsetFetch of one group: some partitions, or all that it has offsets of.
    mutating func fetchOffsets(
        _ request: OffsetFetchRequest.OffsetFetchRequestGroup, _ isolation: OffsetIsolation, _ ticket: Ticket
    ) {
        var response = OffsetFetchResponse.OffsetFetchResponseGroup()
        response.groupId = request.groupId
        if case .consumer(let group)? = groups[request.groupId],
            let code = group.fetchRefusal(memberID: request.memberId, memberEpoch: request.memberEpoch)
        {
            response.errorCode = code
            return work.answer(ticket, .fetchOffsets(response))
        }
        let wanted = request.topics ?? allTopics(group: request.groupId)
        response.topics = wanted.map { topic in
            var answered = OffsetFetchResponse.OffsetFetchResponseTopics()
            answered.name = topic.name
            answered.topicId = topic.topicId
            answered.partitions = topic.partitionIndexes.map { index in
                fetched(group: request.groupId, TopicPartition(topic.name, index), isolation)
            }
            return answered
        }
        work.answer(ticket, .fetchOffsets(response))
    }

    private func allTopics(group: String) -> [OffsetFetchRequest.OffsetFetchRequestTopics] {
        offsets.offsets(group: group).map { topic, partitions in
            var all = OffsetFetchRequest.OffsetFetchRequestTopics()
            all.name = topic
            all.topicId = topics[topic]?.id ?? .zero
            all.partitionIndexes = partitions.map(\.0)
            return all
        }
    }

    private func fetched(
        group: String, _ partition: TopicPartition, _ isolation: OffsetIsolation
    ) -> OffsetFetchResponse.OffsetFetchResponsePartitions {
        var entry = OffsetFetchResponse.OffsetFetchResponsePartitions()
        entry.partitionIndex = partition.partition
        entry.committedOffset = -1
        if isolation == .stable, offsets.isPending(group: group, partition) {
            // KIP-447: the client asks again until the transaction has ended.
            entry.errorCode = .unstableOffsetCommit
        } else if let offset = offsets.offset(group: group, partition) {
            entry.committedOffset = offset.offset
            entry.committedLeaderEpoch = offset.leaderEpoch
            entry.metadata = offset.metadata
        }
        return entry
    }

    /// OffsetDelete: offsets of topics that no member wants (KIP-496).
    mutating func deleteOffsets(_ request: OffsetDeleteRequest, _ ticket: Ticket) {
        var response = OffsetDeleteResponse()
        response.errorCode = refusal(of: request)
        guard response.errorCode == .none else { return work.answer(ticket, .deleteOffsets(response)) }
        let group = groups[request.groupId]
        response.topics = request.topics.map { topic in
            let isSubscribed = group?.isSubscribed(to: topic.name) ?? false
            var answered = OffsetDeleteResponse.OffsetDeleteResponseTopic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { partition in
                var entry = OffsetDeleteResponse.OffsetDeleteResponsePartition()
                entry.partitionIndex = partition.partitionIndex
                if isSubscribed {
                    entry.errorCode = .groupSubscribedToTopic
                } else {
                    forgetOffset(group: request.groupId, TopicPartition(topic.name, partition.partitionIndex))
                }
                return entry
            }
            return answered
        }
        work.answer(ticket, .deleteOffsets(response))
    }

    private func refusal(of request: OffsetDeleteRequest) -> ErrorCode {
        if request.groupId.isEmpty { return .invalidGroupId }
        switch groups[request.groupId] {
        case .classic(let group): return group.offsetDeleteRefusal ?? .none
        case .consumer: return .none
        case nil: return offsets.hasGroup(request.groupId) ? .none : .groupIdNotFound
        }
    }

    private mutating func forgetOffset(group: String, _ partition: TopicPartition) {
        guard offsets.offset(group: group, partition) != nil || offsets.isPending(group: group, partition) else {
            return
        }
        removeOffset(group: group, partition)
        work.cut()
    }
}
