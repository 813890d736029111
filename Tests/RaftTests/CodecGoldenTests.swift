import Raft
import Testing

@Suite("an encoded message")
struct CodecGoldenTests {
    struct Golden: CustomTestStringConvertible {
        var name: String
        var hex: String
        var message: Message

        var testDescription: String { name }

        init(_ name: String, _ hex: String, _ message: Message, _ change: (inout Message) -> Void = { _ in }) {
            self.name = name
            self.hex = hex
            self.message = message
            change(&self.message)
        }
    }

    static let goldens = [
        Golden("no field", "01 03 00", Message(.append)),
        Golden(
            "a heartbeat of small numbers", "01 08 0f 01 02 05 64",
            Message(.heartbeat, from: 1, to: 2, term: 5, commit: 100)),
        Golden(
            "a heartbeat of a busy group with a read", "01 08 8f08 01 02 ac02 c0843d 07",
            Message(.heartbeat, from: 1, to: 2, term: 300, commit: 1_000_000)
        ) { $0.readPosition = 7 },
        Golden("a heartbeat's answer", "01 09 07 02 01 05", Message(.heartbeatResponse, from: 2, to: 1, term: 5)),
        Golden(
            "an acknowledgement", "01 04 17 02 01 05 09", Message(.appendResponse, from: 2, to: 1, term: 5, index: 9)),
        Golden(
            "a refusal with its hint", "01 04 b705 02 01 05 09 04 08",
            Message(.appendResponse, from: 2, to: 1, term: 5, logTerm: 4, index: 9)
        ) {
            $0.isRejection = true
            $0.rejectHint = 8
        },
        Golden(
            "a vote asked for in a transfer", "01 05 b702 01 02 06 09 05",
            Message(.vote, from: 1, to: 2, term: 6, logTerm: 5, index: 9)
        ) { $0.isTransfer = true },
        Golden(
            "entries that follow one another", "01 03 7f 01 02 05 08 09 05 03 40 01 61 00 40 02 6262",
            Message(
                .append, from: 1, to: 2, term: 5, logTerm: 5, index: 9, commit: 8,
                entries: [
                    Entry(term: 5, index: 10, payload: .text("a")), Entry(term: 5, index: 11, payload: .empty),
                    Entry(term: 5, index: 12, payload: .text("bb")),
                ])),
        Golden(
            "entries of other terms and places", "01 03 74 05 09 03 03 28 04 14 14 28 04 8001",
            Message(
                .append, term: 5, logTerm: 3, index: 9,
                entries: [
                    Entry(term: 4, index: 20, payload: .empty), Entry(term: 5, index: 0, payload: .empty),
                    Entry(term: 4, index: 128, payload: .empty),
                ])
        ),
        Golden(
            "proposals, which have no place yet", "01 02 43 03 01 02 50 01 61 50 01 62",
            Message(
                .propose, from: 3, to: 1,
                entries: [Entry(payload: .text("a")), Entry(payload: .text("b"))])),
        Golden(
            "changes of the membership", "01 02 43 03 01 02 11 03 04 12 02 02 00 04 01 8002",
            Message(
                .propose, from: 3, to: 1,
                entries: [
                    Entry(change: ConfigurationChange([.init(.addLearner, 4)]), form: .configurationChangeV1),
                    Entry(
                        change: ConfigurationChange(
                            [.init(.addVoter, 4), .init(.remove, 256)], transition: .explicit)),
                ])),
        Golden(
            "a snapshot", "01 07 8720 01 02 05 04 ff01 1e 03 01 01 7e 01 03 01 04 01 06 02 6869",
            Message(.snapshot, from: 1, to: 2, term: 5)
        ) {
            $0.snapshot = Snapshot(
                last: EntryID(term: 4, index: 255),
                configuration: ConfigurationState(
                    voters: [1, 2, 128], votersOutgoing: [3], learners: [4], learnersNext: [6]),
                payload: .text("hi"))
        },
        Golden(
            "storage work with its answer",
            "01 13 8750 01 ffffffffffffffffff01 05 02 01 14 13 ffffffffffffffffff01 01 09",
            Message(.storageAppend, from: 1, to: .appendThread, term: 5)
        ) {
            $0.vote = 2
            $0.responses = [Message(.storageAppendResponse, from: .appendThread, to: 1, index: 9)]
        },
    ]

