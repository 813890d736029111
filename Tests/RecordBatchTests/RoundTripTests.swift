import NIOCore
import RecordBatch
import Testing
import WeirSimulation

@Suite("a batch that is built and read")
struct RoundTripTests {
    @Test("gives the same records, under each codec", arguments: Codec.allCases, 0..<30 as Range<UInt64>)
    func recordsSurvive(codec: Codec, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let written = (0..<random.integer(1...60)).map { _ in Draft.random(&random) }
        let bytes = try batch(
            written, codec: codec, producerID: 7, epoch: 1, sequence: 41, baseOffset: 9, leaderEpoch: 3)
        let header = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: bytes.readableBytes))
        #expect(header.recordCount == written.count)
        #expect(header.baseOffset == 9)
        #expect(header.lastOffset == 9 + Int64(written.count) - 1)
        #expect(header.lastSequence == 41 + Int32(written.count) - 1)
        #expect(header.partitionLeaderEpoch == 3)
        #expect(header.attributes.codec == codec)
        #expect(header.maxTimestamp == written.map(\.timestamp).max())
        #expect(try drafts(in: bytes) == written, "seed \(seed)")
        #expect(
            try header.validateRecords(in: bytes, RecordRules(uncompressedSizeBytesMax: 1 << 22)) == header.maxTimestamp
        )
    }

    @Test("is larger than a block of its codec, and still whole", arguments: Codec.allCases)
    func largeBatch(codec: Codec) throws {
        var random = SeededRandom(seed: 1)
        let written = (0..<40).map { Draft(key: nil, value: random.bytes(60_000), timestamp: Int64($0)) }
        #expect(try drafts(in: batch(written, codec: codec)) == written)
    }

    @Test("keeps its checksum true when base offset and epoch are set, and not when a record changes")
    func patching() throws {
        var random = SeededRandom(seed: 2)
        var bytes = try batch([Draft.random(&random), Draft.random(&random)])
        bytes.setBatchPosition(at: 0, baseOffset: .max - 5, leaderEpoch: 77)
        let rules = BatchRules(sizeBytesMax: 1 << 20)
        let header = try BatchHeader.validated(bytes, rules)
        #expect(header.baseOffset == .max - 5)
        #expect(header.partitionLeaderEpoch == 77)
        bytes.setInteger(UInt8(0xFF), at: bytes.writerIndex - 1)
        #expect(code { _ = try BatchHeader.validated(bytes, rules) } == .checksumMismatch)
    }

    @Test("has the append time for every record, and a checksum that says so")
    func appendTime() throws {
        var bytes = try batch((0..<3).map { Draft(key: nil, value: ByteBuffer(), timestamp: $0) })
        bytes.setBatchAppendTime(at: 0, 5_000, header: try BatchHeader(of: bytes, at: 0))
        let header = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20))
        #expect(header.attributes.contains(.logAppendTime))
        #expect(header.maxTimestamp == 5_000)
        #expect(try drafts(in: bytes).map(\.timestamp) == [5_000, 5_000, 5_000])
    }

    @Test(
        "counts sequence numbers past Int32.max from 0",
        arguments: [(Int32.max, 1, 0), (Int32.max - 1, 3, 1), (5, 2, 7)])
    func sequenceWraps(sequence: Int32, count: Int32, expected: Int32) {
        #expect(ProducerSequence.advance(sequence, by: count) == expected)
    }

    @Test("may hold several compressed streams one behind another", arguments: Codec.allCases.filter { $0 != .none })
    func severalStreams(codec: Codec) throws {
        var both = try codec.compress(ByteBuffer(string: "first"))
        both.writeImmutableBuffer(try codec.compress(ByteBuffer(string: "second")))
        #expect(try codec.decompress(both, sizeBytesMax: 100) == ByteBuffer(string: "firstsecond"))
    }

    @Test("may hold bare snappy, as librdkafka sends it")
    func bareSnappy() throws {
        // Length 12, then one literal of 12 bytes.
        var bare = ByteBuffer(bytes: [12, 11 << 2])
        bare.writeString("hello snappy")
        #expect(try Codec.snappy.decompress(bare, sizeBytesMax: 12) == ByteBuffer(string: "hello snappy"))
    }
}
