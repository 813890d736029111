import WeirRuntime

/// Why a pass could not go on.
enum CleaningFailure: Error {
    /// The disk.
    case disk(DiskError)
    /// A segment holds bytes that are no batch, or not the one that follows.
    case damaged(path: String, position: Int64)

    /// What it means to the log's owner.
    var error: LogError {
        switch self {
        case .disk(let error):
            LogError(error)
        case .damaged(let path, let position):
            LogError(
                .storage,
                "\(path) is damaged at byte \(position); the log is not compacted until the file is restored from a copy"
            )
        }
    }
}

/// Reads a sealed segment from batch to batch, as far as it is asked to. One thread at a time.
struct SegmentSource {
    private(set) var summary: SegmentSummary
    private let path: String
    private let scanner: BatchScanner
    private(set) var position: Int64 = 0
    private var offset: Int64
    private var epoch: Int32 = 0

    /// Opens the segment. Blocking.
    init(_ summary: SegmentSummary, in folder: LogFolder, bufferSizeBytes: Int) throws(CleaningFailure) {
        self.summary = summary
        path = folder.logFile(summary.baseOffset)
        offset = summary.baseOffset
        do throws(DiskError) {
            let file = try folder.disk.open(path, .readOnly)
            scanner = BatchScanner(window: FileWindow(file, end: summary.end, sizeBytes: bufferSizeBytes))
        } catch {
            throw .disk(error)
        }
    }

    /// The next batch, an intact one, and its bytes, which are valid until the next call; nil at the segment's end.
    mutating func next() throws(CleaningFailure) -> (batch: StoredBatch, bytes: UnsafeRawBufferPointer)? {
        guard position < summary.end else { return nil }
        let found: BatchScanner.Found
        do throws(DiskError) {
            found = try scanner.look(at: position, offset: offset, epoch: epoch)
        } catch {
            throw .disk(error)
        }
        guard case .batch(let batch, let bytes) = found else { throw .damaged(path: path, position: position) }
        position += Int64(batch.sizeBytes)
        offset = batch.nextOffset
        epoch = batch.epoch
        return (batch, bytes)
    }
}
