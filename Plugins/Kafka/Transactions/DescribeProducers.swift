import KafkaWire
import SegmentLog
import WeirRuntime
import WorkTracking

extension Broker {
    /// Tells which producers partitions remember, and where their open transactions begin (KIP-664).
    func serveDescribeProducers(
        _ request: DescribeProducersRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        guard let gate, let permit = try? gate.enter(.read) else {
            reply.close(because: "the broker drains")
            return .pipelined
        }
        let served = partitions.snapshot()
        let gathering = Gathering<DescribeProducersResponse.PartitionResponse>(
            count: request.topics.reduce(0) { $0 + $1.partitionIndexes.count }, home: context.loop, permit: permit
        ) { [self] answers in
            var response = DescribeProducersResponse()
            var rest = answers[...]
            response.topics = request.topics.map { topic in
                var answer = DescribeProducersResponse.TopicResponse()
                answer.name = topic.name
                answer.partitions = Array(rest.prefix(topic.partitionIndexes.count))
                rest = rest.dropFirst(topic.partitionIndexes.count)
                return answer
            }
            send(response, context, reply)
        }
        var slot = 0
        for topic in request.topics {
            for number in topic.partitionIndexes {
                gathering.ask(slot, served[topic.name]?.partitions[number]) { partition, then in
                    then(partition.describeProducers())
                } unknown: {
                    var answer = DescribeProducersResponse.PartitionResponse()
                    answer.partitionIndex = number
                    answer.errorCode = .unknownTopicOrPartition
                    return answer
                }
                slot += 1
            }
        }
        gathering.begin()
        return .pipelined
    }
}

extension ServedPartition {
    fileprivate func describeProducers() -> DescribeProducersResponse.PartitionResponse {
        var answer = DescribeProducersResponse.PartitionResponse()
        answer.partitionIndex = identity.partition
        switch leaderLog() {
        case .failure(let refusal):
            answer.errorCode = refusal.code
            answer.errorMessage = refusal.message
        case .success(let log):
            answer.activeProducers = log.producerDescriptions.map { producer in
                var state = DescribeProducersResponse.ProducerState()
                state.producerId = producer.id
                state.producerEpoch = Int32(producer.epoch)
                state.lastSequence = producer.lastSequence
                state.lastTimestamp = producer.lastTimestamp
                state.coordinatorEpoch = producer.coordinatorEpoch
                state.currentTxnStartOffset = producer.openTransactionOffset
                return state
            }
        }
        return answer
    }
}
