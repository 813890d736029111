import KafkaWire
import SegmentLog

/// Why a coordinator does not answer what it was asked.
enum CoordinatorRefusal: Error, Equatable {
    /// Its log is being replayed.
    case loading
    /// Another node coordinates, or soon will: the client looks for the coordinator again.
    case moved
    /// Nobody coordinates now: the client asks again.
    case unavailable
    /// A step's records are more than one batch may hold.
    case tooLarge
    /// A marker is of a producer that a newer one has fenced in the coordinator's log.
    case fenced
    /// The work was not admitted, because an operator made it read-only.
    case readOnly

    /// What a client is told.
    var code: ErrorCode {
        switch self {
        case .loading: .coordinatorLoadInProgress
        case .moved: .notCoordinator
        case .unavailable, .readOnly: .coordinatorNotAvailable
        case .tooLarge: .unknownServerError
        case .fenced: .invalidProducerEpoch
        }
    }

    /// What a failure of the coordinator's log means to who waited for it; as Kafka's coordinators map it.
    init(_ error: LogError) {
        switch error.code {
        case .notLeader, .closed, .storage, .full, .notFound: self = .moved
        case .tooLarge: self = .tooLarge
        default: self = .unavailable
        }
    }
}
