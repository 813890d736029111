import NIOCore
import WeirRuntime

/// Writes the segment that takes the place of one or more cleaned ones. One thread at a time, blocking.
///
/// Emptied batches in a row become one that says how many offsets and entries it stands for: offsets and Raft indexes of
/// everything else stay what they were.
struct CleanedSegment {
    private let folder: LogFolder
    private let file: any DiskFile
    private let bufferSizeBytes: Int
    private var buffer: ByteBuffer
    /// Where the buffer's first byte goes.
    private var written: Int64 = 0
    private(set) var summary: SegmentSummary
    private(set) var index: SegmentIndex
    /// Emptied batches that were met last and are not written yet.
    private var run: EmptiedRun?

    private struct EmptiedRun {
        var offsets: Range<Int64>
        var entries: Int64
        var epoch: Int32
    }

    /// Where the next batch goes.
    private var position: Int64 { written + Int64(buffer.readableBytes) }

    /// Begins the segment with what was its first one's header batch.
    init(
        _ first: SegmentSummary, header: UnsafeRawBufferPointer, in folder: LogFolder, indexIntervalBytes: Int,
        bufferSizeBytes: Int
    ) throws(DiskError) {
        self.folder = folder
        self.bufferSizeBytes = bufferSizeBytes
        let path = folder.logFile(first.baseOffset) + FileNames.cleanedSuffix
        // What a pass that was stopped left behind.
        try folder.disk.remove(path)
        file = try folder.disk.open(path, .createNew)
        buffer = ByteBufferAllocator().buffer(capacity: bufferSizeBytes)
        summary = SegmentSummary(baseOffset: first.baseOffset, firstIndex: first.firstIndex)
        index = SegmentIndex(
            baseOffset: first.baseOffset, firstIndex: first.firstIndex, intervalBytes: indexIntervalBytes)
        buffer.writeBytes(header)
    }

    /// Appends a batch as it is.
    mutating func append(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        try finishRun()
        try put(batch, bytes)
    }

    /// Notes that the batch is emptied and nothing of it is needed.
    mutating func appendEmptied(_ batch: StoredBatch) throws(DiskError) {
        if var run, run.epoch == batch.epoch, run.offsets.upperBound == batch.baseOffset,
            batch.nextOffset - run.offsets.lowerBound <= Int64(Int32.max),
            run.entries + batch.entryCount <= Int64(Int32.max)
        {
            run.offsets = run.offsets.lowerBound..<batch.nextOffset
            run.entries += batch.entryCount
            self.run = run
            return
        }
        try finishRun()
        run = EmptiedRun(
            offsets: batch.baseOffset..<batch.nextOffset, entries: batch.entryCount, epoch: batch.epoch)
    }

    /// Writes what is left and the indexes, all of it durable when it returns, under names that mean nothing yet.
    mutating func finish(nextIndex: Int64) throws(DiskError) {
        try finishRun()
        try flush()
        try file.sync()
        precondition(summary.nextIndex == nextIndex, "cleaning changed how many entries a segment holds")
        summary.end = written
        summary.firstTimestamp = index.firstTimestamp
        summary.maxTimestamp = index.maxTimestamp
        summary.maxTimestampOffset = index.maxTimestampOffset
        index.seal(nextOffset: summary.nextOffset, position: summary.end, nextIndex: summary.nextIndex)
        let base = summary.baseOffset
        try folder.writeIndex(
            folder.offsetIndexFile(base) + FileNames.cleanedSuffix, index.offsets[...], baseOffset: base)
        try folder.writeIndex(folder.timeIndexFile(base) + FileNames.cleanedSuffix, index.times[...], baseOffset: base)
    }

    private mutating func finishRun() throws(DiskError) {
        guard let run else { return }
        self.run = nil
        let bytes = StoredBatch.emptiedRun(offsets: run.offsets, entries: run.entries, epoch: run.epoch)
        var failure: DiskError?
        bytes.withUnsafeReadableBytes { raw in
            guard let batch = StoredBatch(raw) else { preconditionFailure("an emptied run has a header") }
            do throws(DiskError) { try put(batch, raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func put(_ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        index.note(batch, position: position, index: summary.nextIndex)
        summary.nextIndex += batch.entryCount
        summary.nextOffset = batch.nextOffset
        if buffer.readableBytes + bytes.count > bufferSizeBytes { try flush() }
        buffer.writeBytes(bytes)
    }

    private mutating func flush() throws(DiskError) {
        var failure: DiskError?
        buffer.withUnsafeReadableBytes { bytes in
            var done = 0
            do throws(DiskError) {
                while done < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                    done += try file.write(at: written + Int64(done), [rest])
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        written += Int64(buffer.readableBytes)
        buffer.clear(minimumCapacity: bufferSizeBytes)
    }
}
