import KafkaWire

extension KafkaClient {
    /// The offset that `position` means in each partition; one request a leader.
    ///
    /// Partitions that are not there, or have no leader, are left out. A time behind the last record gives the
    /// end, where the next record will be.
    public func offsets(
        _ position: OffsetPosition, of partitions: some Collection<TopicPartition> & Sendable
    ) async throws -> [TopicPartition: Int64] {
        if case .offset(let offset) = position {
            return Dictionary(partitions.map { ($0, offset) }, uniquingKeysWith: { $1 })
        }
        guard !partitions.isEmpty else { return [:] }
        _ = try await metadata(topics: Set(partitions.map(\.topic)).sorted())
        var asked: [BrokerAddress: [TopicPartition]] = [:]
        for partition in partitions {
            guard let leader = knownLeader(of: partition) else { continue }
            asked[leader, default: []].append(partition)
        }
        var found: [TopicPartition: Int64] = [:]
        var behindEnd: [TopicPartition] = []
        for (address, partitions) in asked {
            let answer = try await connection(to: address).send(Self.request(position, of: partitions))
            for topic in answer.topics {
                for result in topic.partitions {
                    let partition = TopicPartition(topic.name, result.partitionIndex)
                    switch result.errorCode {
                    case .none where result.offset < 0: behindEnd.append(partition)
                    case .none: found[partition] = result.offset
                    case .unknownTopicOrPartition, .unknownTopicId: continue
                    default: throw ClientError.refused("offsets of \(partition)", result.errorCode, nil)
                    }
                }
            }
        }
        guard !behindEnd.isEmpty, position != .latest else { return found }
        return found.merging(try await offsets(.latest, of: behindEnd)) { $1 }
    }

    private static func request(_ position: OffsetPosition, of partitions: [TopicPartition]) -> ListOffsetsRequest {
        var request = ListOffsetsRequest()
        request.replicaId = -1
        request.topics = partitions.byTopic.map { topic, partitions in
            var group = ListOffsetsRequest.ListOffsetsTopic()
            group.name = topic
            group.partitions = partitions.map { partition in
                var entry = ListOffsetsRequest.ListOffsetsPartition()
                entry.partitionIndex = partition
                entry.timestamp = position.timestamp
                return entry
            }
            return group
        }
        return request
    }
}
