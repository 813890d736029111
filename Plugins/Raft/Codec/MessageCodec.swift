/// Messages and their parts as bytes: compact, bounded, and the same for the same value.
///
/// Decoding is total: any bytes give a value or a `DecodeError`. What decodes encodes to the same bytes again.
/// The layout is in docs/formats/raft-message.md. Payload bytes belong to somebody else: encoding asks for them to be
/// appended, decoding says where they are, and neither copies any.
public struct MessageCodec: Sendable {
    /// Appends a payload's bytes, exactly `Payload.byteCount` of them. Not asked for an empty one.
    public typealias PayloadWriter = (Payload, inout [UInt8]) -> Void
    /// Makes a payload of as many bytes as the range of the input. Not asked for an empty one.
    public typealias PayloadReader = (Range<Int>) -> Payload

    /// The format that is written, and the only one that is read.
    public static let version: UInt8 = 1

    /// What decoding refuses.
    public let limits: MessageLimits

    /// A codec that decodes within those limits.
    public init(limits: MessageLimits = MessageLimits()) { self.limits = limits }

    /// Appends the message. It must hold its types' contracts: lists ascend, terms and indexes fit `Int64`.
    public func encode(_ message: borrowing Message, into bytes: inout [UInt8], payload: PayloadWriter) {
        bytes.append(Self.version)
        encodeBody(message, into: &bytes, payload: payload)
    }

    /// The message that the bytes are, all of them. `payload` is given ranges of the bytes' offsets from 0.
    public func decode(
        _ bytes: UnsafeRawBufferPointer, payload: PayloadReader
    ) throws(DecodeError) -> Message {
        var reader = try reader(of: bytes)
        // Filled in place: to return a message from call to call would copy it.
        var message = Message(try decodeKind(&reader))
        try decodeBody(of: &message, from: &reader, responsesMax: limits.responsesMax, payload: payload)
        try reader.end()
        return message
    }

    /// Behind the version byte of a whole.
    func reader(of bytes: UnsafeRawBufferPointer) throws(DecodeError) -> ByteReader {
        guard bytes.count <= limits.bytesMax else { throw DecodeError(.overLimit, .message, at: 0) }
        var reader = ByteReader(bytes)
        let version = try reader.byte(.version)
        guard version == Self.version else { throw DecodeError(.unknownVersion, .version, at: 0) }
        return reader
    }
}

/// Which parts of a message follow its kind; the others are zero or empty. The seven that are frequent come first:
/// alone they take one byte.
private struct MessageFields: OptionSet {
    let rawValue: UInt16

    static let from = MessageFields(rawValue: 1 << 0)
    static let to = MessageFields(rawValue: 1 << 1)
    static let term = MessageFields(rawValue: 1 << 2)
    static let commit = MessageFields(rawValue: 1 << 3)
    static let index = MessageFields(rawValue: 1 << 4)
    static let logTerm = MessageFields(rawValue: 1 << 5)
    static let entries = MessageFields(rawValue: 1 << 6)
    static let rejection = MessageFields(rawValue: 1 << 7)
    static let transfer = MessageFields(rawValue: 1 << 8)
    static let rejectHint = MessageFields(rawValue: 1 << 9)
    static let readPosition = MessageFields(rawValue: 1 << 10)
    static let vote = MessageFields(rawValue: 1 << 11)
    static let snapshot = MessageFields(rawValue: 1 << 12)
    static let responses = MessageFields(rawValue: 1 << 13)

    /// The parts that a message needs.
    @inline(__always)
    init(of message: borrowing Message) {
        var bits: UInt16 = 0
        if message.from.value != 0 { bits |= Self.from.rawValue }
        if message.to.value != 0 { bits |= Self.to.rawValue }
        if message.term.value != 0 { bits |= Self.term.rawValue }
        if message.commit.value != 0 { bits |= Self.commit.rawValue }
        if message.index.value != 0 { bits |= Self.index.rawValue }
        if message.logTerm.value != 0 { bits |= Self.logTerm.rawValue }
        if !message.entries.isEmpty { bits |= Self.entries.rawValue }
        if message.isRejection { bits |= Self.rejection.rawValue }
        if message.isTransfer { bits |= Self.transfer.rawValue }
        if message.rejectHint.value != 0 { bits |= Self.rejectHint.rawValue }
        if message.readPosition != 0 { bits |= Self.readPosition.rawValue }
        if message.vote.value != 0 { bits |= Self.vote.rawValue }
        if message.snapshot != nil { bits |= Self.snapshot.rawValue }
        if !message.responses.isEmpty { bits |= Self.responses.rawValue }
        rawValue = bits
    }

    init(rawValue: UInt16) { self.rawValue = rawValue }
}

