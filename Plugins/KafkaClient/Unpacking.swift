import KafkaWire
import NIOCore
import RecordBatch

/// Takes the records out of what a fetch gave: those from an offset on, control batches and aborted ones left out.
struct Unpacking {
    private let partition: Int32
    private let start: Int64
    /// The records, in order.
    private(set) var records: [IncomingRecord] = []
    /// The offset to go on from: behind the last whole batch.
    private(set) var next: Int64
    /// Aborted transactions that have not begun, the first of them last; nil: records of any are given.
    private var aborted: [FetchResponse.AbortedTransaction]?
    /// The producers whose records are void until their marker comes.
    private var voidProducers: Set<Int64> = []

    /// Records of `partition` from offset `next` on.
    init(partition: Int32, next: Int64) {
        self.partition = partition
        start = next
        self.next = next
    }

    /// Leaves out the records of these transactions.
    mutating func isolate(_ transactions: [FetchResponse.AbortedTransaction]) {
        aborted = transactions.sorted { $0.firstOffset > $1.firstOffset }
    }

    /// Takes the batches in `bytes`, of which the last may be cut off.
    mutating func read(_ bytes: ByteBuffer, sizeBytesMax: Int) throws(BatchError) {
        var rest = bytes
        while rest.readableBytes >= BatchHeader.sizeBytes {
            let header = try BatchHeader(of: rest, at: rest.readerIndex)
            guard header.batchSizeBytes >= BatchHeader.sizeBytes else {
                throw BatchError(.truncated, "a batch length of \(header.batchLength) is less than the header")
            }
            guard let batch = rest.readSlice(length: header.batchSizeBytes) else { break }
            let checksum = Checksum.crc32c(
                batch, at: batch.readerIndex + BatchHeader.checksummedFrom,
                count: header.batchSizeBytes - BatchHeader.checksummedFrom)
            guard checksum == header.checksum else {
                throw BatchError(.checksumMismatch, "the checksum of the batch at \(header.baseOffset) does not fit")
            }
            if isGiven(header) { try take(batch, header, sizeBytesMax) }
            next = max(next, header.lastOffset &+ 1)
        }
    }

    /// Whether the records of a batch are for the caller; follows transactions as their batches pass.
    private mutating func isGiven(_ header: BatchHeader) -> Bool {
        while let first = aborted?.last, first.firstOffset <= header.lastOffset {
            voidProducers.insert(first.producerId)
            aborted?.removeLast()
        }
        guard !header.attributes.contains(.control) else {
            // The transaction's end. What this producer writes behind it belongs to the next one.
            voidProducers.remove(header.producerID)
            return false
        }
        return !(header.attributes.contains(.transactional) && voidProducers.contains(header.producerID))
    }

    private mutating func take(_ batch: ByteBuffer, _ header: BatchHeader, _ sizeBytesMax: Int) throws(BatchError) {
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: sizeBytesMax)
        while let record = try reader.next() {
            let offset = header.baseOffset &+ Int64(record.offsetDelta)
            guard offset >= start else { continue }
            records.append(
                IncomingRecord(
                    partition: partition, offset: offset, timestamp: header.timestamp(of: record), key: record.key,
                    value: record.value, headers: record.headers))
        }
    }
}
