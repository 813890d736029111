import ArgumentParser
import KafkaClient
import Testing

@testable import WeirCommand

@Suite("Groups and transactions on the command line")
struct GroupTextTests {
    // MARK: Times

    @Test(
        "spans of time are written short, or as ISO 8601 has them",
        arguments: [
            ("90s", 90_000), ("1h30m", 5_400_000), ("500ms", 500), ("2d", 172_800_000), ("1w", 604_800_000),
            ("1m500ms", 60_500), ("0s", 0), ("PT1H30M", 5_400_000), ("P1DT2H", 93_600_000), ("p2d", 172_800_000),
            ("PT0S", 0), ("", nil), ("P", nil), ("90", nil), ("m", nil), ("1m1h", nil), ("1h1h", nil), ("-1s", nil),
            ("1.5h", nil), ("P1M", nil), ("P1Y", nil), ("PT1D", nil), ("1h 3m", nil), ("P1H", nil),
            ("9223372036854775807d", nil), ("PT5MS", nil),
        ] as [(String, Int64?)])
    func spans(_ text: String, _ milliseconds: Int64?) {
        #expect(TimeSpan(argument: text)?.milliseconds == milliseconds)
    }

    @Test(
        "moments are RFC 3339; without a zone they are UTC",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-03-01T08:00:00Z", 1_772_352_000_000),
            ("2026-03-01T08:00:00.5Z", 1_772_352_000_500), ("2026-03-01T08:00:00.123456Z", 1_772_352_000_123),
            ("2026-03-01T09:00:00+01:00", 1_772_352_000_000), ("2026-03-01T00:00:00-0800", 1_772_352_000_000),
            ("2026-03-01T08:00:00", 1_772_352_000_000), ("2026-03-01 08:00", 1_772_352_000_000),
            ("2026-03-01", 1_772_323_200_000), ("2024-02-29", 1_709_164_800_000), ("1969-12-31T23:59:59Z", -1000),
            ("2025-02-29", nil), ("2026-13-01", nil), ("2026-00-01", nil), ("2026-01-32", nil),
            ("2026-1-1", nil), ("2026-01-01T24:00:00Z", nil), ("2026-01-01T00:60:00Z", nil),
            ("2026-01-01T00:00:00.Z", nil), ("2026-01-01T00:00:00X", nil), ("2026-01-01T", nil), ("", nil),
            ("yesterday", nil), ("2026-01-01T00:00:00Z ", nil), ("٢٠٢٦-01-01", nil),
        ] as [(String, Int64?)])
    func moments(_ text: String, _ milliseconds: Int64?) {
        #expect(Moment(argument: text)?.milliseconds == milliseconds)
    }

    @Test("a moment is printed as it can be read again", arguments: [0, 1_772_352_000_123, -1, 951_782_400_000])
    func momentText(_ milliseconds: Int64) {
        let text = Moment(milliseconds: milliseconds).text
        #expect(Moment(argument: text)?.milliseconds == milliseconds, "\(text)")
        #expect(text.count == 24)
    }

    // MARK: Partitions

    @Test("partitions are named by topic and number")
    func partitionChoices() {
        #expect(PartitionChoice(argument: "orders")?.partitions == nil)
        #expect(PartitionChoice(argument: "orders:3,0,3")?.partitions == [0, 3])
        for text in ["", ":1", "orders:", "orders:x", "orders:-1", "orders:1,,2", "orders:1:2"] {
            #expect(PartitionChoice(argument: text) == nil, "\(text)")
        }
        let partitions = [TopicPartition("b", 1), TopicPartition("a", 2), TopicPartition("a", 0)]
        #expect(partitions.text == "a:0,2 b:1")
    }

    // MARK: Calls

    @Test(
        "calls that leave open what is meant are refused before anything happens",
        arguments: [
            "group reset-offsets g --topic t", "group reset-offsets g --to-earliest",
            "group reset-offsets g --topic t --to-earliest --to-latest",
            "group reset-offsets g --topic t --all-topics --to-earliest",
            "group reset-offsets g --topic t --to-offset=-1",
            "group reset-offsets g --topic t --to-datetime 1969-01-01",
            "group reset-offsets g --topic t --to-datetime soon", "group reset-offsets g --topic t --by-duration 5",
            "group reset-offsets --topic t --to-latest", "group describe", "group describe g --members --state",
            "group describe g --verbose", "group delete", "txn abort", "txn abort x --topic t",
            "txn abort --topic t --partition 0", "txn abort --topic t --start-offset 5", "txn describe",
            "txn list --open-longer-than x", "txn producers",
        ])
    func wrongCalls(_ call: String) {
        let error = #expect(throws: (any Error).self) {
            _ = try Weir.parseAsRoot(call.split(separator: " ").map(String.init))
        }
        if let error { #expect(Weir.exitCode(for: error) == .validationFailure) }
    }

    @Test(
        "a reset goes to one place",
        arguments: [
            ("--to-earliest", .earliest), ("--to-latest", .latest), ("--to-current", .current),
            ("--to-offset 7", .offset(7)), ("--to-datetime 2026-03-01T08:00:00Z", .time(1_772_352_000_000)),
            ("--by-duration PT1H", .time(6_400_000)), ("--by-duration 9999d", .time(0)), ("--shift-by -5", .shift(-5)),
            ("--shift-by=5", .shift(5)),
        ] as [(String, OffsetTarget)])
    func targets(_ words: String, _ target: OffsetTarget) throws {
        let call = ["g", "--topic", "t"] + words.split(separator: " ").map(String.init)
        #expect(try GroupCommand.ResetOffsets.parse(call).target(now: 10_000_000) == target)
    }

    // MARK: Plans

    @Test(
        "an offset outside the log becomes the nearest inside, and says so",
        arguments: [
            (.earliest, 10, nil), (.latest, 100, nil), (.current, 50, nil), (.offset(70), 70, nil),
            (.offset(5), 10, "5 is before the first record"), (.offset(101), 100, "101 is behind the end"),
            (.time(1), 33, nil), (.shift(5), 55, nil), (.shift(-45), 10, "5 is before the first record"),
            (.shift(.max), 100, "9223372036854775807 is behind the end"),
        ] as [(OffsetTarget, Int64, String?)])
    func plans(_ target: OffsetTarget, _ offset: Int64, _ note: String?) throws {
        let bounds = OffsetBounds(current: 50, earliest: 10, latest: 100, atTime: 33)
        let planned = try #require(PlannedOffset(target, of: TopicPartition("t", 0), bounds))
        #expect(planned.newOffset == offset)
        #expect(planned.lag == 100 - offset)
        #expect(planned.note == note)
        #expect(planned.currentOffset == 50)
    }

    @Test("what was never committed cannot be shifted, stays at the end, and has no time behind it")
    func planWithoutCommit() throws {
        let bounds = OffsetBounds(current: nil, earliest: 0, latest: 9)
        let place = TopicPartition("t", 0)
        #expect(PlannedOffset(.shift(1), of: place, bounds) == nil)
        #expect(PlannedOffset(.current, of: place, bounds)?.newOffset == 9)
        #expect(PlannedOffset(.time(5), of: place, bounds)?.newOffset == 9)
    }
}