    @Test("has these bytes, and is read from them", arguments: goldens)
    func golden(_ golden: Golden) throws {
        let bytes = [UInt8](hex: golden.hex)
        #expect(MessageCodec.open.bytes(golden.message).hex == bytes.hex)
        #expect(PlainMessage(try MessageCodec.open.message(bytes)) == PlainMessage(golden.message))
    }

    @Test("of a heartbeat has 11 bytes in terms of two and indexes of four, and two more where it confirms reads")
    func heartbeatSize() {
        var message = Message(.heartbeat, from: 1, to: 2, term: 16_383, commit: 268_435_455)
        #expect(MessageCodec().bytes(message).count == 11)
        message.readPosition = 1
        #expect(MessageCodec().bytes(message).count == 13)
    }

    @Test("of 16 entries costs two bytes an entry besides its payload")
    func appendSize() {
        let entries = (1...16).map { Entry(term: 5, index: 1_000_000 + $0, payload: .text("0123456789")) }
        let message = Message(
            .append, from: 1, to: 2, term: 5, logTerm: 5, index: 1_000_000, commit: 1, entries: entries)
        #expect(MessageCodec().bytes(message).count == 3 + 2 + 1 + 1 + 3 + 1 + 1 + 16 * 12)
    }

    @Test("says where a payload is, and copies none of it")
    func payloadRange() throws {
        let bytes = [UInt8](hex: "01 03 74 05 09 05 02 40 03 616263 40 01 64")
        var ranges: [Range<Int>] = []
        let message = try MessageCodec().withBytes(bytes) { (bytes) throws(DecodeError) in
            try MessageCodec().decode(bytes) { range in
                ranges.append(range)
                return Payload(handle: UInt64(range.lowerBound), byteCount: range.count)
            }
        }
        #expect(ranges == [9..<12, 14..<15])
        #expect(message.entries.map(\.payload.handle) == [9, 14])
    }

    @Test("of a hard state, a change, a configuration, an entry and a snapshot by themselves begins with the version")
    func parts() throws {
        let codec = MessageCodec()
        let write: MessageCodec.PayloadWriter = { payload, bytes in bytes.append(contentsOf: payload.bytes) }
        var bytes: [UInt8] = []

        let state = HardState(term: 300, vote: 2, commit: 9)
        codec.encode(state, into: &bytes)
        #expect(bytes.hex == "01ac020209")
        #expect(try codec.withBytes(bytes) { (bytes) throws(DecodeError) in try codec.decodeHardState(bytes) } == state)

        bytes = []
        codec.encode(ConfigurationChange.leaveJoint, into: &bytes)
        #expect(bytes.hex == "010000")
        #expect(
            try codec.withBytes(bytes) { (bytes) throws(DecodeError) in try codec.decodeChange(bytes) }
                == .leaveJoint)

        bytes = []
        let configuration = ConfigurationState(voters: [1, 3], autoLeave: true)
        codec.encode(configuration, into: &bytes)
        #expect(bytes.hex == "0103020102")
        #expect(
            try codec.withBytes(bytes) { (bytes) throws(DecodeError) in try codec.decodeConfiguration(bytes) }
                == configuration)

        bytes = []
        codec.encode(Entry(term: 2, index: 7, payload: .text("x")), into: &bytes, payload: write)
        #expect(bytes.hex == "016802070178")
        let entry = try codec.withBytes(bytes) { (bytes) throws(DecodeError) in
            try codec.decodeEntry(bytes) { Payload(byteCount: $0.count) }
        }
        #expect(entry.id == EntryID(term: 2, index: 7) && entry.payload.byteCount == 1)

        bytes = []
        let snapshot = Snapshot(last: EntryID(term: 2, index: 7), configuration: configuration)
        codec.encode(snapshot, into: &bytes, payload: write)
        #expect(bytes.hex == "010207" + "03020102" + "00")
        let decoded = try codec.withBytes(bytes) { (bytes) throws(DecodeError) in
            try codec.decodeSnapshot(bytes) { Payload(byteCount: $0.count) }
        }
        #expect(decoded.last == snapshot.last && decoded.configuration == configuration)
    }
}

extension [UInt8] {
    /// The bytes of a hexadecimal text; blanks are skipped.
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    var hex: String {
        map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
