import NIOCore
import Testing

@testable import SegmentLog

@Suite("Producer states")
struct ProducerStatesTests {
    /// One batch that a producer sends, and what is said to it.
    struct Step: Sendable {
        var epoch: Int16 = 0
        var first: Int32
        var count: Int32 = 1
        var expected: String
    }

    /// Transcripts: what comes of batches in turn. "+" is new, a number is the offset of a duplicate.
    static let transcripts: [(String, [Step])] = [
        ("goes on where it ended", [Step(first: 0, count: 3, expected: "+"), Step(first: 3, expected: "+")]),
        ("an unknown producer begins anywhere", [Step(first: 77, expected: "+"), Step(first: 78, expected: "+")]),
        ("a gap is out of order", [Step(first: 0, expected: "+"), Step(first: 2, expected: "outOfOrderSequence")]),
        (
            "the last five batches are told from new ones",
            (0..<6).map { Step(first: $0, expected: "+") } + [
                Step(first: 1, expected: "1"), Step(first: 5, expected: "5"),
                Step(first: 0, expected: "duplicateSequence"), Step(first: 6, expected: "+"),
            ]
        ),
        (
            "what was never seen is no duplicate",
            [Step(first: 10, expected: "+"), Step(first: 5, expected: "outOfOrderSequence")]
        ),
        (
            "another range of the same sequences is out of order",
            [Step(first: 0, count: 4, expected: "+"), Step(first: 0, count: 2, expected: "outOfOrderSequence")]
        ),
        (
            "after Int32.max comes 0",
            [
                Step(first: .max - 1, count: 4, expected: "+"), Step(first: 2, expected: "+"),
                Step(first: .max - 1, count: 4, expected: "0"),
            ]
        ),
        (
            "an older epoch is refused, a new one begins at 0",
            [
                Step(epoch: 3, first: 5, expected: "+"), Step(epoch: 2, first: 6, expected: "invalidProducerEpoch"),
                Step(epoch: 4, first: 6, expected: "outOfOrderSequence"), Step(epoch: 4, first: 0, expected: "+"),
                Step(epoch: 4, first: 0, expected: "1"), Step(epoch: 3, first: 5, expected: "invalidProducerEpoch"),
            ]
        ),
    ]

    @Test("follow the transcript", arguments: transcripts.map(\.0))
    func transcript(name: String) throws {
        let steps = try #require(Self.transcripts.first { $0.0 == name }).1
        var states = ProducerStates()
        var offset: Int64 = 0
        for step in steps {
            #expect(take(step, &states, &offset) == step.expected, "\(step)")
        }
    }

    private func take(_ step: Step, _ states: inout ProducerStates, _ offset: inout Int64) -> String {
        let batch = batch(epoch: step.epoch, first: step.first, count: step.count)
        do throws(LogError) {
            switch try states.check(batch) {
            case .duplicate(let base, _): return "\(base)"
            case .new:
                _ = states.advance(batch, baseOffset: offset, wallMilliseconds: 0)
                offset += Int64(step.count)
                return "+"
            }
        } catch {
            return "\(error.code.name)"
        }
    }

    private func batch(epoch: Int16, first: Int32, count: Int32) -> StoredBatch {
        let bytes = makeBatch((0..<count).map { "\($0)" }, producer: 9, epoch: epoch, sequence: first)
        return bytes.withUnsafeReadableBytes { StoredBatch($0)! }
    }

    @Test("are the same after an advance was taken back")
    func undo() throws {
        var states = ProducerStates()
        var snapshots: [[Int64: ProducerStates.Producer]] = []
        var undos: [ProducerStates.Undo] = []
        for step in [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 0), (1, 1)] as [(Int16, Int32)] {
            snapshots.append(states.producers)
            let batch = batch(epoch: step.0, first: step.1, count: 1)
            undos.append(states.advance(batch, baseOffset: Int64(undos.count), wallMilliseconds: Int64(undos.count)))
        }
        while let undo = undos.popLast(), let before = snapshots.popLast() {
            states.revert(undo)
            #expect(states.producers == before)
        }
    }

    @Test("are forgotten when they were not used for long")
    func expiry() {
        var states = ProducerStates()
        _ = states.advance(batch(epoch: 0, first: 0, count: 1), baseOffset: 0, wallMilliseconds: 100)
        states.expire(unusedSince: 100)
        #expect(states.producers.count == 1)
        states.expire(unusedSince: 101)
        #expect(states.producers.isEmpty)
    }

    @Test("come back from a snapshot")
    func snapshot() {
        var states = ProducerStates()
        for first in 0..<8 {
            _ = states.advance(
                batch(epoch: 0, first: Int32(first), count: 1), baseOffset: Int64(first), wallMilliseconds: 5)
        }
        var writer = ByteWriter()
        states.write(to: &writer)
        let back = writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return ProducerStates(&reader)
        }
        #expect(back?.producers == states.producers)
        for count in 0..<writer.bytes.count {
            let part = writer.bytes.prefix(count).withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return ProducerStates(&reader)
            }
            #expect(part == nil, "\(count) of \(writer.bytes.count) bytes are no snapshot")
        }
    }
}
