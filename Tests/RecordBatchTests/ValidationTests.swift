import NIOCore
import RecordBatch
import Testing

@Suite("what a producer may send")
struct ValidationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: BatchError.Code?
        let change: @Sendable (inout BatchHeader) -> Void
        var rules = BatchRules(sizeBytesMax: 1 << 20)

        init(
            _ description: String, _ expected: BatchError.Code?, rules: BatchRules = BatchRules(sizeBytesMax: 1 << 20),
            _ change: @escaping @Sendable (inout BatchHeader) -> Void
        ) {
            testDescription = description
            self.expected = expected
            self.rules = rules
            self.change = change
        }
    }

    static let headers: [Case] = [
        Case("a sound batch", nil) { _ in },
        Case("no records", .invalid) { $0.recordCount = 0 },
        Case("a negative count", .invalid) { $0.recordCount = -3 },
        Case("a last offset delta that does not fit the count", .invalid) { $0.lastOffsetDelta = 5 },
        Case("more records than the bytes can hold", .invalid) {
            $0.recordCount = 1_000_000
            $0.lastOffsetDelta = 999_999
        },
        Case("a control batch", .invalid) { $0.attributes = .control },
        Case("a producer without a sequence number", .invalid) {
            $0.producerID = 4
            $0.producerEpoch = 0
        },
        Case("a producer without an epoch", .invalid) {
            $0.producerID = 4
            $0.baseSequence = 0
        },
        Case("a producer with both", nil) {
            $0.producerID = 4
            $0.producerEpoch = 0
            $0.baseSequence = 0
        },
        Case("a transaction without a producer", .invalid) { $0.attributes = .transactional },
        Case("codec 5", .unsupportedCodec) { $0.attributes = BatchAttributes(rawValue: 5) },
        Case("codec 7", .unsupportedCodec) { $0.attributes = BatchAttributes(rawValue: 7) },
        Case("zstd before Produce 7", .unsupportedCodec, rules: BatchRules(sizeBytesMax: 1 << 20, allowsZstd: false)) {
            $0.attributes = $0.attributes.with(.zstd)
        },
        Case("one byte over the limit", .tooLarge, rules: BatchRules(sizeBytesMax: 80)) { _ in },
        Case("just the limit", nil, rules: BatchRules(sizeBytesMax: 81)) { _ in },
    ]

    @Test("follows from the header", arguments: headers)
    func header(_ test: Case) throws {
        // Two records of 10 bytes behind the 61 of the header.
        let payload = ByteBuffer(hex: "12 00 00 00 06 61 62 63 01 00  12 00 00 02 06 61 62 63 01 00")
        var header = BatchHeader(lastOffsetDelta: 1, baseTimestamp: 0, maxTimestamp: 0, recordCount: 2)
        test.change(&header)
        let bytes = RecordBatchBuilder.batch(header, payload: payload)
        #expect(code { _ = try BatchHeader.validated(bytes, test.rules) } == test.expected)
    }

    @Test("is one batch and nothing else")
    func oneBatch() throws {
        let one = try batch([Draft(key: nil, value: nil, timestamp: 0)])
        var two = one
        two.writeImmutableBuffer(one)
        let rules = BatchRules(sizeBytesMax: 1 << 20)
        #expect(code { _ = try BatchHeader.validated(two, rules) } == .invalid)
        #expect(code { _ = try BatchHeader.validated(ByteBuffer(), rules) } == .truncated)
    }

    @Test("is of format 2", arguments: [Int8(0), 1, 3, -1])
    func magic(_ magic: Int8) throws {
        var bytes = try batch([Draft(key: nil, value: nil, timestamp: 0)])
        bytes.setInteger(magic, at: 16)
        #expect(
            code { _ = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20)) } == .unsupportedMagic)
    }

    @Test("has a length that can be true", arguments: [Int32.min, -1, 0, 48, .max])
    func length(_ length: Int32) throws {
        var bytes = try batch([Draft(key: nil, value: nil, timestamp: 0)])
        bytes.setInteger(length, at: 8)
        #expect(code { _ = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: .max)) } == .truncated)
    }

    @Test("has a key in each record of a compacted topic, and the error names those without", arguments: Codec.allCases)
    func keys(codec: Codec) throws {
        let key = ByteBuffer(string: "k")
        let bytes = try batch(
            [key, nil, key, nil].map { Draft(key: $0, value: nil, timestamp: 0) }, codec: codec)
        let header = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20))
        try header.validateRecords(in: bytes, RecordRules(uncompressedSizeBytesMax: 1_000))
        let error = #expect(throws: BatchError.self) {
            try header.validateRecords(in: bytes, RecordRules(requiresKey: true, uncompressedSizeBytesMax: 1_000))
        }
        #expect(error?.code == .invalid)
        #expect(error?.records.map(\.index) == [1, 3])
    }

    @Test("has timestamps within the bounds, and the error names those without")
    func timestamps() throws {
        let bytes = try batch([10, 9, 20, 21].map { Draft(key: nil, value: nil, timestamp: $0) })
        let header = try BatchHeader(of: bytes, at: 0)
        let error = #expect(throws: BatchError.self) {
            try header.validateRecords(
                in: bytes, RecordRules(timestamps: 10...20, uncompressedSizeBytesMax: 1_000))
        }
        #expect(error?.code == .invalidTimestamp)
        #expect(error?.records.map(\.index) == [1, 3])
        #expect(
            try header.validateRecords(in: bytes, RecordRules(timestamps: 9...21, uncompressedSizeBytesMax: 1_000))
                == 21)
    }

    @Test("has as many records as it says, with offsets one after another")
    func records() throws {
        let sound = try batch((0..<4).map { Draft(key: nil, value: nil, timestamp: $0) })
        var payload = sound
        payload.moveReaderIndex(forwardBy: BatchHeader.sizeBytes)
        for count in [3, 5] as [Int32] {
            let header = BatchHeader(lastOffsetDelta: count - 1, recordCount: count)
            let bytes = RecordBatchBuilder.batch(header, payload: payload)
            let parsed = try BatchHeader(of: bytes, at: 0)
            #expect(
                code { try parsed.validateRecords(in: bytes, RecordRules(uncompressedSizeBytesMax: 1_000)) } == .invalid
            )
        }
        payload.setInteger(UInt8(8), at: payload.readerIndex + 3)
        let bytes = RecordBatchBuilder.batch(BatchHeader(lastOffsetDelta: 3, recordCount: 4), payload: payload)
        let header = try BatchHeader(of: bytes, at: 0)
        #expect(
            code { try header.validateRecords(in: bytes, RecordRules(uncompressedSizeBytesMax: 1_000)) } == .invalid)
    }

    @Test("may be an internal batch only where the log itself writes it: no record, no offset, a payload")
    func internalBatch() throws {
        let header = BatchHeader(
            baseOffset: 40, partitionLeaderEpoch: 2, attributes: .control, lastOffsetDelta: -1, recordCount: 0)
        let bytes = RecordBatchBuilder.batch(header, payload: ByteBuffer(string: "payload"))
        let read = try BatchHeader(of: bytes, at: 0)
        #expect(read.lastOffset == 39)
        #expect(read.batchSizeBytes == bytes.readableBytes)
        #expect(code { _ = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20)) } == .invalid)
        var reader = try RecordReader(bytes, header: read, uncompressedSizeBytesMax: 1_000)
        #expect(try reader.next() == nil)
    }
}
