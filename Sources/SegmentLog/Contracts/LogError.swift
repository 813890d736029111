/// Why a log refused or failed.
public struct LogError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart; each maps to one of Kafka's error codes.
    public struct Code: Hashable, Sendable {
        let name: String

        /// This node does not lead the log (any more).
        public static let notLeader = Code(name: "notLeader")
        /// The offset is below the log start or above the end.
        public static let offsetOutOfRange = Code(name: "offsetOutOfRange")
        /// The producer's sequence number is not the next one.
        public static let outOfOrderSequence = Code(name: "outOfOrderSequence")
        /// The producer's epoch is older than the one known.
        public static let invalidProducerEpoch = Code(name: "invalidProducerEpoch")
        /// The batch was seen, but so long ago that its offset is not known any more.
        public static let duplicateSequence = Code(name: "duplicateSequence")
        /// A newer coordinator has ended a transaction of the producer.
        public static let coordinatorFenced = Code(name: "coordinatorFenced")
        /// The batch does not fit its producer's transaction: one is open and the batch is not part of it.
        public static let invalidTransactionState = Code(name: "invalidTransactionState")
        /// The batch is not one that a log can take.
        public static let invalidBatch = Code(name: "invalidBatch")
        /// The batch is larger than a segment.
        public static let tooLarge = Code(name: "tooLarge")
        /// The range is damaged, the disk failed, or the log refuses writes since it failed.
        public static let storage = Code(name: "storage")
        /// No room on the device; the log takes writes again when there is room.
        public static let full = Code(name: "full")
        /// The log is closed or being deleted.
        public static let closed = Code(name: "closed")
        /// The log is there already.
        public static let exists = Code(name: "exists")
        /// There is no such log.
        public static let notFound = Code(name: "notFound")
    }

    /// Which kind of failure.
    public var code: Code
    /// One sentence for the operator: what, where, what to do.
    public var message: String

    /// A failure with its sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}
