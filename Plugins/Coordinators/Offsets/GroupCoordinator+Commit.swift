import KafkaWire

// OffsetCommit and TxnOffsetCommit.
extension GroupCoordinator {
    /// OffsetCommit: who may commit at all, then each partition.
    mutating func commit(_ request: OffsetCommitRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        let claim = CommitClaim(
            memberID: request.memberId, instanceID: request.groupInstanceId,
            generation: request.generationIdOrMemberEpoch, version: origin.version, scope: .standalone)
        let refused = refusal(of: claim, group: request.groupId)
        if refused == nil, case .classic(let group)? = groups[request.groupId] {
            group.committed(by: request.memberId, &work)
        }
        let retention = request.retentionTimeMs
        let expiry = retention == -1 ? -1 : saturating(work.time.wallMilliseconds, retention)
        var response = OffsetCommitResponse()
        response.topics = request.topics.map { topic in
            var answered = OffsetCommitResponse.OffsetCommitResponseTopic()
            answered.name = topic.name
            answered.topicId = topic.topicId
            answered.partitions = topic.partitions.map { partition in
                var entry = OffsetCommitResponse.OffsetCommitResponsePartition()
                entry.partitionIndex = partition.partitionIndex
                entry.errorCode = refused ?? refusal(ofMetadata: partition.committedMetadata, topic: topic.name)
                guard entry.errorCode == .none else { return entry }
                var value = OffsetCommitValue()
                value.offset = partition.committedOffset
                value.leaderEpoch = partition.committedLeaderEpoch
                value.metadata = partition.committedMetadata ?? ""
                value.commitTimestamp = work.time.wallMilliseconds
                value.expireTimestamp = expiry
                setOffset(group: request.groupId, TopicPartition(topic.name, partition.partitionIndex), value, of: nil)
                return entry
            }
            return answered
        }
        work.answer(ticket, .commit(response))
    }

    /// TxnOffsetCommit: as OffsetCommit, but the offsets count when the producer's transaction commits.
    mutating func commit(_ request: TxnOffsetCommitRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        let claim = CommitClaim(
            memberID: request.memberId, instanceID: request.groupInstanceId, generation: request.generationId,
            version: origin.version, scope: .transaction)
        var refused = request.groupId.isEmpty ? ErrorCode.invalidGroupId : refusal(of: claim, group: request.groupId)
        // Producers know only generations: one that fell behind the group's epoch has an old one (KIP-848).
        if refused == .staleMemberEpoch { refused = .illegalGeneration }
        let producer = ProducerIdentity(id: request.producerId, epoch: request.producerEpoch)
        var response = TxnOffsetCommitResponse()
        response.topics = request.topics.map { topic in
            var answered = TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic()
            answered.name = topic.name
            answered.partitions = topic.partitions.map { partition in
                var entry = TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition()
                entry.partitionIndex = partition.partitionIndex
                entry.errorCode = refused ?? refusal(ofMetadata: partition.committedMetadata, topic: topic.name)
                guard entry.errorCode == .none else { return entry }
                var value = OffsetCommitValue()
                value.offset = partition.committedOffset
                value.leaderEpoch = partition.committedLeaderEpoch
                value.metadata = partition.committedMetadata ?? ""
                value.commitTimestamp = work.time.wallMilliseconds
                setOffset(
                    group: request.groupId, TopicPartition(topic.name, partition.partitionIndex), value, of: producer)
                // Nothing counts before the transaction commits, which needs the answer to all.
                work.cut()
                return entry
            }
            return answered
        }
        work.answer(ticket, .transactionalCommit(response))
    }

    private func refusal(of claim: CommitClaim, group id: String) -> ErrorCode? {
        guard GroupRecords.canHold(id) else { return .invalidGroupId }
        if let group = groups[id] { return group.refusal(of: claim) }
        // A group that nobody joined is anybody's.
        if claim.generation < 0 { return nil }
        // From version 9 on clients tell groups that are gone from generations that are (KIP-848).
        return claim.scope == .standalone && claim.version >= 9 ? .groupIdNotFound : .illegalGeneration
    }

    private func refusal(ofMetadata metadata: String?, topic: String) -> ErrorCode {
        guard GroupRecords.canHold(topic) else { return .invalidTopicException }
        guard let metadata else { return .none }
        // Kafka counts UTF-16 units, of which there are never more than bytes.
        let countMax = Int(settings.offsetMetadataBytesMax)
        let fits = metadata.utf8.count <= countMax || metadata.utf16.count <= countMax
        return fits && GroupRecords.canHold(metadata) ? .none : .offsetMetadataTooLarge
    }

    private func saturating(_ time: Int64, _ retention: Int64) -> Int64 {
        let (sum, overflow) = time.addingReportingOverflow(max(retention, 0))
        return overflow ? .max : sum
    }

    /// Records an offset.
    private mutating func setOffset(
        group: String, _ partition: TopicPartition, _ value: OffsetCommitValue, of producer: ProducerIdentity?
    ) {
        let key = offsetKey(group: group, partition)
        let version =
            value.expireTimestamp == -1
            ? GroupRecords.offsetValueVersion : GroupRecords.expiringOffsetValueVersion
        let record = CoordinatorRecord(
            key: GroupRecords.encode(key, version: GroupRecords.offsetKeyVersion),
            value: GroupRecords.encode(value, version: version))
        if let producer {
            work.append(record, of: producer)
        } else {
            work.append(record)
        }
        offsets.apply(key, value, of: producer)
    }

    /// Records that an offset is gone.
    mutating func removeOffset(group: String, _ partition: TopicPartition) {
        let key = offsetKey(group: group, partition)
        work.append(
            CoordinatorRecord(key: GroupRecords.encode(key, version: GroupRecords.offsetKeyVersion), value: nil))
        offsets.apply(key, nil, of: nil)
    }

    private func offsetKey(group: String, _ partition: TopicPartition) -> OffsetCommitKey {
        var key = OffsetCommitKey()
        key.group = group
        key.topic = partition.topic
        key.partition = partition.partition
        return key
    }
}
