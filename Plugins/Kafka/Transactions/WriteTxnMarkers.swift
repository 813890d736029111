import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime
import WorkTracking

extension Broker {
    /// Writes markers as they are told: for coordinators on other nodes, and for operators who end a transaction that
    /// hangs (KIP-664).
    func serveWriteTxnMarkers(
        _ request: WriteTxnMarkersRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        guard let gate, let permit = try? gate.enter(.write) else {
            reply.close(because: "the broker drains")
            return .pipelined
        }
        let served = partitions.snapshot()
        let shards = coordinators.groups.shards
        let wanted = request.markers.flatMap { marker in
            marker.topics.flatMap { topic in topic.partitionIndexes.map { (marker, TopicPartition(topic.name, $0)) } }
        }
        let gathering = Gathering<ErrorCode>(count: wanted.count, home: context.loop, permit: permit) {
            [self] codes in
            for code in codes where code != .none { probe.requestFailed(context.api, code) }
            send(WriteTxnMarkersResponse(request, codes), context, reply)
        }
        let now = clock.wallMilliseconds
        for (slot, (asked, name)) in wanted.enumerated() {
            guard let target = MarkerTarget(name, served, shards) else {
                gathering.answer(slot, .unknownTopicOrPartition)
                continue
            }
            let marker = TransactionMarker(
                producerID: asked.producerId, producerEpoch: asked.producerEpoch, isCommit: asked.transactionResult,
                coordinatorEpoch: asked.coordinatorEpoch, timestamp: now)
            gathering.ask(slot, on: target.loop) { then in
                // Never as of version 2: an operator ends what is open, under the epoch that it has.
                target.append(marker, transactionVersion: 0, then: then)
            }
        }
        gathering.begin()
        return .pipelined
    }
}

extension WriteTxnMarkersResponse {
    /// The codes, in the order of the request.
    fileprivate init(_ request: WriteTxnMarkersRequest, _ codes: [ErrorCode]) {
        self.init()
        var rest = codes[...]
        markers = request.markers.map { marker in
            var result = WritableTxnMarkerResult()
            result.producerId = marker.producerId
            result.topics = marker.topics.map { topic in
                var answer = WritableTxnMarkerTopicResult()
                answer.name = topic.name
                answer.partitions = topic.partitionIndexes.map { index in
                    var partition = WritableTxnMarkerPartitionResult()
                    partition.partitionIndex = index
                    partition.errorCode = rest.popFirst() ?? .unknownServerError
                    return partition
                }
                return answer
            }
            return result
        }
    }
}
