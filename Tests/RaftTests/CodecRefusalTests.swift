import Raft
import Testing

@Suite("bytes that are no message")
struct CodecRefusalTests {
    typealias Reason = DecodeError.Reason
    typealias Field = DecodeError.Field

    private static func error(_ codec: MessageCodec, _ hex: String) -> DecodeError? {
        do throws(DecodeError) {
            _ = try codec.message([UInt8](hex: hex))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "are refused with what is wrong, in which field, and where",
        arguments: [
            ("", Reason.truncated, Field.version, 0),
            ("00", .unknownVersion, .version, 0),
            ("02 03 00", .unknownVersion, .version, 0),
            ("01", .truncated, .kind, 1),
            ("01 18 00", .unknownValue, .kind, 1),
            ("01 03", .truncated, .fields, 2),
            ("01 03 80 00", .notShortest, .fields, 2),
            ("01 03 80 80 01", .unknownValue, .fields, 2),
            ("01 03 00 00", .trailingBytes, .message, 3),
            ("01 03 01 00", .notShortest, .from, 3),
            ("01 03 04 00", .notShortest, .term, 3),
            ("01 03 04 80 00", .notShortest, .term, 3),
            ("01 03 04 ffffffffffffffff7f", nil, nil, nil),
            ("01 03 04 80808080808080808001", .outOfRange, .term, 3),
            ("01 03 01 80808080808080808002", .outOfRange, .from, 3),
            ("01 03 01 8080808080808080808001", .outOfRange, .from, 3),
            ("01 03 01 8080808080808080", .truncated, .from, 3),
            ("01 03 40 00", .notShortest, .entries, 3),
            ("01 03 40 02 00", .truncated, .entries, 3),
            ("01 03 40 ffffff7f", .overLimit, .entries, 3),
            ("01 03 40 01 80", .unknownValue, .entries, 4),
            ("01 03 40 01 03", .unknownValue, .entries, 4),
            ("01 03 40 01 0c", .unknownValue, .entries, 4),
            ("01 03 40 01 30", .unknownValue, .entries, 4),
            ("01 03 40 01 41", .unknownValue, .entries, 4),
            ("01 03 40 01 40 00", .notShortest, .payload, 5),
            ("01 03 40 01 40 02 61", .truncated, .payload, 6),
            ("01 03 40 01 08 00", .notShortest, .term, 4),
            ("01 03 44 05 01 08 05", .notShortest, .term, 5),
            ("01 03 40 01 04", .notShortest, .term, 4),
            ("01 03 40 01 20 01", .notShortest, .index, 4),
            ("01 03 40 01 20 00", .notShortest, .index, 5),
            ("01 03 50 ffffffffffffffff7f 01 00", .outOfRange, .index, 13),
            ("01 03 40 01 01 04 01", .unknownValue, .change, 5),
            ("01 03 40 01 02 03 00", .unknownValue, .change, 5),
            ("01 03 40 01 02 00 ffff7f", .overLimit, .change, 6),
            ("01 03 40 01 02 00 02 00", .truncated, .change, 6),
            ("01 03 40 01 01 00 ffffffffffffffffff01", .outOfRange, .change, 6),
            ("01 07 8020 01 01 20 00", .unknownValue, .configuration, 6),
            ("01 07 8020 01 01 02 00", .notShortest, .configuration, 7),
            ("01 07 8020 01 01 02 02 01 00 00", .notAscending, .configuration, 9),
            ("01 07 8020 01 01 02 01 ffffffffffffffffff01 00", .outOfRange, .configuration, 8),
            ("01 07 8020 01 01 02 02 05 fbffffffffffffffff01 00", .outOfRange, .configuration, 9),
            ("01 07 8020 01 01 02 02 02 feffffffffffffffff01 00", .outOfRange, .configuration, 9),
            ("01 07 8020 01 01 00 05 61", .truncated, .payload, 8),
            ("01 00 00", .localMessage, .kind, 1),
            ("01 13 00", .localMessage, .kind, 1),
            ("01 03 01 ffffffffffffffffff01", .localMessage, .from, 3),
            ("01 03 02 feffffffffffffffff01", .localMessage, .to, 3),
            ("01 03 8010 ffffffffffffffffff01", .outOfRange, .vote, 4),
            ("01 03 8040 01 04 00", .overLimit, .responses, 4),
        ] as [(String, Reason?, Field?, Int?)])
    func refused(_ hex: String, _ reason: Reason?, _ field: Field?, _ offset: Int?) {
        let error = Self.error(MessageCodec(), hex)
        #expect(error?.reason == reason)
        #expect(error?.field == field)
        #expect(error?.offset == offset)
    }

    @Test("are named for people")
    func description() {
        let error = Self.error(MessageCodec(), "01 03 04 00")
        #expect(error?.description == "raft message: term at byte 3 is not in its shortest form")
    }

    @Test("are those beyond what the owner allows, each limit to the last one that fits")
    func limits() {
        func codec(_ limits: MessageLimits) -> MessageCodec { MessageCodec(limits: limits) }
        let twoEntries = "01 03 40 02 00 00"
        #expect(Self.error(codec(MessageLimits(entriesMax: 2)), twoEntries) == nil)
        #expect(Self.error(codec(MessageLimits(entriesMax: 1)), twoEntries)?.reason == .overLimit)
        #expect(Self.error(codec(MessageLimits(bytesMax: 6)), twoEntries) == nil)
        #expect(
            Self.error(codec(MessageLimits(bytesMax: 5)), twoEntries) == DecodeError(.overLimit, .message, at: 0))
        let twoVoters = "01 07 8020 01 01 02 02 01 01 00"
        #expect(Self.error(codec(MessageLimits(membersMax: 2)), twoVoters) == nil)
        #expect(Self.error(codec(MessageLimits(membersMax: 1)), twoVoters)?.field == .configuration)
        let twoOperations = "01 03 40 01 02 00 02 0001 0002"
        #expect(Self.error(codec(MessageLimits(membersMax: 2)), twoOperations) == nil)
        #expect(Self.error(codec(MessageLimits(membersMax: 1)), twoOperations)?.field == .change)
        let twoResponses = "01 03 8040 02 0400 0900"
        #expect(Self.error(codec(MessageLimits(responsesMax: 2)), twoResponses) == nil)
        #expect(Self.error(codec(MessageLimits(responsesMax: 1)), twoResponses)?.field == .responses)
        let nested = "01 03 8040 01 04 8040 01 04 00"
        #expect(
            Self.error(codec(MessageLimits(responsesMax: 9)), nested) == DecodeError(.overLimit, .responses, at: 8))
        #expect(Self.error(codec(MessageLimits(localMessages: .accepted)), "01 00 00") == nil)
    }

    @Test("are parts by themselves with bytes behind them, or ended early, too")
    func parts() {
        let codec = MessageCodec()
        func reason(_ body: () throws(DecodeError) -> Void) -> Reason? {
            do throws(DecodeError) {
                try body()
                return nil
            } catch {
                return error.reason
            }
        }
        for (hex, expected) in [
            ("01 01 01 01", nil), ("01 01 01", Reason.truncated), ("01 01 01 01 00", .trailingBytes),
            ("01 01 ffffffffffffffffff01 01", .outOfRange),
        ] {
            let bytes = [UInt8](hex: hex)
            let found = reason { () throws(DecodeError) in
                _ = try codec.withBytes(bytes) { (bytes) throws(DecodeError) in try codec.decodeHardState(bytes) }
            }
            #expect(found == expected, "\(hex)")
        }
    }
}
