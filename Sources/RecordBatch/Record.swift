public import NIOCore

/// One record of a batch, with its offset and time counted from the batch's.
public struct Record: Sendable, Hashable {
    /// A header of a record: a name, and bytes or nothing.
    public struct Header: Sendable, Hashable {
        /// The name; not unique.
        public var key: String
        /// The bytes; nil is null, which is not empty.
        public var value: ByteBuffer?

        /// A header.
        public init(key: String, value: ByteBuffer?) {
            self.key = key
            self.value = value
        }
    }

    /// Offset, counted from the batch's base offset.
    public var offsetDelta: Int32
    /// Milliseconds, counted from the batch's base timestamp.
    public var timestampDelta: Int64
    /// The key; nil is null, which is not empty.
    public var key: ByteBuffer?
    /// The value; nil is null: a tombstone in compacted topics.
    public var value: ByteBuffer?
    /// The headers, in order.
    public var headers: [Header]

    /// A record.
    public init(
        offsetDelta: Int32 = 0, timestampDelta: Int64 = 0, key: ByteBuffer? = nil, value: ByteBuffer?,
        headers: [Header] = []
    ) {
        self.offsetDelta = offsetDelta
        self.timestampDelta = timestampDelta
        self.key = key
        self.value = value
        self.headers = headers
    }
}
