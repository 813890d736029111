import ArgumentParser
import EmbeddedNode
import NIOCore
import RecordBatch
import SegmentLog
import WeirIO
import WeirRuntime

/// `weir log dump`: every batch of a segment, with what is wrong with it.
struct LogDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Prints the batches of a segment file; exits 1 where one is damaged.",
        discussion: "Reads the file as it is; the node may run. docs/formats/log.md describes it.")

    @Argument(help: "A .log file, such as weir-data/topics/orders-0/00000000000000000000.log.")
    var file: String

    @Flag(help: "Print the records of each batch, too.")
    var records = false

    @OptionGroup var output: OutputOptions

    /// One batch, as it is printed.
    private struct Row: Encodable {
        var position: Int64
        var sizeBytes: Int
        var kind: String
        var baseOffset: Int64
        var lastOffset: Int64
        var leaderEpoch: Int32
        var records: Int32
        var codec: String
        var maxTimestamp: Int64
        var producer: String
        var checksum: String
        var lines: [String]?
    }

    /// No batch is larger than a segment may be; a length beyond it is damage.
    private static let batchSizeBytesMax = 1 << 30

    func run() throws {
        var rows: [Row] = []
        var damage: String?
        do {
            let handle = try SystemDisk().open(file, .readOnly)
            defer { handle.close() }
            let size = try handle.size()
            var position: Int64 = 0
            while damage == nil, let header = try header(of: handle, at: position, &damage) {
                guard position + Int64(header.batchSizeBytes) <= size else {
                    damage =
                        "the batch at byte \(position) says it has \(header.batchSizeBytes) bytes, "
                        + "but the file ends after \(size - position)"
                    break
                }
                rows.append(try row(handle, header, at: position))
                if rows.last?.checksum == "BAD" { damage = "the batch at byte \(position) has a bad checksum" }
                position += Int64(header.batchSizeBytes)
            }
        } catch let error as DiskError {
            throw UsageError.failed("cannot read \(file): \(error.reason)")
        }
        try output.print(rows) { Self.table($0) }
        if let damage { throw UsageError.failed("\(file): \(damage)") }
    }

    /// The header at `position`; nil at the end of what was written, which zeros follow.
    private func header(of file: any DiskFile, at position: Int64, _ damage: inout String?) throws -> BatchHeader? {
        let bytes = try read(file, at: position, count: BatchHeader.sizeBytes)
        guard bytes.readableBytes >= BatchHeader.lengthPrefixSizeBytes,
            let length = bytes.getInteger(at: 8, as: Int32.self), length != 0
        else { return nil }
        do {
            let header = try BatchHeader(of: bytes, at: 0)
            if header.batchLength >= 49, header.batchSizeBytes <= Self.batchSizeBytesMax { return header }
            damage = "the batch at byte \(position) has a length of \(header.batchLength)"
        } catch {
            damage = "no batch begins at byte \(position): \(error)"
        }
        return nil
    }

    private func row(_ file: any DiskFile, _ header: BatchHeader, at position: Int64) throws -> Row {
        let batch = try read(file, at: position, count: header.batchSizeBytes)
        let checksummed = header.batchSizeBytes - BatchHeader.checksummedFrom
        let isGood =
            batch.readableBytes == header.batchSizeBytes
            && Checksum.crc32c(batch, at: BatchHeader.checksummedFrom, count: checksummed) == header.checksum
        return Row(
            position: position, sizeBytes: header.batchSizeBytes, kind: kind(of: header, batch),
            baseOffset: header.baseOffset, lastOffset: header.lastOffset, leaderEpoch: header.partitionLeaderEpoch,
            records: header.recordCount, codec: header.attributes.codec?.name ?? "?",
            maxTimestamp: header.maxTimestamp, producer: Self.producer(of: header), checksum: isGood ? "ok" : "BAD",
            lines: records && isGood && !header.attributes.contains(.control) ? try lines(of: batch, header) : nil)
    }

    private func kind(of header: BatchHeader, _ batch: ByteBuffer) -> String {
        guard header.attributes.contains(.control) else {
            return header.attributes.contains(.transactional) ? "transaction" : "records"
        }
        return transactionMarkerSummary(batch) ?? internalBatchSummary(batch) ?? "control"
    }

    /// Id, epoch and, where the batch has one, the first sequence.
    private static func producer(of header: BatchHeader) -> String {
        guard header.hasProducer else { return "" }
        let sequence = header.baseSequence >= 0 ? " seq \(header.baseSequence)" : ""
        return "\(header.producerID)/\(header.producerEpoch)\(sequence)"
    }

    private func lines(of batch: ByteBuffer, _ header: BatchHeader) throws -> [String] {
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 30)
        var lines: [String] = []
        while let record = try reader.next() {
            let key = record.key.map { String(buffer: $0) } ?? "null"
            let value = record.value.map { String(buffer: $0) } ?? "null"
            lines.append("\(header.baseOffset + Int64(record.offsetDelta)) \(key) \(value)")
        }
        return lines
    }

    private func read(_ file: any DiskFile, at position: Int64, count: Int) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var filled = 0
        while filled < count {
            let room = count - filled
            var got = 0
            var failure: DiskError?
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                do throws(DiskError) {
                    got = try file.read(
                        at: position + Int64(filled), into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<room]))
                } catch {
                    failure = error
                }
                return got
            }
            if let failure { throw failure }
            if got == 0 { break }
            filled += got
        }
        return buffer
    }

    private static func table(_ rows: [Row]) -> Table {
        var cells: [[String]] = []
        for row in rows {
            cells.append([
                "\(row.position)", "\(row.sizeBytes)", row.kind, "\(row.baseOffset)", "\(row.lastOffset)",
                "\(row.leaderEpoch)", "\(row.records)", row.codec, "\(row.maxTimestamp)", row.producer, row.checksum,
            ])
            for line in row.lines ?? [] { cells.append(["", "", line] + Array(repeating: "", count: 8)) }
        }
        return Table(
            headings: [
                "POSITION", "BYTES", "KIND", "BASE", "LAST", "EPOCH", "RECORDS", "CODEC", "MAX TIMESTAMP", "PRODUCER",
                "CHECKSUM",
            ],
            rows: cells, numeric: [0, 1, 3, 4, 5, 6, 8])
    }
}
