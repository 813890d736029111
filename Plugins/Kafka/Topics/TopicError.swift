public import KafkaWire
internal import ObjectStore
internal import SegmentLog

/// Why a request about a topic was refused: Kafka's code and Kafka's sentence.
public struct TopicError: Error, Sendable, CustomStringConvertible {
    /// Kafka's code.
    public var code: ErrorCode
    /// One sentence for who asked.
    public var message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: SettingError) {
        self.init(.invalidConfig, error.message)
    }

    /// A failure of the object store or of a partition's log while doing `what`.
    init(_ error: any Error, while what: String) {
        if let error = error as? TopicError {
            self = error
            return
        }
        if let error = error as? ObjectError {
            self.init(error, while: what)
            return
        }
        guard let error = error as? LogError else {
            self.init(.kafkaStorageError, "\(what) failed: \(error)")
            return
        }
        let code: ErrorCode =
            switch error.code {
            case .notLeader, .closed: .notController
            case .tooLarge: .policyViolation
            default: .kafkaStorageError
            }
        self.init(code, "\(what) failed: \(error.message)")
    }

    /// What the object store said, in Kafka's codes.
    private init(_ error: ObjectError, while what: String) {
        switch error.reason {
        case .invalid:
            self.init(Self.code(of: error.causes.first?.field ?? ""), error.causes.first?.message ?? error.message)
        case .notFound, .conflict:
            self.init(.unknownTopicOrPartition, "This server does not host this topic-partition.")
        case .forbidden: self.init(.policyViolation, error.message)
        // The node goes down, or its metadata cannot be written now: clients look for the controller again.
        case .unavailable: self.init(.notController, "\(what) failed: \(error.message)")
        default: self.init(.kafkaStorageError, "\(what) failed: \(error.message)")
        }
    }

    private static func code(of field: String) -> ErrorCode {
        switch field {
        case "metadata.name", "metadata.namespace": .invalidTopicException
        case "spec.partitions": .invalidPartitions
        case "spec.replicationFactor": .invalidReplicationFactor
        default: field.hasPrefix("spec.config") ? .invalidConfig : .invalidRequest
        }
    }

    /// Of a topic that keeps the broker's own state.
    static func deletionOfInternal(_ topic: String) -> TopicError {
        TopicError(
            .invalidTopicException, "The internal topic \(topic) keeps the broker's own state and cannot be deleted.")
    }

    /// The sentence.
    public var description: String { message }
}