extension MessageCodec {
    private func encodeBody(_ message: borrowing Message, into bytes: inout [UInt8], payload: PayloadWriter) {
        let fields = MessageFields(of: message)
        bytes.append(message.kind.rawValue)
        bytes.appendVarint(UInt64(fields.rawValue))
        if fields.contains(.from) { bytes.appendVarint(message.from.value) }
        if fields.contains(.to) { bytes.appendVarint(message.to.value) }
        if fields.contains(.term) { bytes.appendNumber(message.term.value) }
        if fields.contains(.commit) { bytes.appendNumber(message.commit.value) }
        if fields.contains(.index) { bytes.appendNumber(message.index.value) }
        if fields.contains(.logTerm) { bytes.appendNumber(message.logTerm.value) }
        if fields.contains(.rejectHint) { bytes.appendNumber(message.rejectHint.value) }
        if fields.contains(.readPosition) { bytes.appendNumber(message.readPosition) }
        if fields.contains(.vote) { bytes.appendVarint(message.vote.value) }
        if fields.contains(.entries) {
            let id = EntryID(term: message.logTerm, index: message.index)
            encodeEntries(message.entries, after: id, in: message.term, into: &bytes, payload: payload)
        }
        if let snapshot = message.snapshot { encodeBody(snapshot, into: &bytes, payload: payload) }
        guard fields.contains(.responses) else { return }
        bytes.appendVarint(UInt64(message.responses.count))
        for response in message.responses {
            precondition(response.responses.isEmpty, "a response has no responses")
            encodeBody(response, into: &bytes, payload: payload)
        }
    }

    private func decodeKind(_ reader: inout ByteReader) throws(DecodeError) -> Message.Kind {
        let begin = reader.offset
        guard let kind = Message.Kind(rawValue: try reader.byte(.kind)) else {
            throw DecodeError(.unknownValue, .kind, at: begin)
        }
        guard !kind.isLocal || limits.localMessages == .accepted else {
            throw DecodeError(.localMessage, .kind, at: begin)
        }
        return kind
    }

    private func decodeBody(
        of message: inout Message, from reader: inout ByteReader, responsesMax: Int, payload: PayloadReader
    ) throws(DecodeError) {
        let fields = try decodeFields(&reader)
        message.isRejection = fields.contains(.rejection)
        message.isTransfer = fields.contains(.transfer)
        if fields.contains(.from) { message.from = try decodeSender(&reader, .from) }
        if fields.contains(.to) { message.to = try decodeSender(&reader, .to) }
        if fields.contains(.term) { message.term = Term(try reader.nonzeroNumber(.term)) }
        if fields.contains(.commit) { message.commit = LogIndex(try reader.nonzeroNumber(.commit)) }
        if fields.contains(.index) { message.index = LogIndex(try reader.nonzeroNumber(.index)) }
        if fields.contains(.logTerm) { message.logTerm = Term(try reader.nonzeroNumber(.logTerm)) }
        if fields.contains(.rejectHint) { message.rejectHint = LogIndex(try reader.nonzeroNumber(.rejectHint)) }
        if fields.contains(.readPosition) { message.readPosition = try reader.nonzeroNumber(.readPosition) }
        if fields.contains(.vote) { message.vote = try decodeMember(&reader, .vote) }
        if fields.contains(.entries) {
            let id = EntryID(term: message.logTerm, index: message.index)
            message.entries = try decodeEntries(&reader, after: id, in: message.term, payload: payload)
        }
        if fields.contains(.snapshot) { message.snapshot = try decodeSnapshot(&reader, payload: payload) }
        if fields.contains(.responses) {
            message.responses = try decodeResponses(&reader, responsesMax: responsesMax, payload: payload)
        }
    }

    private func decodeFields(_ reader: inout ByteReader) throws(DecodeError) -> MessageFields {
        let begin = reader.offset
        let bits = try reader.varint(.fields)
        guard bits & ~0x3fff == 0 else { throw DecodeError(.unknownValue, .fields, at: begin) }
        return MessageFields(rawValue: UInt16(bits))
    }

    private func decodeResponses(
        _ reader: inout ByteReader, responsesMax: Int, payload: PayloadReader
    ) throws(DecodeError) -> [Message] {
        let count = try reader.count(.responses, max: responsesMax)
        var responses: [Message] = []
        responses.reserveCapacity(count)
        for _ in 0..<count {
            var response = Message(try decodeKind(&reader))
            try decodeBody(of: &response, from: &reader, responsesMax: 0, payload: payload)
            responses.append(response)
        }
        return responses
    }

    /// A replica, or, where local messages are accepted, a thread of one.
    @inline(__always)
    private func decodeSender(
        _ reader: inout ByteReader, _ field: DecodeError.Field
    ) throws(DecodeError) -> ReplicaID {
        let begin = reader.offset
        let id = ReplicaID(try reader.varint(field))
        guard id != .none else { throw DecodeError(.notShortest, field, at: begin) }
        guard !id.isLocalThread || limits.localMessages == .accepted else {
            throw DecodeError(.localMessage, field, at: begin)
        }
        return id
    }

    /// A replica, which is left out where it is nobody.
    func decodeMember(_ reader: inout ByteReader, _ field: DecodeError.Field) throws(DecodeError) -> ReplicaID {
        let begin = reader.offset
        let id = ReplicaID(try reader.varint(field))
        guard id != .none else { throw DecodeError(.notShortest, field, at: begin) }
        guard !id.isLocalThread else { throw DecodeError(.outOfRange, field, at: begin) }
        return id
    }
}
