import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime
import WorkTracking

extension Broker {
    /// Finds offsets: the earliest, the latest, that of the largest timestamp, or the first at or after a time.
    func serveListOffsets(_ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        let request = try ListOffsetsRequest.read(from: &body, version: context.version)
        guard let gate, let permit = try? gate.enter(.read) else {
            reply.close(because: "the broker drains")
            return .pipelined
        }
        let served = partitions.snapshot()
        let isCommittedOnly = request.isolationLevel == 1
        let gathering = Gathering<ListOffsetsResponse.ListOffsetsPartitionResponse>(
            count: request.topics.reduce(0) { $0 + $1.partitions.count }, home: context.loop, permit: permit
        ) { [self] found in
            var answers = found
            var response = ListOffsetsResponse()
            var next = 0
            for topic in request.topics {
                var answer = ListOffsetsResponse.ListOffsetsTopicResponse()
                answer.name = topic.name
                for _ in topic.partitions {
                    if answers[next].errorCode != .none { probe.requestFailed(.listOffsets, answers[next].errorCode) }
                    // Before version 4 there is no place for it.
                    if context.version < 4 { answers[next].leaderEpoch = -1 }
                    answer.partitions.append(answers[next])
                    next += 1
                }
                response.topics.append(answer)
            }
            send(response, context, reply)
        }
        var slot = 0
        for topic in request.topics {
            for wanted in topic.partitions {
                gathering.ask(slot, served[topic.name]?.partitions[wanted.partitionIndex]) { partition, then in
                    partition.listOffset(wanted, committedOnly: isCommittedOnly, version: context.version, then: then)
                } unknown: {
                    ListOffsetsResponse.ListOffsetsPartitionResponse(wanted, error: .unknownTopicOrPartition)
                }
                slot += 1
            }
        }
        gathering.begin()
        return .pipelined
    }
}

extension ListOffsetsResponse.ListOffsetsPartitionResponse {
    fileprivate init(_ wanted: ListOffsetsRequest.ListOffsetsPartition, error: ErrorCode = .none) {
        self.init()
        partitionIndex = wanted.partitionIndex
        errorCode = error
    }

    fileprivate init(
        _ wanted: ListOffsetsRequest.ListOffsetsPartition, offset: Int64, timestamp: Int64 = -1, epoch: Int32
    ) {
        self.init(wanted)
        self.offset = offset
        self.timestamp = timestamp
        leaderEpoch = epoch
    }
}

/// The times that mean a place rather than a time (KIP-79, KIP-734, KIP-405, KIP-1005, KIP-1023).
private enum SpecialTimestamp {
    static let latest: Int64 = -1
    static let earliest: Int64 = -2
    static let largest: Int64 = -3
    static let earliestLocal: Int64 = -4
    static let latestTiered: Int64 = -5
    static let earliestPendingUpload: Int64 = -6

    /// The first version of a request that may name it; nil: none.
    static func firstVersion(of timestamp: Int64) -> Int16? {
        switch timestamp {
        case latest, earliest: 1
        case largest: 7
        case earliestLocal: 8
        case latestTiered: 9
        case earliestPendingUpload: 11
        default: nil
        }
    }
}

extension ServedPartition {
    /// Finds one offset. On the loop.
    fileprivate func listOffset(
        _ wanted: ListOffsetsRequest.ListOffsetsPartition, committedOnly: Bool, version: Int16,
        then: @escaping (ListOffsetsResponse.ListOffsetsPartitionResponse) -> Void
    ) {
        typealias Answer = ListOffsetsResponse.ListOffsetsPartitionResponse
        let log: any ReplicatedLog
        switch leaderLog() {
        case .success(let open): log = open
        case .failure(let refusal): return then(Answer(wanted, error: refusal.code))
        }
        let epochError = checkEpoch(wanted.currentLeaderEpoch, log)
        guard epochError == .none else { return then(Answer(wanted, error: epochError)) }
        let bound = committedOnly ? log.lastStableOffset : log.highWatermark
        if wanted.timestamp < 0 {
            guard let first = SpecialTimestamp.firstVersion(of: wanted.timestamp), version >= first else {
                return then(Answer(wanted, error: .unsupportedVersion))
            }
        }
        switch wanted.timestamp {
        case SpecialTimestamp.latest:
            then(Answer(wanted, offset: bound, epoch: log.leadership.epoch))
        case SpecialTimestamp.earliest, SpecialTimestamp.earliestLocal:
            let epoch = log.endOffset(ofEpoch: log.leadership.epoch)?.epoch ?? log.leadership.epoch
            then(Answer(wanted, offset: log.logStartOffset, epoch: epoch))
        case SpecialTimestamp.largest:
            log.findLargestTimestamp { then(Answer(wanted, found: $0, below: bound)) }
        case SpecialTimestamp.latestTiered, SpecialTimestamp.earliestPendingUpload:
            // No log has tiers here: Kafka answers with no offset where a log has none.
            then(Answer(wanted))
        default:
            log.findOffset(timestamp: wanted.timestamp) { then(Answer(wanted, found: $0, below: bound)) }
        }
    }
}

extension ListOffsetsResponse.ListOffsetsPartitionResponse {
    /// A search's outcome; what is not visible yet is not found: offset and timestamp −1.
    fileprivate init(
        _ wanted: ListOffsetsRequest.ListOffsetsPartition, found: Result<TimestampedOffset?, LogError>,
        below bound: Int64
    ) {
        switch found {
        case .failure(let error):
            self.init(wanted, error: PartitionRefusal(error).code)
        case .success(let found?) where found.offset < bound:
            self.init(wanted, offset: found.offset, timestamp: found.timestamp, epoch: found.leaderEpoch)
        case .success:
            self.init(wanted)
        }
    }
}
