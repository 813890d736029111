import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

/// A record with a key, as tests of compaction write and expect it.
struct KeyedRecord: Equatable, CustomStringConvertible {
    var key: String?
    /// Nil: a tombstone.
    var value: String?

    init(_ key: String?, _ value: String?) {
        self.key = key
        self.value = value
    }

    var description: String { "\(key ?? "null")=\(value ?? "null")" }
}

/// A batch of keyed records as a producer sends it.
func makeKeyed(
    _ records: [KeyedRecord], codec: Codec = .none, timestamp: Int64 = 1000, attributes: BatchAttributes = [],
    producer: Int64 = -1, epoch: Int16 = -1, sequence: Int32 = -1
) -> ByteBuffer {
    var builder = RecordBatchBuilder(
        codec: codec, attributes: attributes, producerID: producer, producerEpoch: epoch, baseSequence: sequence)
    for (index, record) in records.enumerated() {
        builder.append(
            timestamp: timestamp + Int64(index), key: record.key.map { ByteBuffer(string: $0) },
            value: record.value.map { ByteBuffer(string: $0) },
            headers: [Record.Header(key: "h", value: ByteBuffer(string: "x"))])
    }
    do { return try builder.build() } catch { fatalError("a test's batch: \(error)") }
}

/// A record that was read, with its place and time.
struct FoundRecord: Equatable, CustomStringConvertible {
    var offset: Int64
    var timestamp: Int64
    var record: KeyedRecord

    var description: String { "\(offset):\(record)@\(timestamp)" }
}

/// A batch that was read.
struct FoundBatch: Equatable {
    var header: BatchHeader
    var records: [FoundRecord]
}

/// The batches of a read.
func batches(_ bytes: ByteBuffer) throws -> [FoundBatch] {
    var bytes = bytes
    var found: [FoundBatch] = []
    while bytes.readableBytes > 0 {
        let header = try BatchHeader(of: bytes, at: bytes.readerIndex)
        let own = bytes.readSlice(length: header.batchSizeBytes)
        let batch = try #require(own)
        let count = header.batchSizeBytes - BatchHeader.checksummedFrom
        #expect(Checksum.crc32c(batch, at: batch.readerIndex + 21, count: count) == header.checksum)
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 24)
        var records: [FoundRecord] = []
        while let record = try reader.next() {
            let keyed = KeyedRecord(
                record.key.map { String(buffer: $0) }, record.value.map { String(buffer: $0) })
            records.append(
                FoundRecord(
                    offset: header.baseOffset + Int64(record.offsetDelta),
                    timestamp: header.timestamp(of: record), record: keyed))
        }
        #expect(reader.isAtEnd)
        found.append(FoundBatch(header: header, records: records))
    }
    return found
}

extension LogBench {
    static let compacted: LogSettings = {
        var settings = LogSettings()
        settings.compacts = true
        settings.deletesOldSegments = false
        settings.retentionMilliseconds = nil
        settings.segmentSizeBytesMax = 700
        settings.indexIntervalBytes = 200
        settings.minCleanableDirtyRatio = 0
        settings.fileDeleteDelay = .milliseconds(5)
        return settings
    }()

    static let limits: CleaningLimits = {
        var limits = CleaningLimits(hashKey: HashKey(1, 2))
        limits.bufferSizeBytes = 1024
        return limits
    }()

    /// Runs a pass and waits for it.
    @discardableResult
    func clean(_ log: LocalLog, _ limits: CleaningLimits = limits) throws -> CleaningOutcome {
        try answer { log.clean(limits, then: $0) }
    }

    /// Begins a new segment, so that everything before it may be cleaned.
    func roll(_ log: LocalLog) throws {
        try loop.perform { () throws(LogError) -> Void in try log.roll() }
        simulator.run(within: .seconds(60)) {
            log.segments.dropLast().allSatisfy(\.isSealed) && log.synced == log.appended
        }
    }

    /// Every batch from the log start to the high watermark, as a consumer gets there.
    func consumeBatches(_ log: LocalLog, sizeBytesMax: Int = 300) throws -> [FoundBatch] {
        var (next, end) = loop.perform { (log.logStartOffset, log.highWatermark) }
        var all: [FoundBatch] = []
        while next < end {
            let found = try batches(try read(log, from: next, sizeBytesMax: sizeBytesMax).records)
            guard let last = found.last, last.header.lastOffset >= next else {
                Issue.record("a read from \(next) leads nowhere, the high watermark is \(end)")
                break
            }
            all += found
            next = last.header.lastOffset + 1
        }
        return all
    }

    /// Every record that a consumer gets.
    func consumeRecords(_ log: LocalLog, sizeBytesMax: Int = 300) throws -> [FoundRecord] {
        try consumeBatches(log, sizeBytesMax: sizeBytesMax).filter { !$0.header.attributes.contains(.control) }
            .flatMap(\.records)
    }

    /// Walks through the segments' files as they are: every batch where it belongs, offsets dense, entries as many as
    /// the headers say.
    func expectWholeFiles(_ log: LocalLog) {
        var expected: (offset: Int64, index: Int64)?
        for segment in log.segments {
            let bytes = disk.contents(of: log.folder.logFile(segment.baseOffset)) ?? []
            var index = segment.summary.firstIndex
            var offset = segment.baseOffset
            if let expected {
                #expect(expected == (offset, index), "segment \(segment.baseOffset); seed \(simulator.seed)")
            }
            bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < Int(segment.summary.end),
                    let batch = StoredBatch(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                {
                    let own = UnsafeRawBufferPointer(rebasing: bytes[position..<position + batch.sizeBytes])
                    #expect(batch.baseOffset == offset && batch.isIntact(own), "seed \(simulator.seed)")
                    if position == 0 {
                        guard case .header(let header) = InternalBatch(own) else {
                            Issue.record("a segment begins with its header; seed \(simulator.seed)")
                            return
                        }
                        #expect(header.firstIndex == index)
                    } else {
                        index += batch.entryCount
                    }
                    offset = batch.nextOffset
                    position += batch.sizeBytes
                }
                #expect(position == Int(segment.summary.end), "seed \(simulator.seed)")
            }
            #expect(offset == segment.summary.nextOffset && index == segment.summary.nextIndex)
            expected = (offset, index)
        }
    }
}
