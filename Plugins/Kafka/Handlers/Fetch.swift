import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime

extension Broker {
    /// Reads from partitions, and waits for records where there are too few.
    ///
    /// Sessions (KIP-227) are declined with session id 0: every fetch names its partitions.
    func serveFetch(_ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        let request = try FetchRequest.read(from: &body, version: context.version)
        guard request.sessionId == 0 else {
            var response = FetchResponse()
            response.errorCode = .fetchSessionIdNotFound
            probe.requestFailed(.fetch, .fetchSessionIdNotFound)
            send(response, context, reply)
            return .pipelined
        }
        let fetch = FetchOperation(self, request, context, reply)
        fetch.begin()
        return .single
    }

    /// Puts a fetch's parts into the shape of its request.
    func sendFetchResponse(
        _ request: FetchRequest, _ outcomes: [FetchOutcome], _ context: RequestContext, _ reply: Reply
    ) {
        var response = FetchResponse()
        response.responses.reserveCapacity(request.topics.count)
        var next = 0
        var bytes = 0
        for topic in request.topics {
            var answer = FetchResponse.FetchableTopicResponse()
            answer.topic = topic.topic
            answer.partitions.reserveCapacity(topic.partitions.count)
            for partition in topic.partitions {
                let outcome = outcomes[next]
                next += 1
                bytes += outcome.records.readableBytes
                if outcome.error != .none { probe.requestFailed(.fetch, outcome.error) }
                answer.partitions.append(
                    outcome.answer(index: partition.partition, committedOnly: request.isCommittedOnly))
            }
            response.responses.append(answer)
        }
        send(response, context, reply, sizeHint: bytes + 128 + next * 64)
    }
}

extension FetchRequest {
    /// Whether only records of committed transactions are wanted (isolation level read_committed).
    var isCommittedOnly: Bool { isolationLevel == 1 }

    /// Up to where is read.
    var bound: ReadBound { isCommittedOnly ? .lastStableOffset : .highWatermark }
}

/// What a fetch got from one partition.
struct FetchOutcome: Sendable {
    var error = ErrorCode.none
    var highWatermark: Int64 = -1
    var lastStableOffset: Int64 = -1
    var logStartOffset: Int64 = -1
    var records = ByteBuffer()
    var aborted: [AbortedTransaction] = []
    var diverging: EpochEnd?
    var leaderID: Int32 = -1
    var leaderEpoch: Int32 = -1

    init(error: ErrorCode = .none) {
        self.error = error
    }

    /// A read's outcome.
    init(_ read: LogRead) {
        highWatermark = read.highWatermark
        lastStableOffset = read.lastStableOffset
        logStartOffset = read.logStartOffset
        records = read.records
        aborted = read.abortedTransactions
    }

    /// The offsets of a log from which nothing was read.
    init(offsetsOf log: any ReplicatedLog, error: ErrorCode = .none) {
        self.error = error
        guard error == .none || error == .offsetOutOfRange else { return }
        highWatermark = log.highWatermark
        lastStableOffset = log.lastStableOffset
        logStartOffset = log.logStartOffset
    }

    func answer(index: Int32, committedOnly: Bool) -> FetchResponse.PartitionData {
        var answer = FetchResponse.PartitionData()
        answer.partitionIndex = index
        answer.errorCode = error
        answer.highWatermark = highWatermark
        answer.lastStableOffset = lastStableOffset
        answer.logStartOffset = logStartOffset
        answer.abortedTransactions = committedOnly ? aborted.map { $0.answer } : nil
        // Never null: clients of version 12 read null as corrupt.
        answer.records = records
        if let diverging {
            answer.divergingEpoch.epoch = diverging.epoch
            answer.divergingEpoch.endOffset = diverging.endOffset
        }
        return answer
    }
}

extension AbortedTransaction {
    fileprivate var answer: FetchResponse.AbortedTransaction {
        var answer = FetchResponse.AbortedTransaction()
        answer.producerId = producerID
        answer.firstOffset = firstOffset
        return answer
    }
}
