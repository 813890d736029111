/// Why bytes are not a record batch, or not one that may be taken.
public struct BatchError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart; each maps to one of Kafka's error codes.
    public struct Code: Hashable, Sendable {
        let name: String

        /// The bytes end before the batch does, or lengths contradict each other.
        public static let truncated = Code(name: "truncated")
        /// The checksum does not fit the bytes.
        public static let checksumMismatch = Code(name: "checksumMismatch")
        /// The batch has another magic number than 2: a format from before Kafka 0.11, or none.
        public static let unsupportedMagic = Code(name: "unsupportedMagic")
        /// The codec number is not one of Kafka's five.
        public static let unsupportedCodec = Code(name: "unsupportedCodec")
        /// The batch is larger than allowed, or its records unfold to more than allowed.
        public static let tooLarge = Code(name: "tooLarge")
        /// Counts, deltas or flags that no producer may send.
        public static let invalid = Code(name: "invalid")
        /// A record has a timestamp out of bounds.
        public static let invalidTimestamp = Code(name: "invalidTimestamp")
        /// The compressed bytes are damaged.
        public static let damagedCompression = Code(name: "damagedCompression")
    }

    /// Which kind.
    public var code: Code
    /// One sentence.
    public var message: String
    /// The records at fault, where single records are: Kafka's RecordErrors (KIP-467).
    public var records: [RecordError]

    /// A reason with its sentence.
    public init(_ code: Code, _ message: String, records: [RecordError] = []) {
        self.code = code
        self.message = message
        self.records = records
    }

    /// The sentence.
    public var description: String { message }
}

/// One record that may not be taken.
public struct RecordError: Sendable, Hashable {
    /// Its place in the batch, from 0.
    public var index: Int32
    /// Why, in a sentence.
    public var message: String

    /// The record at `index`.
    public init(index: Int32, message: String) {
        self.index = index
        self.message = message
    }
}
