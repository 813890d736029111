import NIOCore
import RecordBatch
import Testing

@Suite("Batches")
struct RoundtripTests {
    @Test("what is built is read back, with every codec", arguments: Codec.allCases)
    func roundtrip(codec: Codec) throws {
        var builder = RecordBatchBuilder(codec: codec, producerID: 7, producerEpoch: 1, baseSequence: 40)
        for number in 0..<300 {
            builder.append(
                timestamp: 1000 + Int64(number * 3), key: number % 3 == 0 ? nil : ByteBuffer(string: "key \(number)"),
                value: number % 5 == 0 ? nil : ByteBuffer(string: String(repeating: "v", count: number)),
                headers: [Record.Header(key: "h", value: nil), Record.Header(key: "", value: ByteBuffer(string: "x"))])
        }
        let batch = try builder.build(baseOffset: 5, leaderEpoch: 2)
        let header = try BatchHeader.validated(batch, BatchRules(sizeBytesMax: 1 << 20))
        #expect(header.baseOffset == 5)
        #expect(header.lastOffset == 304)
        #expect(header.lastSequence == 339)
        #expect(header.attributes.codec == codec)
        #expect(header.maxTimestamp == 1000 + 299 * 3)
        #expect(try header.validateRecords(in: batch, RecordRules(uncompressedSizeBytesMax: 1 << 20)) == 1897)
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 20)
        var index = 0
        while let record = try reader.next() {
            #expect(record.offsetDelta == Int32(index))
            #expect(record.key == (index % 3 == 0 ? nil : ByteBuffer(string: "key \(index)")))
            #expect(record.value == (index % 5 == 0 ? nil : ByteBuffer(string: String(repeating: "v", count: index))))
            #expect(record.headers.map(\.key) == ["h", ""])
            index += 1
        }
        #expect(index == 300)
        #expect(reader.isAtEnd)
    }

    @Test("a bomb is an error within its limit", arguments: Codec.allCases.filter { $0 != .none })
    func bomb(codec: Codec) throws {
        var builder = RecordBatchBuilder(codec: codec)
        builder.append(timestamp: 0, value: ByteBuffer(repeating: 0, count: 10 << 20))
        let batch = try builder.build()
        let header = try BatchHeader(of: batch, at: 0)
        #expect(throws: BatchError.self) {
            _ = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 20)
        }
    }
}
