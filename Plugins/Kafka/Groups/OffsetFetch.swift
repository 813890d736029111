import Coordinators
import KafkaWire
import SegmentLog

extension Broker {
    /// Tells how far groups have come: one group before version 8, several since.
    func serveOffsetFetch(_ request: OffsetFetchRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        let origin = origin(context, reply)
        let groups = context.version >= 8 ? request.groups : [Self.onlyGroup(of: request, context.version)]
        let named = groups.map { context.version >= 10 ? withNames($0) : NamedGroup(asked: $0) }
        let questions = named.map { group in
            (
                group: group.asked.groupId,
                request: GroupRequest.fetchOffsets(group.asked, requireStable: request.requireStable, origin)
            )
        }
        return askGroups(
            OffsetFetchResponse.OffsetFetchResponseGroup.self, questions, .lastingRead, context
        ) { answer in
            guard case .fetchOffsets(let group) = answer else { return nil }
            return group
        } refusal: { group, code in
            var answer = OffsetFetchResponse.OffsetFetchResponseGroup()
            answer.groupId = group
            answer.errorCode = code
            return answer
        } then: { [self] answers in
            let answers = zip(named, answers).map { group, answer in
                context.version >= 10 ? withIDs(answer, group.unknown) : answer
            }
            let response = context.version >= 8 ? Self.all(answers) : Self.only(answers[0], groups[0], context.version)
            send(response, context, reply, sizeHint: 1024)
        }
    }

    // MARK: One group

    private static func onlyGroup(
        of request: OffsetFetchRequest, _ version: Int16
    ) -> OffsetFetchRequest.OffsetFetchRequestGroup {
        var group = OffsetFetchRequest.OffsetFetchRequestGroup()
        group.groupId = request.groupId
        group.topics = request.topics.map { topics in
            topics.map { topic in
                var asked = OffsetFetchRequest.OffsetFetchRequestTopics()
                asked.name = topic.name
                asked.partitionIndexes = topic.partitionIndexes
                return asked
            }
        }
        return group
    }

    private static func only(
        _ group: OffsetFetchResponse.OffsetFetchResponseGroup,
        _ asked: OffsetFetchRequest.OffsetFetchRequestGroup, _ version: Int16
    ) -> OffsetFetchResponse {
        var response = OffsetFetchResponse()
        response.errorCode = group.errorCode
        response.topics = group.topics.map { topic in
            var answer = OffsetFetchResponse.OffsetFetchResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var part = OffsetFetchResponse.OffsetFetchResponsePartition()
                part.partitionIndex = partition.partitionIndex
                part.committedOffset = partition.committedOffset
                part.committedLeaderEpoch = partition.committedLeaderEpoch
                part.metadata = partition.metadata
                part.errorCode = partition.errorCode
                return part
            }
            return answer
        }
        // Version 1 has no error for the whole: each partition carries it.
        if version < 2, group.errorCode != .none { response.topics = failed(asked, group.errorCode) }
        return response
    }

    private static func failed(
        _ asked: OffsetFetchRequest.OffsetFetchRequestGroup, _ code: ErrorCode
    ) -> [OffsetFetchResponse.OffsetFetchResponseTopic] {
        (asked.topics ?? []).map { topic in
            var answer = OffsetFetchResponse.OffsetFetchResponseTopic()
            answer.name = topic.name
            answer.partitions = topic.partitionIndexes.map { index in
                var part = OffsetFetchResponse.OffsetFetchResponsePartition()
                part.partitionIndex = index
                part.committedOffset = -1
                part.errorCode = code
                return part
            }
            return answer
        }
    }

    private static func all(_ groups: [OffsetFetchResponse.OffsetFetchResponseGroup]) -> OffsetFetchResponse {
        var response = OffsetFetchResponse()
        response.groups = groups
        return response
    }

    // MARK: Topic ids

    private struct NamedGroup {
        var asked: OffsetFetchRequest.OffsetFetchRequestGroup
        /// What was asked for by an id that no topic has.
        var unknown: [OffsetFetchRequest.OffsetFetchRequestTopics] = []
    }

    private func withNames(_ group: OffsetFetchRequest.OffsetFetchRequestGroup) -> NamedGroup {
        guard let wanted = group.topics else { return NamedGroup(asked: group) }
        let known = topics.snapshot()
        var named = NamedGroup(asked: group)
        named.asked.topics = []
        for topic in wanted {
            guard let found = known[TopicID(high: topic.topicId.high, low: topic.topicId.low)] else {
                named.unknown.append(topic)
                continue
            }
            var asked = topic
            asked.name = found.name
            named.asked.topics?.append(asked)
        }
        return named
    }

    private func withIDs(
        _ group: OffsetFetchResponse.OffsetFetchResponseGroup,
        _ unknown: [OffsetFetchRequest.OffsetFetchRequestTopics]
    ) -> OffsetFetchResponse.OffsetFetchResponseGroup {
        let known = topics.snapshot()
        var answer = group
        answer.topics = group.topics.compactMap { topic in
            var topic = topic
            // Offsets of a topic that is gone have no id to be told by.
            guard let found = known[topic.name] else { return nil }
            topic.topicId = WireUUID(high: found.id.high, low: found.id.low)
            return topic
        }
        guard group.errorCode == .none else { return answer }
        answer.topics += unknown.map { topic in
            var answer = OffsetFetchResponse.OffsetFetchResponseTopics()
            answer.topicId = topic.topicId
            answer.partitions = topic.partitionIndexes.map { index in
                var part = OffsetFetchResponse.OffsetFetchResponsePartitions()
                part.partitionIndex = index
                part.committedOffset = -1
                part.errorCode = .unknownTopicId
                return part
            }
            return answer
        }
        return answer
    }
}
