internal import KafkaWire
internal import SegmentLog
internal import WeirRuntime

/// What became of deleting the records of one partition.
struct DeletedRecords: Sendable, Hashable {
    /// The first offset that is left; −1 where nothing was deleted.
    var lowWatermark: Int64 = -1
    /// Why nothing was deleted.
    var error: ErrorCode = .none
}

extension DeletedRecords {
    /// Deletes the records of `log` below `offset`; −1 stands for the high watermark. Returns when the new
    /// start is committed. From any thread.
    static func delete(before offset: Int64, of topic: TopicDescription, in log: any ReplicatedLog) async -> Self {
        if let refusal = refusal(of: topic) { return DeletedRecords(error: refusal) }
        return await withCheckedContinuation { continuation in
            log.loop.execute {
                guard log.leadership.isLocal else {
                    return continuation.resume(returning: DeletedRecords(error: .notLeaderOrFollower))
                }
                guard offset == -1 || (0...log.highWatermark).contains(offset) else {
                    return continuation.resume(returning: DeletedRecords(error: .offsetOutOfRange))
                }
                log.advanceLogStart(to: offset == -1 ? nil : offset) { result in
                    switch result {
                    case .success(let start): continuation.resume(returning: DeletedRecords(lowWatermark: start))
                    case .failure(let error):
                        continuation.resume(returning: DeletedRecords(error: code(of: error)))
                    }
                }
            }
        }
    }

    /// The broker's own topics, and those whose policy keeps the last record of each key, keep their records.
    static func refusal(of topic: TopicDescription) -> ErrorCode? {
        if topic.isInternal { return .invalidTopicException }
        let configuration = topic.configuration
        return configuration.isCompacted && !configuration.deletesOldSegments ? .policyViolation : nil
    }

    private static func code(of error: LogError) -> ErrorCode {
        switch error.code {
        case .offsetOutOfRange: .offsetOutOfRange
        case .notLeader, .closed: .notLeaderOrFollower
        default: .kafkaStorageError
        }
    }
}

extension DeleteRecordsRequest {
    /// Partitions whose records are deleted at once.
    private static let partitionsAtOnceMax = 64

    /// Raises the start of each partition's log; answers when the new starts are committed.
    ///
    /// - Parameter delete: Deletes below an offset from one partition of a topic.
    func answer(
        topics snapshot: TopicsSnapshot,
        delete: @escaping @Sendable (TopicDescription, _ partition: Int32, _ offset: Int64) async -> DeletedRecords
    ) async -> DeleteRecordsResponse {
        var response = DeleteRecordsResponse()
        for topic in topics {
            var result = DeleteRecordsResponse.DeleteRecordsTopicResult()
            result.name = topic.name
            let outcomes = await Self.delete(topic.partitions, of: snapshot[topic.name], delete)
            result.partitions = zip(topic.partitions, outcomes).map { partition, outcome in
                var result = DeleteRecordsResponse.DeleteRecordsPartitionResult()
                result.partitionIndex = partition.partitionIndex
                result.lowWatermark = outcome.lowWatermark
                result.errorCode = outcome.error
                return result
            }
            response.topics.append(result)
        }
        return response
    }

    private static func delete(
        _ partitions: [DeleteRecordsPartition], of topic: TopicDescription?,
        _ delete: @escaping @Sendable (TopicDescription, Int32, Int64) async -> DeletedRecords
    ) async -> [DeletedRecords] {
        let unknown = DeletedRecords(error: .unknownTopicOrPartition)
        var outcomes = [DeletedRecords](repeating: unknown, count: partitions.count)
        guard let topic else { return outcomes }
        await withTaskGroup(of: (Int, DeletedRecords).self) { group in
            for (position, partition) in partitions.enumerated() {
                if position >= partitionsAtOnceMax, let (done, outcome) = await group.next() {
                    outcomes[done] = outcome
                }
                guard (0..<topic.partitionCount).contains(partition.partitionIndex) else { continue }
                group.addTask { (position, await delete(topic, partition.partitionIndex, partition.offset)) }
            }
            for await (position, outcome) in group { outcomes[position] = outcome }
        }
        return outcomes
    }
}
