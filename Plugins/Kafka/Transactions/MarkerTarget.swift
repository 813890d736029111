import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime
import WorkTracking

/// Where a marker goes.
enum MarkerTarget: Sendable {
    /// A partition of the offsets topic: its coordinator hears of the marker in the log's order.
    case group(CoordinatorShard<GroupCoordinator>)
    /// One whose coordinator has not begun: a marker behind its back would be missed by it.
    case unattended(ServedPartition)
    /// Any other.
    case partition(ServedPartition)

    /// Where `partition` is served; nil: there is none.
    init?(_ partition: TopicPartition, _ served: ServedTopics, _ groups: Coordinator<GroupCoordinator>.Shards) {
        guard let found = served[partition.topic]?.partitions[partition.partition] else { return nil }
        guard partition.topic == InternalTopic.offsets else {
            self = .partition(found)
            return
        }
        self = groups.byPartition[partition.partition].map { .group($0) } ?? .unattended(found)
    }

    var loop: any Loop { partition.loop }

    var partition: ServedPartition {
        switch self {
        case .group(let shard): shard.partition
        case .unattended(let partition), .partition(let partition): partition
        }
    }

    /// Appends the marker; `then` gets `none` when it is committed, and why not otherwise. On the loop.
    ///
    /// - Parameter transactionVersion: From 2 on the marker's epoch is above its transaction's: one that finds an open
    ///   transaction of this epoch has been written before, and that transaction is the next (KIP-890).
    func append(
        _ marker: TransactionMarker, transactionVersion: Int8, then: @escaping (ErrorCode) -> Void
    ) {
        let log: any ReplicatedLog
        switch partition.leaderLog() {
        case .success(let open): log = open
        case .failure(let refusal): return then(refusal.code)
        }
        partition.noteMarker(of: marker.producerID)
        if transactionVersion >= 2, let open = log.openTransaction(of: marker.producerID),
            open.producerEpoch >= marker.producerEpoch
        {
            return then(.none)
        }
        switch self {
        case .unattended: then(.coordinatorNotAvailable)
        case .partition:
            do {
                _ = try log.append(marker) { result in
                    switch result {
                    case .success: then(.none)
                    case .failure(let error): then(PartitionRefusal(error).code)
                    }
                }
            } catch {
                then(PartitionRefusal(error).code)
            }
        case .group(let shard):
            let end = TransactionEnd(
                producer: ProducerIdentity(id: marker.producerID, epoch: marker.producerEpoch),
                outcome: marker.isCommit ? .committed : .aborted)
            shard.end(marker, telling: .transactionEnded(end)) { result in
                switch result {
                case .success: then(.none)
                case .failure(let refusal): then(refusal.code)
                }
            }
        }
    }
}
