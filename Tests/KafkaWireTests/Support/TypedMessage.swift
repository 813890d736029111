import KafkaWire
import NIOCore
import Testing

/// What a message type does with bytes, without its type.
struct TypedMessage: Sendable, CustomTestStringConvertible {
    let schema: Schema
    let type: any KafkaMessage.Type
    let version: Int16

    var testDescription: String { "\(schema.name) \(version)" }

    /// Every message in every version.
    static let all: [TypedMessage] = generatedMessages.flatMap { entry -> [TypedMessage] in
        let schema = Schema(entry.schema)
        return entry.type.validVersions.map { TypedMessage(schema: schema, type: entry.type, version: $0) }
    }

    /// Bytes of a random message.
    func randomBytes(seed: UInt64) -> [UInt8] {
        var encoder = SchemaEncoder(schema, version: Int(version), seed: seed)
        return encoder.message()
    }

    /// Reads `bytes`, writes the value, reads that again: the bytes written, and whether the values are equal.
    func roundTrip(_ bytes: [UInt8]) throws -> (written: [UInt8], isEqual: Bool) {
        try type.roundTrip(bytes, version: version)
    }

    /// Reads `bytes` and forgets the value.
    func read(_ bytes: [UInt8]) throws(WireError) {
        var buffer = ByteBuffer(bytes: bytes)
        _ = try type.read(from: &buffer, version: version)
    }
}

extension KafkaMessage {
    fileprivate static func roundTrip(_ bytes: [UInt8], version: Int16) throws -> (written: [UInt8], isEqual: Bool) {
        let value = try decode(ByteBuffer(bytes: bytes), version: version)
        let written = try value.encoded(version)
        let again = try decode(written, version: version)
        return (Array(written.readableBytesView), again == value)
    }
}
