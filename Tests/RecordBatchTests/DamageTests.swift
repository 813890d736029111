import NIOCore
import RecordBatch
import Testing
import WeirSimulation

@Suite("bytes that are no batch")
struct DamageTests {
    private static let sizeBytesMax = 1 << 20

    /// Everything that reads bytes from outside, one after another; whatever throws must throw `BatchError`.
    private func readAll(_ bytes: ByteBuffer) {
        let rules = BatchRules(sizeBytesMax: Self.sizeBytesMax)
        _ = code { _ = try BatchHeader.validated(bytes, rules) }
        guard let header = try? BatchHeader(of: bytes, at: bytes.readerIndex) else { return }
        _ = code {
            try header.validateRecords(in: bytes, RecordRules(uncompressedSizeBytesMax: Self.sizeBytesMax))
        }
        _ = code {
            var reader = try RecordReader(bytes, header: header, uncompressedSizeBytesMax: Self.sizeBytesMax)
            while let record = try reader.next() { _ = record.headers.count }
        }
    }

    @Test("are errors, never traps: mutated batches", arguments: Codec.allCases, 0..<20 as Range<UInt64>)
    func mutations(codec: Codec, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let sound = try batch((0..<random.integer(1...20)).map { _ in Draft.random(&random) }, codec: codec)
        for _ in 0..<60 {
            var bytes = sound
            for _ in 0..<random.integer(1...4) {
                bytes.setInteger(
                    UInt8.random(in: .min ... .max, using: &random), at: random.integer(0...bytes.writerIndex - 1))
            }
            if random.oneIn(3) { bytes.moveWriterIndex(to: random.integer(0...bytes.writerIndex)) }
            if random.oneIn(3) {
                bytes.setInteger(Int32(truncatingIfNeeded: random.next()), at: [8, 23, 57][random.integer(0...2)])
            }
            readAll(bytes)
        }
    }

    @Test("are errors, never traps: noise behind a header and in each codec", arguments: 0..<200 as Range<UInt64>)
    func noise(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let noise = random.bytes(random.integer(0...400))
        readAll(noise)
        for codec in Codec.allCases {
            let header = BatchHeader(
                attributes: BatchAttributes().with(codec), recordCount: Int32(random.integer(0...Int(Int32.max))))
            readAll(RecordBatchBuilder.batch(header, payload: noise))
            _ = code { _ = try codec.decompress(noise, sizeBytesMax: 1 << 16) }
            var framed = try codec.compress(random.bytes(200))
            framed.setInteger(UInt8(truncatingIfNeeded: random.next()), at: random.integer(0...framed.writerIndex - 1))
            _ = code { _ = try codec.decompress(framed, sizeBytesMax: 1 << 16) }
        }
    }

    @Test("are refused where they end early, at any length", arguments: Codec.allCases)
    func truncation(codec: Codec) throws {
        var random = SeededRandom(seed: 5)
        let whole = try batch((0..<5).map { _ in Draft.random(&random) }, codec: codec)
        for length in 0..<whole.readableBytes {
            let part = try #require(whole.getSlice(at: 0, length: length))
            #expect(code { _ = try BatchHeader.validated(part, BatchRules(sizeBytesMax: 1 << 20)) } == .truncated)
        }
        guard codec != .none else { return }
        let compressed = try codec.compress(random.bytes(500))
        for length in 0..<compressed.readableBytes where codec != .snappy {
            let part = try #require(compressed.getSlice(at: 0, length: length))
            #expect(code { _ = try codec.decompress(part, sizeBytesMax: 1 << 20) } == .damagedCompression, "\(length)")
        }
    }

    @Test("are refused as a bomb within the limit", arguments: Codec.allCases.filter { $0 != .none })
    func bombs(codec: Codec) throws {
        let bomb = try batch(
            [Draft(key: nil, value: ByteBuffer(repeating: 0, count: 20 << 20), timestamp: 0)], codec: codec)
        let header = try BatchHeader.validated(bomb, BatchRules(sizeBytesMax: 2 << 20))
        #expect(
            code { _ = try RecordReader(bomb, header: header, uncompressedSizeBytesMax: 1 << 20) } == .tooLarge)
        let zeros = try codec.compress(ByteBuffer(repeating: 0, count: 4_096))
        #expect(try codec.decompress(zeros, sizeBytesMax: 4_096).readableBytes == 4_096)
        #expect(code { _ = try codec.decompress(zeros, sizeBytesMax: 4_095) } == .tooLarge)
        #expect(try codec.decompress(codec.compress(ByteBuffer()), sizeBytesMax: 0).readableBytes == 0)
    }

    @Test("promise more than they hold, and get no memory for it")
    func promises() throws {
        // Bare snappy that says 4 GiB.
        let snappy = ByteBuffer(bytes: [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0])
        #expect(code { _ = try Codec.snappy.decompress(snappy, sizeBytesMax: 1 << 40) } == .damagedCompression)
        // A zstd frame whose header says 2^62 bytes; the limit would allow it.
        let zstd = ByteBuffer(hex: "28b52ffd e0 0000000000000040 010000")
        #expect(code { _ = try Codec.zstd.decompress(zstd, sizeBytesMax: 1 << 40) } == .damagedCompression)
        // A record whose header count is 2^30.
        let header = BatchHeader(recordCount: 1)
        let record = ByteBuffer(hex: "14 00 00 00 01 01 8080808008")
        let bytes = RecordBatchBuilder.batch(header, payload: record)
        var reader = try RecordReader(bytes, header: header, uncompressedSizeBytesMax: 1_000)
        #expect(code { _ = try reader.next() } == .invalid)
    }

    @Test("have a header name that is no UTF-8, and are read with a replacement")
    func invalidName() throws {
        let payload = ByteBuffer(hex: "12 00 00 00 01 01 02 02ff 00")
        let bytes = RecordBatchBuilder.batch(
            BatchHeader(baseTimestamp: 0, maxTimestamp: 0, recordCount: 1), payload: payload)
        #expect(try drafts(in: bytes).first?.headers == [Record.Header(key: "\u{FFFD}", value: ByteBuffer())])
    }
}
