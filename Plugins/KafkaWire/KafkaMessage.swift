public import NIOCore

/// A value that Kafka's protocol lays out field by field, in a form that depends on the message's version.
///
/// Reading is total: any bytes give a value or a ``WireError``, never a trap. A failed read or write leaves the
/// buffer's indices anywhere between where they were and its end.
public protocol WireStruct: Sendable, Equatable {
    /// The fewest bytes a value takes in any version, at least 1; bounds the counts of arrays.
    static var wireSizeMin: Int { get }

    /// A value with every field at its default.
    init()

    /// Reads what `version` lays out, and leaves the buffer behind it.
    ///
    /// `records` and `bytes` are slices that share the buffer's storage. Unknown tagged fields are skipped.
    static func read(from buffer: inout ByteBuffer, version: Int16) throws(WireError) -> Self

    /// Appends what `version` lays out; throws when a field has a value that the version has no place for.
    func write(to buffer: inout ByteBuffer, version: Int16) throws(WireError)
}

/// A message: a whole request, response, header or record of the protocol.
public protocol KafkaMessage: WireStruct {
    /// The versions that can be read and written.
    static var validVersions: ClosedRange<Int16> { get }
    /// The first version with compact lengths and tagged fields (KIP-482); nil when none has.
    static var firstFlexibleVersion: Int16? { get }
}

extension KafkaMessage {
    /// Whether `version` has compact lengths and tagged fields.
    public static func isFlexible(_ version: Int16) -> Bool {
        guard let first = firstFlexibleVersion else { return false }
        return version >= first
    }

    /// Reads a message that is all there is in `buffer`; bytes left behind it are an error.
    public static func decode(_ buffer: ByteBuffer, version: Int16) throws(WireError) -> Self {
        var rest = buffer
        let value = try read(from: &rest, version: version)
        guard rest.readableBytes == 0 else {
            throw WireError(.trailingBytes, "\(rest.readableBytes) bytes are left behind \(Self.self) \(version)")
        }
        return value
    }

    static func requireValid(_ version: Int16) throws(WireError) {
        let valid = validVersions
        if version < valid.lowerBound || version > valid.upperBound {
            throw WireError(
                .unsupportedVersion,
                "\(Self.self) has the versions \(valid.lowerBound) to \(valid.upperBound), not \(version)")
        }
    }
}

/// A message that a client sends, and whose answer is known by type.
public protocol KafkaRequest: KafkaMessage {
    /// What the broker answers, in the same version.
    associatedtype Response: KafkaResponse

    /// The API that the request belongs to.
    static var apiKey: ApiKey { get }
}

/// A message that a broker answers with.
public protocol KafkaResponse: KafkaMessage {
    /// The API that the response belongs to.
    static var apiKey: ApiKey { get }
}
