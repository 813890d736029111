/// The records that plugins produce and consume: what a broker, or a client of one, offers the plugin host.
public protocol RecordAccess: Sendable {
    /// Appends one record, and returns where it is once it is committed.
    ///
    /// - Parameter partition: The partition; nil: chosen by the key.
    /// - Throws: `RecordAccessError`.
    func produce(
        topic: String, partition: Int32?, key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader]
    ) async throws -> (partition: Int32, offset: Int64)

    /// At most `max` committed records from `offset` on, in order; none where there are none yet.
    ///
    /// - Parameter offset: Where to begin; -2: at the oldest that is kept; -1: behind the newest.
    /// - Throws: `RecordAccessError`.
    func consume(topic: String, partition: Int32, from offset: Int64, max: Int) async throws -> [StoredRecord]

    /// Which offset -2 and -1 stand for now: that of the oldest record, and that which comes next.
    ///
    /// - Throws: `RecordAccessError`.
    func offset(topic: String, partition: Int32, of position: Int64) async throws -> Int64
}

/// A header of a record; names need not be unique.
public struct RecordHeader: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The value; nil is Kafka's null.
    public var value: [UInt8]?

    /// A header.
    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }
}

/// A record as it is stored.
public struct StoredRecord: Sendable, Hashable {
    /// Its place in the partition.
    public var offset: Int64
    /// Milliseconds since 1970; -1 where there is none.
    public var timestamp: Int64
    /// The key.
    public var key: [UInt8]?
    /// The value.
    public var value: [UInt8]?
    /// The headers, in order.
    public var headers: [RecordHeader]

    /// A record at its place.
    public init(
        offset: Int64, timestamp: Int64 = -1, key: [UInt8]? = nil, value: [UInt8]?, headers: [RecordHeader] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Why a record was not produced, or none could be consumed.
public struct RecordAccessError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    public struct Code: Hashable, Sendable {
        /// The code as a word.
        public let label: String
        /// No such topic or partition.
        public static let notFound = Code(label: "notFound")
        /// The offset is older than what is kept, or beyond the end.
        public static let offsetOutOfRange = Code(label: "offsetOutOfRange")
        /// The record is too large, or the topic refuses it.
        public static let invalid = Code(label: "invalid")
        /// The partition cannot serve now.
        public static let unavailable = Code(label: "unavailable")
    }

    /// What went wrong.
    public var code: Code
    /// What, where, and what to do.
    public var message: String

    /// An error with its sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}
