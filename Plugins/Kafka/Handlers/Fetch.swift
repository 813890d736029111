import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime

extension Broker {
    /// Reads from partitions, and waits for records where there are too few.
    func serveFetch(_ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply) throws -> RequestFlow {
        let request = try FetchRequest.read(from: &body, version: context.version)
        if request.isFull {
            beginFullFetch(request, context, reply)
        } else {
            beginIncrementalFetch(request, context, reply)
        }
        return .single
    }

    private func beginFullFetch(_ request: FetchRequest, _ context: RequestContext, _ reply: Reply) {
        if request.sessionId != 0 {
            // A full fetch ends the session that it names (KIP-227).
            let old = fetchSessions.shard(of: request.sessionId)
            old.loop.hop { old.remove(request.sessionId) }
        }
        let use = request.sessionEpoch == FetchRequest.firstSessionEpoch ? FetchSessionUse.first : .none
        FetchOperation(self, request, FetchPlan(request, version: context.version), use, context, reply).begin()
    }

    private func beginIncrementalFetch(_ request: FetchRequest, _ context: RequestContext, _ reply: Reply) {
        let shard = fetchSessions.shard(of: request.sessionId)
        shard.loop.hop { [self] in
            let opening = shard.open(request, version: context.version, now: clock.now)
            context.loop.hop { [self] in
                switch opening {
                case .refused(let error): refuseFetch(error, context, reply)
                case .ended(let plan): FetchOperation(self, request, plan, .none, context, reply).begin()
                case .opened(let plan, let epoch):
                    let use = FetchSessionUse.known(id: request.sessionId, nextEpoch: epoch)
                    FetchOperation(self, request, plan, use, context, reply).begin()
                }
            }
        }
    }

    private func refuseFetch(_ error: ErrorCode, _ context: RequestContext, _ reply: Reply) {
        probe.requestFailed(.fetch, error)
        var response = FetchResponse()
        response.errorCode = error
        send(response, context, reply)
    }

    /// Answers a fetch with what it found: all of it, or where the client has a session, what it does not know yet.
    func finishFetch(
        _ plan: FetchPlan, _ outcomes: [FetchOutcome], _ use: FetchSessionUse, committedOnly: Bool,
        _ context: RequestContext, _ reply: Reply
    ) {
        let report = FetchReport(plan: plan, outcomes: outcomes, committedOnly: committedOnly)
        switch use {
        case .none:
            sendFetchResponse(report, context, reply)
        case .first:
            let shard = fetchSessions.shard(for: context.loop)
            let isByID = context.version >= FetchRequest.versionOfTopicIDs
            shard.loop.hop { [self] in
                let id = shard.begin(plan, told: outcomes, isByID: isByID, now: clock.now)
                context.loop.hop { [self] in sendFetchResponse(report, sessionID: id, context, reply) }
            }
        case .known(let id, let nextEpoch):
            let shard = fetchSessions.shard(of: id)
            shard.loop.hop { [self] in
                let news = shard.news(id, epoch: nextEpoch, outcomes)
                context.loop.hop { [self] in
                    guard let news else { return refuseFetch(.invalidFetchSessionEpoch, context, reply) }
                    sendFetchResponse(report, only: news, sessionID: id, context, reply)
                }
            }
        }
    }

    /// - Parameter places: The places of the plan that are told; nil: all.
    private func sendFetchResponse(
        _ report: FetchReport, only places: [Int]? = nil, sessionID: Int32 = 0, _ context: RequestContext,
        _ reply: Reply
    ) {
        var builder = FetchResponseBuilder(report, version: context.version)
        if let places {
            for place in places { builder.append(place) }
        } else {
            for place in report.outcomes.indices { builder.append(place) }
        }
        for (error, count) in builder.errors { probe.requestFailed(.fetch, error, count: count) }
        var response = builder.finish()
        response.sessionId = sessionID
        if builder.namesLeader { response.nodeEndpoints = [ownEndpoint(context)] }
        send(response, context, reply, sizeHint: builder.sizeHint)
    }

    /// Where this node is, for clients that believe in an older leader (KIP-951).
    private func ownEndpoint(_ context: RequestContext) -> FetchResponse.NodeEndpoint {
        var endpoint = FetchResponse.NodeEndpoint()
        endpoint.nodeId = nodeID
        endpoint.host = context.endpoint.host
        endpoint.port = Int32(context.endpoint.port)
        return endpoint
    }
}

/// How a fetch uses a session.
enum FetchSessionUse: Sendable {
    /// Not at all.
    case none
    /// It wants one.
    case first
    /// It belongs to one, whose epoch it moved to `nextEpoch`.
    case known(id: Int32, nextEpoch: Int32)
}

/// What a fetch found, for the answer.
struct FetchReport: Sendable {
    var plan: FetchPlan
    /// One for each target of the plan.
    var outcomes: [FetchOutcome]
    var committedOnly: Bool
}

/// Puts parts of a report into a response, those of one topic together where they are neighbours.
private struct FetchResponseBuilder {
    private let report: FetchReport
    private let tellsLeaders: Bool
    private var response = FetchResponse()
    private var topic: Int32 = -1
    /// The errors told, with how often; few kinds.
    private(set) var errors: [ErrorCode: Int] = [:]
    /// Whether a partition's leader is told.
    private(set) var namesLeader = false
    private(set) var sizeHint = 128

    init(_ report: FetchReport, version: Int16) {
        self.report = report
        tellsLeaders = version >= 16
    }

    mutating func append(_ place: Int) {
        let target = report.plan.targets[place]
        let outcome = report.outcomes[place]
        if target.topic != topic {
            topic = target.topic
            response.responses.append(answer(for: report.plan.topics[Int(topic)]))
        }
        var answer = outcome.answer(index: target.partition, committedOnly: report.committedOnly)
        if tellsLeaders, let leader = outcome.leader {
            answer.currentLeader.leaderId = leader.id
            answer.currentLeader.leaderEpoch = leader.epoch
            namesLeader = true
        }
        if outcome.error != .none { errors[outcome.error, default: 0] += 1 }
        sizeHint += 64 + outcome.records.readableBytes
        response.responses[response.responses.count - 1].partitions.append(answer)
    }

    private func answer(for reference: TopicReference) -> FetchResponse.FetchableTopicResponse {
        var answer = FetchResponse.FetchableTopicResponse()
        switch reference {
        case .name(let name): answer.topic = name
        case .id(let id): answer.topicId = WireUUID(high: id.high, low: id.low)
        }
        return answer
    }

    func finish() -> FetchResponse { response }
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
    /// Who leads, for a client that believes in an older epoch (KIP-951); nil: nothing to tell.
    var leader: (id: Int32, epoch: Int32)?

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
