import KafkaWire
import SegmentLog
import WorkTracking

extension PartitionRefusal {
    /// What a client is told of a log's failure.
    init(_ error: LogError) {
        let code: ErrorCode =
            switch error.code {
            case .notLeader: .notLeaderOrFollower
            case .offsetOutOfRange: .offsetOutOfRange
            case .outOfOrderSequence: .outOfOrderSequenceNumber
            case .invalidProducerEpoch: .invalidProducerEpoch
            case .coordinatorFenced: .transactionCoordinatorFenced
            case .invalidTransactionState: .invalidTxnState
            case .duplicateSequence: .duplicateSequenceNumber
            case .invalidBatch: .invalidRecord
            case .tooLarge: .recordListTooLarge
            case .storage, .full: .kafkaStorageError
            case .closed: .notLeaderOrFollower
            case .notFound: .unknownTopicOrPartition
            default: .unknownServerError
            }
        self.init(code, error.message)
    }

    /// What a client is told of a closed gate: to look for the partition elsewhere, or to come back.
    init(_ rejection: WorkRejected) {
        switch rejection.reason {
        case .readOnly: self.init(.kafkaStorageError, "the partition is read-only; an operator will resume it")
        default: self.init(.notLeaderOrFollower, rejection.description)
        }
    }
}
