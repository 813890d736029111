public import KafkaWire
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

    /// A failure of the metadata log or of a partition's log while doing `what`.
    init(_ error: any Error, while what: String) {
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

    /// The sentence.
    public var description: String { message }
}
