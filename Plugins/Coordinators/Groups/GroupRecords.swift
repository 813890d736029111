import KafkaWire
import NIOCore

/// The kinds of record in `__consumer_offsets`: the version in front of a key says which.
enum GroupRecordKind {
    /// A committed offset: `OffsetCommitKey`, of which 0 and 1 are the same.
    case offset
    /// A classic group: `GroupMetadataKey`.
    case classicGroup
    /// Something of a group of KIP-848, of this key version.
    case consumerGroup(Int16)
    /// A kind that a later Kafka wrote.
    case unknown

    /// The kind of the keys of this version.
    init(keyVersion: Int16) {
        switch keyVersion {
        case 0, 1: self = .offset
        case 2: self = .classicGroup
        case 3...8, 16: self = .consumerGroup(keyVersion)
        default: self = .unknown
        }
    }
}

/// Kafka's records of coordinators: a version in two bytes, then the fields.
enum GroupRecords {
    /// The key version of committed offsets that are written.
    static let offsetKeyVersion: Int16 = 1
    /// The value version of committed offsets that are written: the last one that every Kafka since 2.1 reads.
    static let offsetValueVersion: Int16 = 3
    /// The value version that has a place for an expiry (the retention time of OffsetCommit 2 to 4).
    static let expiringOffsetValueVersion: Int16 = 1
    /// The key version of classic groups.
    static let classicGroupKeyVersion: Int16 = 2
    /// The value version of classic groups that are written.
    static let classicGroupValueVersion: Int16 = 3

    /// How large a group's record may be: less than the shell appends as one batch, with room for others beside it.
    static let sizeBytesMax = 8 << 20

    /// The bytes of a key or a value. What goes in was checked to fit when it came from a client.
    static func encode(_ message: some KafkaMessage, version: Int16) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(version)
        do {
            try message.write(to: &buffer, version: version)
        } catch {
            preconditionFailure("what a client sent was let in though no record holds it: \(error)")
        }
        return buffer
    }

    /// The version in front, with the reader behind it.
    static func readVersion(_ buffer: inout ByteBuffer) throws(WireError) -> Int16 {
        guard let version = buffer.readInteger(as: Int16.self) else {
            throw WireError(.truncated, "a record of a group has no version")
        }
        return version
    }

    /// The value of a record; nil for a tombstone, and for a version that a later Kafka wrote.
    static func decodeValue<Value: KafkaMessage>(
        _ buffer: ByteBuffer?, as type: Value.Type
    ) throws(WireError) -> GroupRecordValue<Value> {
        guard var rest = buffer else { return .tombstone }
        let version = try readVersion(&rest)
        guard Value.validVersions.contains(version) else { return .unknown }
        return .value(try Value.read(from: &rest, version: version))
    }

    /// Whether a record can hold the string: most of their versions have two bytes for its length.
    static func canHold(_ string: String) -> Bool { string.utf8.count <= Int(Int16.max) }
}

/// What the value of a record says.
enum GroupRecordValue<Value: Sendable>: Sendable {
    /// This.
    case value(Value)
    /// That what the key names is gone.
    case tombstone
    /// Something in a version that is not known: the record is left out.
    case unknown
}

extension ByteBuffer {
    /// A copy of the readable bytes alone: what is kept of a request must not keep the buffer it came in.
    var owned: ByteBuffer { readableBytes == 0 ? ByteBuffer() : ByteBuffer(bytes: readableBytesView) }
}
