/// One record of the metadata log: an object as it became, or that it was deleted.
struct MetadataRecord: Sendable, Hashable {
    /// `kind/namespace/name`.
    var key: String
    /// The object as JSON; nil: deleted.
    var value: [UInt8]?
    /// Where it is in the log; −1 before it was appended.
    var offset: Int64 = -1

    init(key: String, value: [UInt8]?, offset: Int64 = -1) {
        self.key = key
        self.value = value
        self.offset = offset
    }

    /// The topic as it became.
    init(_ topic: TopicDescription) throws {
        let object = TopicObject(topic)
        self.init(key: object.key, value: try object.json())
    }
}
