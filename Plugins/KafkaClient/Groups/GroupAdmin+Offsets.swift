public import KafkaWire

extension GroupAdmin {
    /// What a group committed, for every partition that it did.
    public func committedOffsets(of group: String) async throws -> [TopicPartition: CommittedOffset] {
        try await client.withCoordinator(of: .group(group), retries) { coordinator, _ in
            let answer = try await coordinator.send { Self.fetchRequest(group, version: $0) }
            guard let found = answer.groups.first else {
                let topics = answer.topics.map { topic in
                    (topic.name, topic.partitions.map { ($0.partitionIndex, $0.committed, $0.errorCode) })
                }
                return try Self.committed(group, topics, answer.errorCode)
            }
            let topics = found.topics.map { topic in
                (topic.name, topic.partitions.map { ($0.partitionIndex, $0.committed, $0.errorCode) })
            }
            return try Self.committed(group, topics, found.errorCode)
        }
    }

    private static func fetchRequest(_ group: String, version: Int16) -> OffsetFetchRequest {
        var request = OffsetFetchRequest()
        // From version 8 on for several groups (KIP-709); no topics at all means all of them.
        if version >= 8 {
            var entry = OffsetFetchRequest.OffsetFetchRequestGroup()
            entry.groupId = group
            entry.topics = nil
            request.groups = [entry]
        } else {
            request.groupId = group
            request.topics = nil
        }
        return request
    }

    private static func committed(
        _ group: String, _ topics: [(String, [(Int32, CommittedOffset, ErrorCode)])], _ code: ErrorCode
    ) throws(ClientError) -> [TopicPartition: CommittedOffset] {
        // A group that does not exist has committed nothing.
        guard code == .none || code == .groupIdNotFound else { throw refusal(group, code) }
        var offsets: [TopicPartition: CommittedOffset] = [:]
        for (topic, partitions) in topics {
            for (partition, committed, code) in partitions {
                guard code == .none else { throw refusal(group, code) }
                if committed.offset >= 0 { offsets[TopicPartition(topic, partition)] = committed }
            }
        }
        return offsets
    }

    /// Commits offsets for a group without members; gives the partitions that were refused, with the reason.
    ///
    /// As nobody's member: a coordinator takes that only while the group is empty or not there at all.
    public func commit(
        _ offsets: [TopicPartition: CommittedOffset], for group: String
    ) async throws -> [TopicPartition: ErrorCode] {
        var request = OffsetCommitRequest()
        request.groupId = group
        request.topics = offsets.keys.byTopic.map { topic, partitions in
            var entry = OffsetCommitRequest.OffsetCommitRequestTopic()
            entry.name = topic
            entry.partitions = partitions.map { partition in
                let committed = offsets[TopicPartition(topic, partition)] ?? CommittedOffset(offset: 0)
                var place = OffsetCommitRequest.OffsetCommitRequestPartition()
                place.partitionIndex = partition
                place.committedOffset = committed.offset
                place.committedLeaderEpoch = committed.leaderEpoch
                place.committedMetadata = committed.metadata
                return place
            }
            return entry
        }
        return try await client.withCoordinator(of: .group(group), retries) { [request] coordinator, _ in
            var refused: [TopicPartition: ErrorCode] = [:]
            for topic in try await coordinator.send(request).topics {
                for partition in topic.partitions where partition.errorCode != .none {
                    // Committing the rest once more does no harm: nobody else commits for an empty group.
                    let code = try Self.settled(partition.errorCode, group)
                    refused[TopicPartition(topic.name, partition.partitionIndex)] = code
                }
            }
            return refused
        }
    }

    /// Forgets what a group committed for some partitions; gives those that were refused, with the reason.
    public func deleteOffsets(
        of partitions: [TopicPartition], from group: String
    ) async throws -> [TopicPartition: ErrorCode] {
        var request = OffsetDeleteRequest()
        request.groupId = group
        request.topics = partitions.byTopic.map { topic, partitions in
            var entry = OffsetDeleteRequest.OffsetDeleteRequestTopic()
            entry.name = topic
            entry.partitions = partitions.map { partition in
                var place = OffsetDeleteRequest.OffsetDeleteRequestPartition()
                place.partitionIndex = partition
                return place
            }
            return entry
        }
        return try await client.withCoordinator(of: .group(group), retries) { [request] coordinator, _ in
            let answer = try await coordinator.send(request)
            guard answer.errorCode == .none else { throw Self.refusal(group, answer.errorCode) }
            var refused: [TopicPartition: ErrorCode] = [:]
            for topic in answer.topics {
                for partition in topic.partitions where partition.errorCode != .none {
                    let code = try Self.settled(partition.errorCode, group)
                    refused[TopicPartition(topic.name, partition.partitionIndex)] = code
                }
            }
            return refused
        }
    }
}

extension OffsetFetchResponse.OffsetFetchResponsePartition {
    fileprivate var committed: CommittedOffset {
        CommittedOffset(offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? "")
    }
}

extension OffsetFetchResponse.OffsetFetchResponsePartitions {
    fileprivate var committed: CommittedOffset {
        CommittedOffset(offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: metadata ?? "")
    }
}
