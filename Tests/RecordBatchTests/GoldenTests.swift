import NIOCore
import RecordBatch
import Testing

/// Batches that kafka-python 3.0.12 wrote (its `DefaultRecordBatchBuilder(2, codec, 1, 4711, 2, 99, 1 << 20)` with the
/// three records below, offsets 0 to 2, then `build()`), with crc32c 2.9, cramjam 2.14, lz4 4.4.5 and zstandard 0.25.
@Suite("a batch that another implementation wrote")
struct GoldenTests {
    static let records = [
        Draft(
            key: ByteBuffer(string: "k0"), value: ByteBuffer(string: String(repeating: "value zero ", count: 14)),
            timestamp: 1_700_000_000_000),
        Draft(
            key: nil, value: ByteBuffer(),
            headers: [
                Record.Header(key: "h", value: ByteBuffer(string: "x")), Record.Header(key: "none", value: nil),
            ], timestamp: 1_700_000_000_007),
        Draft(
            key: ByteBuffer(), value: nil, headers: [Record.Header(key: "", value: ByteBuffer())],
            timestamp: 1_699_999_999_990),
    ]

    static let batches: [(Codec, String)] = [
        (
            .none,
            """
            0000000000000000000000f00000000002dc1e22d60010000000020000018bcfe568000000018bcfe5680700000000000012
            6700020000006300000003c602000000046b30b40276616c7565207a65726f2076616c7565207a65726f2076616c7565207a
            65726f2076616c7565207a65726f2076616c7565207a65726f2076616c7565207a65726f2076616c7565207a65726f207661
            6c7565207a65726f2076616c7565207a65726f2076616c7565207a65726f2076616c7565207a65726f2076616c7565207a65
            726f2076616c7565207a65726f2076616c7565207a65726f200020000e0201000402680278086e6f6e650110001304000102
            0000
            """
        ),
        (
            .gzip,
            """
            00000000000000000000007700000000027657e1b40011000000020000018bcfe568000000018bcfe5680700000000000012
            67000200000063000000031f8b0800676f016b02ff3bc6c4c0c0c0926db085a92c31a73455a12ab5285f619031191418f898
            1819589832982a38f2f2f35219051884591818814e0700c17a9482bf000000
            """
        ),
        (
            .snappy,
            """
            00000000000000000000008200000000025ee9840f0012000000020000018bcfe568000000018bcfe5680700000000000012
            670002000000630000000382534e415050590000000001000000010000003dbf0150c602000000046b30b40276616c756520
            7a65726f20fe0b00fe0b003a0b00680020000e0201000402680278086e6f6e6501100013040001020000
            """
        ),
        (
            .lz4,
            """
            00000000000000000000007f00000000020e6684350013000000020000018bcfe568000000018bcfe5680700000000000012
            670002000000630000000304224d186840bf00000000000000cf37000000ff06c602000000046b30b40276616c7565207a65
            726f200b007cf00c0020000e0201000402680278086e6f6e650110001304000102000000000000
            """
        ),
        (
            .zstd,
            """
            000000000000000000000072000000000251268b640014000000020000018bcfe568000000018bcfe5680700000000000012
            670002000000630000000328b52ffd20bfc501000403c602000000046b30b40276616c7565207a65726f200020000e020100
            0402680278086e6f6e6501100013040001020000010019a60a13
            """
        ),
    ]

    @Test("is read, header and records", arguments: batches)
    func isRead(codec: Codec, hex: String) throws {
        let bytes = ByteBuffer(hex: hex)
        let header = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20))
        #expect(header.attributes.codec == codec)
        #expect(header.attributes.contains(.transactional))
        #expect(header.producerID == 4_711)
        #expect(header.producerEpoch == 2)
        #expect(header.baseSequence == 99)
        #expect(header.lastSequence == 101)
        #expect(header.baseTimestamp == 1_700_000_000_000)
        #expect(header.maxTimestamp == 1_700_000_000_007)
        #expect(try drafts(in: bytes) == Self.records)
    }

    @Test("is written byte for byte the same, where nothing is compressed")
    func isWritten() throws {
        let bytes = try batch(
            Self.records, attributes: .transactional, producerID: 4_711, epoch: 2, sequence: 99, leaderEpoch: 0)
        let (codec, hex) = Self.batches[0]
        #expect(codec == .none)
        #expect(bytes == ByteBuffer(hex: hex))
    }
}
