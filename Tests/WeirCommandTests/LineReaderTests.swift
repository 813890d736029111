import KafkaClient
import NIOCore
import Testing

@testable import WeirCommand

@Suite("Lines of standard input")
struct LineReaderTests {
    /// A source that gives these pieces, one a read.
    private final class Pieces {
        private var rest: [[UInt8]]
        private(set) var reads = 0

        init(_ pieces: [[UInt8]]) {
            rest = pieces
        }

        func next(_ countMax: Int) -> [UInt8] {
            reads += 1
            return rest.isEmpty ? [] : rest.removeFirst()
        }
    }

    private func batches(_ pieces: [String], sizeBytesMax: Int = 100) throws -> [[String]] {
        let source = Pieces(pieces.map { Array($0.utf8) })
        var reader = LineReader { source.next($0) }
        var batches: [[String]] = []
        while let batch = try reader.nextBatch(sizeBytesMax: sizeBytesMax) {
            batches.append(batch.map { String(buffer: $0) })
        }
        return batches
    }

    @Test(
        "a batch is the whole lines that are there",
        arguments: [
            ([], []), (["a\n"], [["a"]]), (["a\nb\n"], [["a", "b"]]), (["a"], [["a"]]), (["a\nb"], [["a"], ["b"]]),
            (["a", "b\nc", "\n"], [["ab"], ["c"]]), (["\n"], [[""]]), (["\n\n"], [["", ""]]),
            (["a\n", "b\n"], [["a"], ["b"]]), (["a\r\n"], [["a\r"]]), (["a", "b", "c"], [["abc"]]),
            (["a", "\n", "b"], [["a"], ["b"]]),
        ] as [([String], [[String]])])
    func batching(_ pieces: [String], _ expected: [[String]]) throws {
        #expect(try batches(pieces) == expected)
    }

    @Test("a batch ends at its size, and has one line at least")
    func size() throws {
        #expect(try batches(["aaaa\nbb\ncc\n"], sizeBytesMax: 3) == [["aaaa"], ["bb"], ["cc"]])
        #expect(try batches(["a\nb\nc\n"], sizeBytesMax: 3) == [["a", "b"], ["c"]])
    }

    @Test("bytes that are no text stay as they are")
    func bytes() throws {
        let source = Pieces([[0xFF, 0x00, 10, 0xC3], [0x28]])
        var reader = LineReader { source.next($0) }
        #expect(try reader.nextBatch(sizeBytesMax: 10) == [ByteBuffer(bytes: [0xFF, 0x00])])
        #expect(try reader.nextBatch(sizeBytesMax: 10) == [ByteBuffer(bytes: [0xC3, 0x28])])
        #expect(try reader.nextBatch(sizeBytesMax: 10) == nil)
    }

    @Test("lines that are there are given before more is read")
    func noReadAhead() throws {
        let source = Pieces([Array("a\nb\n".utf8), Array("c\n".utf8)])
        var reader = LineReader { source.next($0) }
        _ = try reader.nextBatch(sizeBytesMax: 100)
        #expect(source.reads == 1)
    }

    @Test("a huge line is read in time that grows with its length only, and a longer one refused")
    func huge() throws {
        let piece = [UInt8](repeating: 97, count: 64 << 10)
        let source = Pieces(Array(repeating: piece, count: 256) + [[10]])
        var reader = LineReader(lineSizeBytesMax: 64 << 20) { source.next($0) }
        #expect(try reader.nextBatch(sizeBytesMax: 64 << 10)?.map(\.readableBytes) == [16 << 20])
        let other = Pieces(Array(repeating: piece, count: 256))
        var limited = LineReader(lineSizeBytesMax: 1 << 20) { other.next($0) }
        let error = #expect(throws: UsageError.self) { try limited.nextBatch(sizeBytesMax: 100) }
        #expect(error?.description.contains("longer than 1048576 bytes") == true)
        #expect(other.reads < 20, "it is refused when it is too long, not when it ends")
    }

    @Test("however the input is cut into reads, the lines are the same", arguments: 0..<20)
    func cuts(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let text = (0..<200).map { _ in String(repeating: "x", count: Int(random.next() % 30)) }.joined(separator: "\n")
        var pieces: [String] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let count = Int(random.next() % 40) + 1
            pieces.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let lines = try batches(pieces, sizeBytesMax: Int(random.next() % 100) + 1).joined()
        // A last empty line is none.
        let expected = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(Array(lines) == (expected.last == "" ? expected.dropLast() : expected), "seed \(seed)")
    }

    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test(
        "a key is what stands before the first separator",
        arguments: [
            ("k:v", ":", "k", "v"), ("k:v:w", ":", "k", "v:w"), (":v", ":", "", "v"), ("k:", ":", "k", ""),
            ("kv", ":", nil, "kv"), ("a=>b", "=>", "a", "b"), ("", ":", nil, ""), ("k:v", nil, nil, "k:v"),
        ] as [(String, String?, String?, String)])
    func keys(_ line: String, _ separator: String?, _ key: String?, _ value: String) {
        let record = ProduceCommand.record(
            of: ByteBuffer(string: line), separator.map { ByteBuffer(string: $0) }, at: 5)
        #expect(record.key == key.map { ByteBuffer(string: $0) })
        #expect(record.value == ByteBuffer(string: value))
        #expect(record.timestamp == 5)
    }
}
