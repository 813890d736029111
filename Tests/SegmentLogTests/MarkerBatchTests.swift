import NIOCore
import RecordBatch
import Testing

@testable import SegmentLog

@Suite("A marker's batch")
struct MarkerBatchTests {
    static let commit = TransactionMarker(
        producerID: 0x0102_0304_0506_0708, producerEpoch: 9, isCommit: true, coordinatorEpoch: 5, timestamp: 77)

    @Test("is Kafka's, byte for byte")
    func bytes() throws {
        let batch = MarkerBatch.encoded(Self.commit, offset: 3, epoch: 0)
        let header = try BatchHeader(of: batch, at: 0)
        #expect(batch.readableBytes == MarkerBatch.sizeBytes)
        #expect(header.attributes == [.transactional, .control])
        #expect((header.baseOffset, header.lastOffsetDelta, header.recordCount) == (3, 0, 1))
        #expect((header.producerID, header.producerEpoch, header.baseSequence) == (0x0102_0304_0506_0708, 9, -1))
        #expect((header.baseTimestamp, header.maxTimestamp) == (77, 77))
        let record = batch.getBytes(at: 61, length: 17)
        #expect(record == [32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 5, 0])
        let checksum = Checksum.crc32c(batch, at: 21, count: batch.readableBytes - 21)
        #expect(header.checksum == checksum)
    }

    @Test("is read back", arguments: [true, false])
    func roundTrip(isCommit: Bool) throws {
        var marker = Self.commit
        marker.isCommit = isCommit
        #expect(decode(MarkerBatch.encoded(marker, offset: 0, epoch: 0)) == marker)
    }

    @Test("is read where a record reader sees one record")
    func record() throws {
        let batch = MarkerBatch.encoded(Self.commit, offset: 0, epoch: 0)
        var reader = try RecordReader(
            batch, header: try BatchHeader(of: batch, at: 0), uncompressedSizeBytesMax: 1 << 10)
        let record = try #require(try reader.next())
        #expect(record.key == ByteBuffer(bytes: [0, 0, 0, 1]))
        #expect(record.value == ByteBuffer(bytes: [0, 0, 0, 0, 0, 5]))
        #expect(try reader.next() == nil)
    }

    @Test("is none where its record was cut or is of another kind")
    func others() {
        let batch = MarkerBatch.encoded(Self.commit, offset: 0, epoch: 0)
        for count in 61..<75 { #expect(decode(batch.getSlice(at: 0, length: count)!) == nil, "\(count) bytes") }
        var leaderChange = batch
        leaderChange.setInteger(Int16(2), at: 68)
        #expect(decode(leaderChange) == nil)
        var cleaned = batch
        cleaned.setInteger(Int32(0), at: 57)
        #expect(decode(cleaned) == nil)
    }

    private func decode(_ batch: ByteBuffer) -> TransactionMarker? {
        batch.withUnsafeReadableBytes { bytes in MarkerBatch.decode(StoredBatch(bytes)!, bytes) }
    }
}
