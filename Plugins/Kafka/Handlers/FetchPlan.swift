import KafkaWire
import SegmentLog

extension TopicReference {
    /// A topic as requests of the data path name it: by its name, in later versions by its id (KIP-516).
    init(name: String, id: WireUUID, isByID: Bool) {
        self = isByID ? .id(TopicID(high: id.high, low: id.low)) : .name(name)
    }

    /// What a client is told where no such topic is served.
    var unknownCode: ErrorCode {
        switch self {
        case .name: .unknownTopicOrPartition
        case .id: .unknownTopicId
        }
    }
}

extension ServedTopics {
    subscript(reference: TopicReference) -> ServedTopic? {
        switch reference {
        case .name(let name): self[name]
        case .id(let id): self[id: id]
        }
    }
}

/// Everything that one fetch reads: the partitions of its request, or those of its session.
struct FetchPlan: Sendable {
    /// The topics that `targets` point into; one of a session may be out of use.
    var topics: [TopicReference] = []
    /// The partitions, in the order of the response.
    var targets: [FetchTarget] = []

    init() {}

    /// What `request` names.
    init(_ request: FetchRequest, version: Int16) {
        topics.reserveCapacity(request.topics.count)
        targets.reserveCapacity(request.topics.reduce(0) { $0 + $1.partitions.count })
        for topic in request.topics {
            let reference = TopicReference(
                name: topic.topic, id: topic.topicId, isByID: version >= FetchRequest.versionOfTopicIDs)
            for partition in topic.partitions {
                targets.append(FetchTarget(partition, topic: Int32(topics.count)))
            }
            topics.append(reference)
        }
    }
}

/// From where one partition is read, and how much of it.
struct FetchTarget: Sendable {
    /// The topic, by its place in the plan.
    var topic: Int32
    var partition: Int32
    var offset: Int64
    var bytesMax: Int32
    var leaderEpoch: Int32
    var lastFetchedEpoch: Int32

    init(_ wanted: FetchRequest.FetchPartition, topic: Int32) {
        self.topic = topic
        partition = wanted.partition
        offset = wanted.fetchOffset
        bytesMax = wanted.partitionMaxBytes
        leaderEpoch = wanted.currentLeaderEpoch
        lastFetchedEpoch = wanted.lastFetchedEpoch
    }
}

extension FetchRequest {
    /// The first version that names topics by id.
    static let versionOfTopicIDs: Int16 = 13
    /// The session epoch of a fetch that wants a session (KIP-227).
    static let firstSessionEpoch: Int32 = 0
    /// The session epoch of a fetch that wants none, and ends the one it names.
    static let finalSessionEpoch: Int32 = -1

    /// Whether the request names every partition that it reads, rather than what changed since the last one.
    var isFull: Bool { sessionEpoch == Self.firstSessionEpoch || sessionEpoch == Self.finalSessionEpoch }

    /// Whether only records of committed transactions are wanted (isolation level read_committed).
    var isCommittedOnly: Bool { isolationLevel == 1 }

    /// Up to where is read.
    var bound: ReadBound { isCommittedOnly ? .lastStableOffset : .highWatermark }
}
