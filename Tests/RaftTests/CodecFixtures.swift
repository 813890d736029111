import Raft
import WeirSimulation

extension SeededRandom {
    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func oneIn(_ count: Int) -> Bool { integer(1...count) == 1 }

    /// A number of any size up to `max`: as often one byte as eight.
    mutating func number(max: UInt64 = UInt64(Int64.max)) -> UInt64 {
        switch integer(0...9) {
        case 0: 0
        case 1: max
        case 2: max - 1
        default: min(next() >> UInt64(integer(0...63)), max)
        }
    }
}

/// Owns the bytes of payloads in these tests; `Payload.handle` is the first one's place.
final class PayloadBytes: Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func payload(_ range: Range<Int>) -> Payload {
        Payload(owner: self, handle: UInt64(range.lowerBound), byteCount: range.count)
    }

    static func payload(_ bytes: [UInt8]) -> Payload {
        bytes.isEmpty ? .empty : PayloadBytes(bytes).payload(0..<bytes.count)
    }
}

extension Payload {
    /// The bytes, of which a `PayloadBytes` is the owner.
    var bytes: ArraySlice<UInt8> {
        guard byteCount > 0, let owner = owner as? PayloadBytes else { return [] }
        return owner.bytes[Int(handle)..<Int(handle) + byteCount]
    }

    static func text(_ text: String) -> Payload { PayloadBytes.payload(Array(text.utf8)) }
}

extension MessageCodec {
    /// Everything that the owner's own process may say, in generous sizes.
    static var open: MessageCodec {
        MessageCodec(limits: MessageLimits(responsesMax: 64, localMessages: .accepted))
    }

    func bytes(_ message: Message) -> [UInt8] {
        var bytes: [UInt8] = []
        encode(message, into: &bytes) { payload, bytes in bytes.append(contentsOf: payload.bytes) }
        return bytes
    }

    func message(_ bytes: [UInt8]) throws(DecodeError) -> Message {
        let owner = PayloadBytes(bytes)
        return try withBytes(bytes) { (bytes) throws(DecodeError) in
            try decode(bytes) { range in owner.payload(range) }
        }
    }

    /// `withUnsafeBytes` with a typed error.
    func withBytes<Value>(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(DecodeError) -> Value
    ) throws(DecodeError) -> Value {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(DecodeError) in try body(bytes) }
        }
        return try result.get()
    }
}

/// A message with its payloads' bytes, for comparisons.
struct PlainMessage: Equatable {
    struct PlainEntry: Equatable {
        var id: EntryID
        var kind: EntryKind
        var bytes: ArraySlice<UInt8>
        var change: ConfigurationChange?
        var sizeBytes: Int

        init(_ entry: Entry) {
            id = entry.id
            kind = entry.kind
            bytes = entry.payload.bytes
            change = entry.configurationChange
            sizeBytes = entry.sizeBytes
        }
    }

    struct PlainSnapshot: Equatable {
        var last: EntryID
        var configuration: ConfigurationState
        var bytes: ArraySlice<UInt8>

        init(_ snapshot: Snapshot) {
            last = snapshot.last
            configuration = snapshot.configuration
            bytes = snapshot.payload.bytes
        }
    }

    var kind: Message.Kind
    var flags: [Bool]
    var numbers: [UInt64]
    var entries: [PlainEntry]
    var snapshot: PlainSnapshot?
    var responses: [PlainMessage]

    init(_ message: Message) {
        kind = message.kind
        flags = [message.isRejection, message.isTransfer]
        numbers = [
            message.from.value, message.to.value, message.term.value, message.logTerm.value, message.index.value,
            message.commit.value, message.vote.value, message.rejectHint.value, message.readPosition,
        ]
        entries = message.entries.map(PlainEntry.init)
        snapshot = message.snapshot.map(PlainSnapshot.init)
        responses = message.responses.map(PlainMessage.init)
    }
}

extension SeededRandom {
    mutating func replica() -> ReplicaID { ReplicaID(number(max: .max - 2)) }

    mutating func bytes(_ countMax: Int) -> [UInt8] {
        (0..<integer(0...countMax)).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func members() -> [ReplicaID] {
        guard !oneIn(3) else { return [] }
        return Set((0..<integer(1...7)).map { _ in ReplicaID(max(1, replica().value)) }).sorted()
    }

    mutating func configuration() -> ConfigurationState {
        ConfigurationState(
            voters: members(), votersOutgoing: members(), learners: members(), learnersNext: members(),
            autoLeave: oneIn(2))
    }

    mutating func change(simple: Bool) -> ConfigurationChange {
        let count = simple ? 1 : integer(0...5)
        let operations = (0..<count).map { _ in
            ConfigurationChange.Operation(
                [.addVoter, .remove, .update, .addLearner].randomElement(using: &self)!, replica())
        }
        return ConfigurationChange(
            operations, transition: simple ? .auto : [.auto, .implicit, .explicit].randomElement(using: &self)!)
    }

    mutating func entry(after before: EntryID, in messageTerm: Term) -> Entry {
        let term = oneIn(4) ? Term(number()) : oneIn(2) ? messageTerm : before.term
        let follows = before.index.value < UInt64(Int64.max) && !oneIn(4)
        let index = follows ? before.index + 1 : oneIn(3) ? 0 : LogIndex(number())
        switch integer(0...5) {
        case 0: return Entry(term: term, index: index, change: change(simple: true), form: .configurationChangeV1)
        case 1: return Entry(term: term, index: index, change: change(simple: false))
        default: return Entry(term: term, index: index, payload: PayloadBytes.payload(bytes(20)))
        }
    }

    mutating func snapshot() -> Snapshot {
        Snapshot(
            last: EntryID(term: Term(number()), index: LogIndex(number())), configuration: configuration(),
            payload: PayloadBytes.payload(bytes(40)))
    }

    /// Any message: what a kind uses is the core's affair.
    mutating func message(responses: Bool = true) -> Message {
        var message = Message(Message.Kind.allCases.randomElement(using: &self)!)
        message.isRejection = oneIn(4)
        message.isTransfer = oneIn(4)
        message.from = oneIn(20) ? .appendThread : replica()
        message.to = oneIn(20) ? .applyThread : replica()
        if !oneIn(4) { message.term = Term(number()) }
        if oneIn(2) { message.logTerm = oneIn(2) ? message.term : Term(number()) }
        if oneIn(2) { message.index = LogIndex(number()) }
        if oneIn(2) { message.commit = LogIndex(number()) }
        if oneIn(4) { message.vote = replica() }
        if oneIn(4) { message.rejectHint = LogIndex(number()) }
        if oneIn(4) { message.readPosition = number() }
        if oneIn(2) {
            var before = EntryID(term: message.logTerm, index: message.index)
            for _ in 0..<integer(0...6) {
                message.entries.append(entry(after: before, in: message.term))
                before = message.entries.last!.id
            }
        }
        if oneIn(6) { message.snapshot = snapshot() }
        if responses && oneIn(6) {
            message.responses = (0..<integer(0...3)).map { _ in self.message(responses: false) }
        }
        return message
    }
}
