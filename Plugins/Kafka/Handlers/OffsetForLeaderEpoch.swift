import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime
import WorkTracking

extension Broker {
    /// Tells where epochs ended, so that a client finds where its log parts from this one (KIP-101, KIP-320).
    func serveOffsetForLeaderEpoch(
        _ body: inout ByteBuffer, _ context: RequestContext, _ reply: Reply
    ) throws -> RequestFlow {
        let request = try OffsetForLeaderEpochRequest.read(from: &body, version: context.version)
        guard let gate, let permit = try? gate.enter(.read) else {
            reply.close(because: "the broker drains")
            return .pipelined
        }
        let served = partitions.snapshot()
        let gathering = Gathering<OffsetForLeaderEpochResponse.EpochEndOffset>(
            count: request.topics.reduce(0) { $0 + $1.partitions.count }, home: context.loop, permit: permit
        ) { [self] answers in
            var response = OffsetForLeaderEpochResponse()
            var rest = answers[...]
            for topic in request.topics {
                var answer = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult()
                answer.topic = topic.topic
                answer.partitions = Array(rest.prefix(topic.partitions.count))
                rest = rest.dropFirst(topic.partitions.count)
                response.topics.append(answer)
            }
            send(response, context, reply)
        }
        var slot = 0
        for topic in request.topics {
            for wanted in topic.partitions {
                gathering.ask(slot, served[topic.topic]?.partitions[wanted.partition]) { partition, then in
                    then(partition.epochEnd(wanted))
                } unknown: {
                    OffsetForLeaderEpochResponse.EpochEndOffset(wanted.partition, error: .unknownTopicOrPartition)
                }
                slot += 1
            }
        }
        gathering.begin()
        return .pipelined
    }
}

extension OffsetForLeaderEpochResponse.EpochEndOffset {
    fileprivate init(_ partition: Int32, error: ErrorCode = .none) {
        self.init()
        self.partition = partition
        errorCode = error
    }
}

extension ServedPartition {
    fileprivate func epochEnd(
        _ wanted: OffsetForLeaderEpochRequest.OffsetForLeaderPartition
    ) -> OffsetForLeaderEpochResponse.EpochEndOffset {
        switch leaderLog() {
        case .failure(let refusal):
            return .init(wanted.partition, error: refusal.code)
        case .success(let log):
            let error = checkEpoch(wanted.currentLeaderEpoch, log)
            var answer = OffsetForLeaderEpochResponse.EpochEndOffset(wanted.partition, error: error)
            if error == .none, let end = log.endOffset(ofEpoch: wanted.leaderEpoch) {
                answer.leaderEpoch = end.epoch
                answer.endOffset = end.endOffset
            }
            return answer
        }
    }
}
